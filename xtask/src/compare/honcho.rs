//! honcho: a Procfile, one process, and everything ends with the first that ends.

use std::fmt::Write as _;
use std::process::{Child, Command};

use super::peer::{Peer, Source, Work, terminate};

pub(super) struct Honcho;

impl Peer for Honcho {
    fn name(&self) -> &'static str {
        "honcho"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["honcho"]
    }

    fn source(&self) -> Source {
        Source::Python("honcho")
    }

    fn most(&self) -> usize {
        100
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let mut file = String::new();
        for number in 0..work.services {
            // It goes through a shell, which would stay in front of the service.
            writeln!(file, "s{number}: exec {}", work.line())?;
        }
        Ok(std::fs::write(work.path("Procfile"), file)?)
    }

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new("honcho");
        command.arg("start").current_dir(&work.folder);
        command
    }

    fn status(&self, _work: &Work) -> Option<Command> {
        None
    }

    fn restarts(&self) -> bool {
        false
    }

    fn down(&self, _work: &Work, up: &Child) -> Command {
        terminate(up, "TERM")
    }
}
