//! s6: a folder of run scripts, one `s6-supervise` for each.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use super::peer::{Peer, Source, Work, terminate};

pub(super) struct S6;

impl Peer for S6 {
    fn name(&self) -> &'static str {
        "s6"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["s6-svscan", "s6-supervise"]
    }

    fn source(&self) -> Source {
        Source::Debian("s6")
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
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

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new("s6-svscan");
        command
            .arg("-c")
            .arg((work.services + 10).to_string())
            .arg(work.path("services"));
        command
    }

    fn status(&self, _work: &Work) -> Option<Command> {
        // One s6-svstat a service, and nothing that shows them all.
        None
    }

    fn down(&self, _work: &Work, up: &Child) -> Command {
        terminate(up, "TERM")
    }
}
