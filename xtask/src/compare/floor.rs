//! Nobody: a loop that clones and executes, and then waits. No manager can be below this.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use super::peer::{Peer, Work};

pub(super) struct Floor {
    /// The service's program, which has the loop too.
    pub(super) program: PathBuf,
}

/// What the floor is called.
pub(super) const NAME: &str = "floor";

impl Peer for Floor {
    fn name(&self) -> &'static str {
        NAME
    }

    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn prepare(&self, _work: &Work) -> anyhow::Result<()> {
        Ok(())
    }

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("floor")
            .arg(work.services.to_string())
            .args(&work.command)
            .process_group(0);
        command
    }

    fn status(&self, _work: &Work) -> Option<Command> {
        None
    }

    fn restarts(&self) -> bool {
        false
    }

    fn down(&self, _work: &Work, up: &Child) -> Command {
        let mut command = Command::new("kill");
        command.args(["-TERM", "--", &format!("-{}", up.id())]);
        command
    }
}
