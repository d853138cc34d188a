//! dinit: a service file each, and one that waits for all.

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command};

use super::peer::{Peer, Work};

pub(super) struct Dinit;

impl Dinit {
    fn control(work: &Work, order: &str) -> Command {
        let mut command = Command::new("dinitctl");
        command
            .arg("--socket-path")
            .arg(work.path("control"))
            .arg(order);
        command
    }
}

impl Peer for Dinit {
    fn name(&self) -> &'static str {
        "dinit"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["dinit", "dinitctl"]
    }

    fn prepare(&self, work: &Work) -> anyhow::Result<()> {
        let folder = work.path("services");
        fs::create_dir(&folder)?;
        let mut boot = "type = internal\n".to_owned();
        for number in 0..work.services {
            writeln!(boot, "waits-for: s{number}")?;
            let file = format!(
                "type = process\ncommand = {}\nrestart = true\nrestart-delay = 0\n",
                work.line()
            );
            fs::write(folder.join(format!("s{number}")), file)?;
        }
        Ok(fs::write(folder.join("boot"), boot)?)
    }

    fn up(&self, work: &Work) -> Command {
        let mut command = Command::new("dinit");
        command
            .args(["--user", "--quiet", "--services-dir"])
            .arg(work.path("services"))
            .arg("--socket-path")
            .arg(work.path("control"));
        command
    }

    fn status(&self, work: &Work) -> Option<Command> {
        Some(Self::control(work, "list"))
    }

    fn down(&self, work: &Work, _up: &Child) -> Command {
        Self::control(work, "shutdown")
    }
}
