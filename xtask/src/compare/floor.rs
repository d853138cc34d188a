//! Nobody: a shell that starts the services and waits. No manager can be below this.

use std::fmt::Write as _;
use std::process::{Child, Command};

use super::peer::{Peer, Work, terminate};

pub(super) struct Floor;

impl Peer for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["sh"]
    }

    fn prepare(&self, work: &Work<'_>) -> anyhow::Result<()> {
        let mut script = "trap 'kill $pids; exit' TERM\n".to_owned();
        for _ in 0..work.services {
            writeln!(script, "{} &\npids=\"$pids $!\"", work.line())?;
        }
        script.push_str("wait\n");
        Ok(std::fs::write(work.path("floor.sh"), script)?)
    }

    fn up(&self, work: &Work<'_>) -> Command {
        let mut command = Command::new("sh");
        command.arg(work.path("floor.sh"));
        command
    }

    fn status(&self, _work: &Work<'_>) -> Option<Command> {
        None
    }

    fn down(&self, _work: &Work<'_>, up: &Child) -> Option<Command> {
        Some(terminate(up, "TERM"))
    }
}
