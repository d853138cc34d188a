//! Checks with a threshold.

use gantry_core::Millis;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::template::{EnvValue, Template};

/// One probe. A role (startup, readiness, liveness) has a list of them, and all must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Probe {
    /// What is checked.
    pub check: ProbeCheck,
    /// The time between two checks once the service is up.
    #[serde(default = "Probe::default_interval")]
    pub interval: Millis,
    /// How long one check may take.
    #[serde(default = "Probe::default_timeout")]
    pub timeout: Millis,
    /// So many failures in a row, after the first success, count.
    #[serde(default = "Probe::default_failures")]
    pub failures: u32,
    /// So many successes in a row count.
    #[serde(default = "Probe::default_successes")]
    pub successes: u32,
    /// The time before the first check.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub delay: Millis,
}

impl Probe {
    /// A probe with this check and the defaults for all else.
    pub fn new(check: ProbeCheck) -> Self {
        Self {
            check,
            interval: Self::default_interval(),
            timeout: Self::default_timeout(),
            failures: Self::default_failures(),
            successes: Self::default_successes(),
            delay: Millis::default(),
        }
    }

    /// The interval unless the file says otherwise.
    pub fn default_interval() -> Millis {
        Millis::seconds(10)
    }

    /// The timeout unless the file says otherwise.
    pub fn default_timeout() -> Millis {
        Millis::seconds(1)
    }

    /// The failures unless the file says otherwise.
    pub fn default_failures() -> u32 {
        3
    }

    /// The successes unless the file says otherwise.
    pub fn default_successes() -> u32 {
        1
    }
}

/// What a probe checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeCheck {
    /// A request is answered with an expected status.
    Http(Box<HttpCheck>),
    /// A connection is accepted.
    Tcp(TcpCheck),
    /// A command ends with 0.
    Command(CommandCheck),
    /// A file exists.
    File(FileCheck),
    /// A line of the log matches.
    Log(LogCheck),
    /// The gRPC health service answers `SERVING`.
    Grpc(GrpcCheck),
    /// The service says so itself (`sd_notify`).
    Notify(NotifyCheck),
    /// The service writes a line to this descriptor.
    Fd(FdCheck),
}

impl ProbeCheck {
    /// The key of the stack file that names the kind of check.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Command(_) => "command",
            Self::File(_) => "file",
            Self::Log(_) => "log",
            Self::Grpc(_) => "grpc",
            Self::Notify(_) => "notify",
            Self::Fd(_) => "fd",
        }
    }
}

/// `http`: either `url`, or `port` (a name or number of the service's own) and `path`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpCheck {
    /// The whole address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Template>,
    /// A port of the service: its name, or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Template>,
    /// The path, `/` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Template>,
    /// The statuses that pass; 200 to 399 if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Headers to send.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, EnvValue>,
    /// A text that the answer must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether and how TLS is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsCheck>,
}

/// How TLS is spoken to a probed service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct TlsCheck {
    /// Whether the certificate is checked.
    pub verify: bool,
    /// Certificates to trust, beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<camino::Utf8PathBuf>,
    /// The name to expect, if not the address's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl Default for TlsCheck {
    fn default() -> Self {
        Self {
            verify: true,
            ca_file: None,
            server_name: None,
        }
    }
}

/// `tcp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TcpCheck {
    /// A port of the service by name, a number on the service's host, or `HOST:PORT`.
    pub address: Template,
}

/// `command`: an argument vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandCheck {
    /// The program and its arguments.
    pub command: Vec<Template>,
}

/// `file`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileCheck {
    /// The file; a relative path begins at the service's folder.
    pub path: Template,
    /// It must have changed within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Millis>,
    /// It must contain this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// `log`: a regular expression, checked when the file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogCheck {
    /// What a line must match.
    pub pattern: String,
}

/// `grpc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GrpcCheck {
    /// A port of the service by name, a number, or `HOST:PORT`.
    pub port: Template,
    /// The name to ask for; empty asks for the whole server.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub service: SmolStr,
}

/// `notify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NotifyCheck {}

/// `fd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FdCheck {
    /// The descriptor.
    pub fd: u16,
}
