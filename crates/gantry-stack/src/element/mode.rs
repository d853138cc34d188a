//! The modes: in how many ways a service may run.

use super::Element;

mod compose;
mod container;
mod helm;
mod kubernetes;
mod process;
mod remote;
#[cfg(test)]
mod tests;
mod ulimits;

pub use compose::{COMPOSE, COPY, TEMPLATE};
pub use container::{BUILD, CONTAINER, VOLUME};
pub use helm::HELM;
pub use kubernetes::KUBERNETES;
pub use process::PROCESS;
pub use remote::REMOTE;
pub use ulimits::{ULIMIT, ULIMITS};

/// One mode.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of what holds for a mode, not a state"
)]
#[derive(Debug)]
pub struct Mode {
    /// Its name, which is the key of its table.
    pub name: &'static str,
    /// Its table.
    pub element: &'static Element,
    /// Whether its services take ports of this machine.
    pub on_host: bool,
    /// Whether host and fixed ports are known before the service runs.
    pub fixed_addresses: bool,
    /// Whether its ports are those that the file names, and no others.
    pub has_ports: bool,
    /// Whether its backend shows parts of a service.
    pub has_children: bool,
}

/// Every mode.
pub static ALL: &[Mode] = &[
    Mode {
        name: "process",
        element: &PROCESS,
        on_host: true,
        fixed_addresses: true,
        has_ports: true,
        has_children: false,
    },
    Mode {
        name: "container",
        element: &CONTAINER,
        on_host: false,
        fixed_addresses: false,
        has_ports: true,
        has_children: false,
    },
    Mode {
        name: "compose",
        element: &COMPOSE,
        on_host: false,
        fixed_addresses: false,
        has_ports: false,
        has_children: true,
    },
    Mode {
        name: "kubernetes",
        element: &KUBERNETES,
        on_host: false,
        fixed_addresses: false,
        has_ports: false,
        has_children: true,
    },
    Mode {
        name: "helm",
        element: &HELM,
        on_host: false,
        fixed_addresses: false,
        has_ports: false,
        has_children: true,
    },
    Mode {
        name: "remote",
        element: &REMOTE,
        on_host: false,
        fixed_addresses: true,
        has_ports: true,
        has_children: false,
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
