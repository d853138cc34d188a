//! The project's own chores, one file each: `cargo xtask CHORE --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to a terminal"
)]

use std::process::ExitCode;

use clap::Parser;

mod check;
mod compare;
mod kubernetes;
mod shell;
mod simulate;
mod soak;
mod test;
mod torture;
mod waves;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Install what the tests need where that is possible, and run all of them.
    Test(test::Args),
    /// Keep the architecture: who may depend on whom, forbidden words, file sizes, documents.
    Check(check::Args),
    /// Run gantry and the service managers that are installed on the same work.
    Compare(compare::Args),
    /// Build what `examples/kubernetes` runs: a cluster on this machine.
    Kubernetes(kubernetes::Args),
    /// Run seeded schedules of the core over a simulated world.
    Simulate(simulate::Args),
    /// A long while of crashes, restarts, rotating logs and clients: memory and descriptors stay flat.
    Soak(soak::Args),
    /// Kill the parts of a running stack at random, and see that no service notices.
    Torture(torture::Args),
    /// Kill a thousand of ten thousand services at once, again and again.
    Waves(waves::Args),
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test(args) => test::run(&args),
        Chore::Check(args) => check::run(&args),
        Chore::Compare(args) => compare::run(&args),
        Chore::Kubernetes(args) => kubernetes::run(&args),
        Chore::Simulate(args) => simulate::run(&args),
        Chore::Soak(args) => soak::run(&args),
        Chore::Torture(args) => torture::run(&args),
        Chore::Waves(args) => waves::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
