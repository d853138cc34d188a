//! s6: a folder of run scripts, one `s6-supervise` for each.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use super::peer::{Peer, Work, terminate};

pub(super) struct S6;

impl Peer for S6 {
    fn name(&self) -> &'static str {
        "s6"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["s6-svscan", "s6-supervise"]
    }

    fn prepare(&self, work: &Work<'_>) -> anyhow::Result<()> {
        for number in 0..work.services {
            let folder = work.path(format!("services/s{number}"));
            fs::create_dir_all(&folder)?;
            let run = folder.join("run");
            fs::write(
                &run,
                format!("#!/bin/sh\nexec {} >>output 2>&1\n", work.line()),
            )?;
            fs::set_permissions(&run, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    fn up(&self, work: &Work<'_>) -> Command {
        let mut command = Command::new("s6-svscan");
        command
            .arg("-c")
            .arg((work.services + 10).to_string())
            .arg(work.path("services"));
        command
    }

    fn status(&self, _work: &Work<'_>) -> Option<Command> {
        // One s6-svstat a service, and nothing that shows them all.
        None
    }

    fn down(&self, _work: &Work<'_>, up: &Child) -> Option<Command> {
        Some(terminate(up, "TERM"))
    }
}
