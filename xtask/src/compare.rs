//! The same work for gantry and for other service managers, in the same run.
//!
//! The work is a number of services that say when they live (`gantry-test-service beat`), so that
//! what is measured is the service's own word and not a manager's claim. Rounds take turns: each
//! manager does the work once, then each does it again, so that a busy machine is busy for all of
//! them. What comes out are ratios: seconds are another machine's.

use std::process::ExitCode;

use crate::shell;

mod circus;
mod dinit;
mod floor;
mod gantry;
mod honcho;
mod install;
mod killed;
mod measure;
mod peer;
mod pm2;
mod process_compose;
mod round;
mod runit;
mod s6;
mod supervisord;
mod table;

use measure::Contest;
use peer::Peer;

/// Its options.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many services each manager gets.
    #[arg(long, default_value_t = 100)]
    services: usize,
    /// How often each manager does the work; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Take what is installed, and install nothing.
    #[arg(long)]
    no_install: bool,
    /// Only these managers.
    only: Vec<String>,
}

/// Measure whoever is here, and say who is not.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let words = [
        "build",
        "--release",
        "--package",
        "gantry",
        "--package",
        "gantry-test",
    ];
    shell::run(shell::cargo().args(words))?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let programs = shell::root().join("target/release");
    let service = programs.join("gantry-test-service");

    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(floor::Floor {
            program: service.clone(),
        }),
        Box::new(gantry::Gantry {
            program: programs.join("gantry"),
        }),
        Box::new(dinit::Dinit),
        Box::new(s6::S6),
        Box::new(runit::Runit),
        Box::new(supervisord::Supervisord),
        Box::new(process_compose::ProcessCompose),
        Box::new(circus::Circus),
        Box::new(honcho::Honcho),
        Box::new(pm2::Pm2),
    ];
    let wanted = |peer: &dyn Peer| {
        args.only.is_empty() || args.only.iter().any(|wanted| wanted == peer.name())
    };
    let mut notes = Vec::new();
    if !args.no_install {
        let missing = peers
            .iter()
            .filter(|peer| wanted(peer.as_ref()) && args.services <= peer.most());
        notes.extend(install::install(missing.map(AsRef::as_ref)));
    }
    let path = install::search_path();
    let mut contest = Contest::new(&service, path, args.services);
    for peer in peers.iter().filter(|peer| wanted(peer.as_ref())) {
        let name = peer.name();
        if args.services > peer.most() {
            notes.push(format!(
                "{name}: not measured, since more than {} take it minutes",
                peer.most()
            ));
        } else if let Some(program) = contest.missing(peer.as_ref()) {
            notes.push(format!("{name}: not measured, since {program} is not here"));
        } else {
            contest.enter(peer.as_ref());
        }
    }
    for round in 1..=args.rounds.max(1) {
        eprintln!("==> round {round}");
        contest.round();
    }
    contest.kill_managers();
    let (rows, failures) = contest.end();
    notes.extend(failures);
    table::print(&rows, args.services, args.rounds);
    if !notes.is_empty() {
        println!();
    }
    for note in notes {
        println!("- {note}");
    }
    Ok(ExitCode::SUCCESS)
}
