//! The same work for gantry and for the service managers that are installed, in the same run.
//!
//! The work is a number of services that say when they live (`gantry-test-service beat`), so that
//! what is measured is the service's own word and not a manager's claim. What comes out are ratios:
//! seconds are another machine's.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::shell;

mod floor;
mod gantry;
mod measure;
mod peer;
mod runit;
mod s6;
mod supervisord;
mod table;

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
    let programs = shell::root().join("target/release");
    let service = programs.join("gantry-test-service");

    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(floor::Floor),
        Box::new(gantry::Gantry {
            program: programs.join("gantry"),
        }),
        Box::new(supervisord::Supervisord),
        Box::new(runit::Runit),
        Box::new(s6::S6),
    ];
    let mut rows = Vec::new();
    let mut absent = Vec::new();
    for peer in &peers {
        let name = peer.name();
        if !args.only.is_empty() && !args.only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let missing = peer
            .programs()
            .iter()
            .find(|program| shell::find_program(program).is_none());
        if let Some(program) = missing {
            absent.push(format!("{name} ({program} is not in PATH)"));
            continue;
        }
        eprintln!("==> {name}");
        let row = measure::measure(peer.as_ref(), &service, args.services, args.rounds)
            .with_context(|| format!("{name} did not do the work"))?;
        rows.push(row);
    }
    table::print(&rows, args.services, args.rounds);
    if !absent.is_empty() {
        println!("\nnot measured: {}", absent.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
