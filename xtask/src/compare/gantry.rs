//! gantry itself.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use gantry_test::Process;

use super::peer::{Peer, Work};

pub(super) struct Gantry {
    pub(super) program: PathBuf,
}

impl Gantry {
    fn command(&self, work: &Work, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&work.folder)
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

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
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

    fn up(&self, work: &Work) -> Command {
        self.command(work, &["up", "-d"])
    }

    fn status(&self, work: &Work) -> Option<Command> {
        Some(self.command(work, &["status"]))
    }

    fn down(&self, work: &Work, _up: &Child) -> Command {
        self.command(work, &["down"])
    }

    fn manager(&self, all: &[Process], _up: &Child) -> Vec<i32> {
        // Guard, keeper and supervisor at once: any one of them alone would be too easy.
        all.iter().map(|process| process.pid).collect()
    }
}
