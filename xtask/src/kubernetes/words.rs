//! The same failures for kubectl, for Helm and for gantry: what each says, when, and with which exit code.
//!
//! A case is data (`xtask/kubernetes/words`): a folder that is changed in some way, what a native tool is told, and words
//! of which one must be said for the cause to be named. Each tool has a namespace and a home of its own for each case.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;

use crate::shell;

mod case;
mod knows;
mod page;
mod run;

use case::Case;
use run::{Ground, Outcome};

/// What to try, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration of a cluster that runs; everything that is made in it is in namespaces of its own.
    #[arg(long, default_value = "/run/gantry-kubernetes-1/admin.conf")]
    kubeconfig: PathBuf,
    /// The folder that has kubectl, helm3 and helm4  [default: target/kubernetes/bin]
    #[arg(long)]
    programs: Option<PathBuf>,
    /// The gantry to try  [default: target/debug/gantry]
    #[arg(long)]
    gantry: Option<PathBuf>,
    /// How many cases are tried at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Write what came out into `docs/failures.md`, below its introduction.
    #[arg(long)]
    write: bool,
    /// Only cases whose names have one of these words.
    only: Vec<String>,
}

/// One case with what each tool has made of it.
struct Tried {
    case: Case,
    outcomes: Vec<Outcome>,
}

/// Try every case with every tool.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let root = shell::root();
    let programs = args.programs.clone();
    let programs = programs.unwrap_or_else(|| super::folder().join("bin"));
    let gantry = args.gantry.clone();
    let gantry = gantry.unwrap_or_else(|| root.join("target/debug/gantry"));
    let ground = Ground::new(&args.kubeconfig, &programs, &gantry)?;
    let mut cases = case::read(&root.join("xtask/kubernetes/words"))?;
    cases.retain(|case| {
        args.only.is_empty() || args.only.iter().any(|word| case.name.contains(word))
    });
    let tried = try_all(&ground, cases, args.jobs.max(1))?;
    let text = page::measured(&tried);
    if args.write {
        let path = root.join("docs/failures.md");
        let old = std::fs::read_to_string(&path).context("no docs/failures.md")?;
        std::fs::write(path, page::with(&old, &text)?)?;
    } else {
        println!("{text}");
    }
    let mut as_told = true;
    for one in &tried {
        let gantry = one.outcomes.last().context("no outcome")?;
        if gantry.code != one.case.code {
            let (name, wanted, code) = (&one.case.name, one.case.code, gantry.code);
            eprintln!("{name}: gantry's exit code is {code}, and should be {wanted}");
            as_told = false;
        }
    }
    Ok(if as_told {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn try_all(ground: &Ground, cases: Vec<Case>, jobs: usize) -> anyhow::Result<Vec<Tried>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<anyhow::Result<Vec<Outcome>>>>> =
        cases.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else {
                        return;
                    };
                    let result = ground.try_case(case);
                    eprintln!("{}", page::line(case, &result));
                    *results[number].lock().expect("nobody panics") = Some(result);
                }
            });
        }
    });
    let both = cases.into_iter().zip(results);
    both.map(|(case, result)| {
        let result = result.into_inner().expect("nobody panics");
        let outcomes = result.context("it was not tried")?;
        let outcomes = outcomes.with_context(|| case.name.clone())?;
        Ok(Tried { case, outcomes })
    })
    .collect()
}
