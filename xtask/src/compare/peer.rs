//! What a service manager has to offer to be measured.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use gantry_test::Process;

/// The work of one round.
pub(super) struct Work {
    /// An empty folder, the manager's own.
    pub(super) folder: PathBuf,
    /// The service's argument vector.
    pub(super) command: Vec<String>,
    /// How many of them.
    pub(super) services: usize,
}

impl Work {
    /// A file or folder in the manager's own folder.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// The command as a shell would read it; the words have no blanks or quotes.
    pub(super) fn line(&self) -> String {
        self.command.join(" ")
    }
}

/// Where a manager comes from.
pub(super) enum Source {
    /// It is here already, or it is not measured.
    Path,
    /// A package of Debian.
    Debian(&'static str),
    /// A package of `PyPI`.
    Python(&'static str),
    /// A package of npm.
    Node(&'static str),
}

/// One service manager.
pub(super) trait Peer {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Programs that must be in `PATH`.
    fn programs(&self) -> &'static [&'static str];

    /// Where it can be had.
    fn source(&self) -> Source {
        Source::Path
    }

    /// More services than this are not asked of it.
    fn most(&self) -> usize {
        usize::MAX
    }

    /// Write its configuration.
    fn prepare(&self, work: &Work) -> anyhow::Result<()>;

    /// The command that brings everything up. It may return or stay.
    fn up(&self, work: &Work) -> Command;

    /// The command that shows the state of every service, if there is one.
    fn status(&self, work: &Work) -> Option<Command>;

    /// Whether a service that dies is started again.
    fn restarts(&self) -> bool {
        true
    }

    /// The command that takes everything down.
    fn down(&self, work: &Work, up: &Child) -> Command;

    /// Those of its processes that are neither `up` nor carry the mark of the round.
    fn unmarked(&self, _work: &Work) -> Vec<i32> {
        Vec::new()
    }

    /// The processes without which nobody supervises, out of all that are no service. What is killed
    /// to see what becomes of the services.
    fn manager(&self, _all: &[Process], up: &Child) -> Vec<i32> {
        vec![i32::try_from(up.id()).unwrap_or(0)]
    }
}

/// A signal for a manager that is told to end that way.
pub(super) fn terminate(child: &Child, signal: &str) -> Command {
    let mut command = Command::new("kill");
    command
        .arg(format!("-{signal}"))
        .arg(child.id().to_string());
    command
}
