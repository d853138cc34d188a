//! circus.

use std::fmt::Write as _;
use std::process::{Child, Command};

use super::peer::{Peer, Source, Work};

pub(super) struct Circus;

impl Circus {
    fn control(work: &Work, order: &str) -> Command {
        let mut command = Command::new("circusctl");
        command
            .arg("--endpoint")
            .arg(format!("ipc://{}/control", work.folder.display()))
            .args(["--timeout", "60", order]);
        command
    }
}

impl Peer for Circus {
    fn name(&self) -> &'static str {
        "circus"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["circusd", "circusctl"]
    }

    fn source(&self) -> Source {
        Source::Python("circus")
    }

    fn most(&self) -> usize {
        1_000
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let folder = work.folder.display();
        let mut file = format!(
            "[circus]\nendpoint = ipc://{folder}/control\n\
             pubsub_endpoint = ipc://{folder}/events\n"
        );
        for number in 0..work.services {
            let line = work.line();
            writeln!(file, "[watcher:s{number}]\ncmd = {line}\ncopy_env = True")?;
        }
        Ok(std::fs::write(work.path("circus.ini"), file)?)
    }

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new("circusd");
        command.arg(work.path("circus.ini"));
        command
    }

    fn status(&self, work: &Work) -> Option<Command> {
        Some(Self::control(work, "status"))
    }

    fn down(&self, work: &Work, _up: &Child) -> Command {
        Self::control(work, "quit")
    }
}
