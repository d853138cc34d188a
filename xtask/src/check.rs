//! Keeping the architecture: what a compiler does not see and a review forgets.
//!
//! Every rule is one file below `check/`, a function from the workspace to a list of complaints.
//! A new rule is a file and a line in [`RULES`].

use std::process::ExitCode;

use workspace::Workspace;

mod dependencies;
mod generated;
mod links;
mod lints;
mod manifests;
mod sizes;
mod words;
mod workspace;

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the generated documents anew instead of complaining about old ones.
    #[arg(long)]
    write: bool,
}

/// One complaint: where, and what is wrong there.
type Complaint = String;

type Rule = fn(&Workspace) -> Vec<Complaint>;

const RULES: [(&str, Rule); 7] = [
    (
        "crates depend only on those that they may",
        dependencies::check,
    ),
    (
        "dependencies are chosen in the root manifest, and used",
        manifests::check,
    ),
    ("core, engine and api know no backend", words::check),
    (
        "unsafe is in gantry-sys, and no lint is switched off silently",
        lints::check,
    ),
    ("files are small", sizes::check),
    ("generated documents are current", generated::check),
    ("links lead somewhere", links::check),
];

/// Apply every rule, and say what each found.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::read()?;
    if args.write {
        generated::write(&workspace)?;
    }
    let mut clean = true;
    for (what, rule) in RULES {
        let complaints = rule(&workspace);
        println!(
            "{} {what}",
            if complaints.is_empty() {
                "ok    "
            } else {
                "broken"
            }
        );
        for complaint in &complaints {
            println!("         {complaint}");
        }
        clean &= complaints.is_empty();
    }
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
