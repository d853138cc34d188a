//! What must be there before a service can start, as data.

use std::fmt;

use camino::Utf8PathBuf;
use gantry_core::ServiceName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

/// One need of one or more services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// Who needs it.
    pub services: Vec<ServiceName>,
    /// What is needed.
    pub need: Need,
    /// The field of the specification that says so, with dots.
    pub field: SmolStr,
    /// Whether they start without it all the same: then its lack is a warning.
    #[serde(default)]
    pub advisory: bool,
}

/// What is needed. Pre-flight looks for all of them but [`Need::Backend`] by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "need", rename_all = "kebab-case")]
pub enum Need {
    /// A program that can be run.
    Program {
        /// A name to be looked for in `path`, or a path that begins in `folder`.
        name: String,
        /// The folders to look in, as in the variable `PATH`; `None`: those of the environment that
        /// `up` was given.
        path: Option<String>,
        /// The working folder of the process.
        folder: Utf8PathBuf,
    },
    /// A file that can be read.
    File {
        /// Where.
        path: Utf8PathBuf,
    },
    /// A folder that can be entered.
    Folder {
        /// Where.
        path: Utf8PathBuf,
    },
    /// A user of this machine, by name or number.
    User {
        /// Which.
        name: String,
    },
    /// A group of this machine, by name or number.
    Group {
        /// Which.
        name: String,
    },
    /// An address that nobody listens at.
    Listen {
        /// `ADDRESS:PORT`, or the absolute path of a Unix socket.
        address: String,
        /// Whether it is for datagrams.
        datagram: bool,
    },
    /// Something that only the driver can look for, by
    /// [`Driver::examine`](crate::Driver::examine).
    Backend {
        /// What it is, in words.
        what: String,
        /// The driver's own.
        data: Value,
    },
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { name, .. } => write!(f, "program `{name}`"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Folder { path } => write!(f, "folder {path}"),
            Self::User { name } => write!(f, "user `{name}`"),
            Self::Group { name } => write!(f, "group `{name}`"),
            Self::Listen { address, .. } => write!(f, "address {address}"),
            Self::Backend { what, .. } => f.write_str(what),
        }
    }
}

/// A need that is not met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// What was looked for, and what was found instead, in one line.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}
