//! What a service manager has to offer to be measured.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The work of one round.
pub(super) struct Work<'a> {
    /// An empty folder, the manager's own.
    pub(super) folder: &'a Path,
    /// The service's argument vector.
    pub(super) command: Vec<String>,
    /// How many of them.
    pub(super) services: usize,
}

impl Work<'_> {
    /// A file or folder in the manager's own folder.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// The command as a shell would read it; the words have no blanks or quotes.
    pub(super) fn line(&self) -> String {
        self.command.join(" ")
    }
}

/// One service manager.
pub(super) trait Peer {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Programs that must be in `PATH`.
    fn programs(&self) -> &'static [&'static str];

    /// Write its configuration.
    fn prepare(&self, work: &Work<'_>) -> anyhow::Result<()>;

    /// The command that brings everything up. It may return or stay.
    fn up(&self, work: &Work<'_>) -> Command;

    /// The command that shows the state of every service, if there is one.
    fn status(&self, work: &Work<'_>) -> Option<Command>;

    /// The command that takes everything down, if ending the process of `up` does not.
    fn down(&self, work: &Work<'_>, up: &Child) -> Option<Command>;
}

/// `kill -TERM` for a manager that is told to end that way.
pub(super) fn terminate(child: &Child, signal: &str) -> Command {
    let mut command = Command::new("kill");
    command
        .arg(format!("-{signal}"))
        .arg(child.id().to_string());
    command
}
