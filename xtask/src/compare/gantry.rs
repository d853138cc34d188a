//! gantry itself.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use super::peer::{Peer, Work};

pub(super) struct Gantry {
    pub(super) program: PathBuf,
}

impl Gantry {
    fn command(&self, work: &Work<'_>, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(work.folder)
            .env("GANTRY_HOME", work.path("home"))
            .args(words);
        command
    }
}

impl Peer for Gantry {
    fn name(&self) -> &'static str {
        "gantry"
    }

    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn prepare(&self, work: &Work<'_>) -> anyhow::Result<()> {
        let words = work.command.iter().map(|word| format!("{word:?}"));
        let words = words.collect::<Vec<_>>().join(", ");
        let mut file = "name = \"compare\"\n".to_owned();
        for number in 0..work.services {
            writeln!(file, "[services.s{number}]")?;
            writeln!(
                file,
                "restart = {{ policy = \"always\", backoff = \"0s..1s\" }}"
            )?;
            writeln!(file, "[services.s{number}.process]\ncommand = [{words}]")?;
        }
        Ok(std::fs::write(work.path("gantry.toml"), file)?)
    }

    fn up(&self, work: &Work<'_>) -> Command {
        self.command(work, &["up", "-d"])
    }

    fn status(&self, work: &Work<'_>) -> Option<Command> {
        Some(self.command(work, &["status"]))
    }

    fn down(&self, work: &Work<'_>, _up: &Child) -> Option<Command> {
        Some(self.command(work, &["down"]))
    }
}
