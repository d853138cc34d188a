//! The modes: in how many ways a service may run.

use super::Element;

mod process;
mod remote;

pub use process::PROCESS;
pub use remote::REMOTE;

/// One mode.
#[derive(Debug)]
pub struct Mode {
    /// Its name, which is the key of its table.
    pub name: &'static str,
    /// Its table.
    pub element: &'static Element,
    /// Whether its services listen on this machine, at the ports that the file names.
    pub on_host: bool,
}

/// Every mode.
pub static ALL: &[Mode] = &[
    Mode {
        name: "process",
        element: &PROCESS,
        on_host: true,
    },
    Mode {
        name: "remote",
        element: &REMOTE,
        on_host: false,
    },
];

/// Every mode's name, with what it is.
pub const NAMES: &[(&str, &str)] = &[
    ("process", "a native process on this machine"),
    ("container", "one container of Docker or Podman"),
    ("compose", "a Compose project, or part of one"),
    ("kubernetes", "manifests or a kustomization"),
    ("helm", "a Helm release"),
    ("remote", "something that runs elsewhere: it is only probed"),
];

/// The mode of this name.
pub fn find(name: &str) -> Option<&'static Mode> {
    ALL.iter().find(|mode| mode.name == name)
}
