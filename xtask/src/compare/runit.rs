//! runit: a folder of run scripts, one `runsv` for each.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use super::peer::{Peer, Source, Work, terminate};

pub(super) struct Runit;

impl Peer for Runit {
    fn name(&self) -> &'static str {
        "runit"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["runsvdir", "sv"]
    }

    fn source(&self) -> Source {
        Source::Debian("runit")
    }

    fn most(&self) -> usize {
        1_000
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
        let mut command = Command::new("runsvdir");
        command.arg("-P").arg(work.path("services"));
        command
    }

    fn status(&self, work: &Work) -> Option<Command> {
        let mut command = Command::new("sv");
        command.arg("status");
        for number in 0..work.services {
            command.arg(work.path(format!("services/s{number}")));
        }
        Some(command)
    }

    fn down(&self, _work: &Work, up: &Child) -> Command {
        // runsvdir takes its children down on SIGHUP only.
        terminate(up, "HUP")
    }
}
