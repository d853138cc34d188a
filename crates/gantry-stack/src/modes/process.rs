//! A native process on this machine.

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// `[services.NAME.process]`, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of its own, and all combinations exist"
)]
pub struct ProcessSpec {
    /// The program and its arguments. A `shell` of the file has become one that starts `/bin/sh`.
    pub command: Vec<String>,
    /// The working folder, absolute; the folder of the stack file if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Utf8PathBuf>,
    /// The user it runs as: a name or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group it runs as: a name or a number; the user's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Further groups; those of the user if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The mask of the files it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Its environment in this mode, over the service's own.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Whether it begins with the environment that `up` was given.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub inherit_env: bool,
    /// What asks it to end in this mode, over the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_command: Option<Vec<String>>,
    /// What must exist before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Utf8PathBuf>,
    /// Sockets that are opened for it and passed in, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub sockets: IndexMap<String, SocketSpec>,
    /// Whether its standard streams are a terminal.
    #[serde(default, skip_serializing_if = "is_no")]
    pub tty: bool,
    /// Its niceness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// Its scheduling policy: `other`, `batch`, `idle`, `fifo` or `rr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<String>,
    /// Its priority in real time, 1 to 99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// How willingly the kernel kills it when memory is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score: Option<i32>,
    /// The largest core file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<u64>,
    /// The only capabilities that it keeps; all that its user would have if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Capabilities that it never has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_capabilities: Vec<String>,
    /// Whether no program that it runs can give it more than it has.
    #[serde(default, skip_serializing_if = "is_no")]
    pub no_new_privileges: bool,
    /// Whether its `/tmp` and `/var/tmp` are its own.
    #[serde(default, skip_serializing_if = "is_no")]
    pub private_tmp: bool,
    /// Files and folders that it can only read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_only_paths: Vec<Utf8PathBuf>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_no(value: &bool) -> bool {
    !value
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SocketSpec {
    /// A port of the service by name, a port's number, `ADDRESS:PORT`, or a path.
    #[serde(deserialize_with = "text_or_number")]
    pub listen: String,
    /// Whether it is for datagrams.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub datagram: bool,
}

/// A reference keeps the type of what it refers to, and a port is a number.
fn text_or_number<'de, D: serde::Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(value)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!(
            "expected a text or a number, found {other}"
        ))),
    }
}

fn yes() -> bool {
    true
}
