//! One service as the engine needs it: what the core decides by, and what a driver is given, with
//! its references not resolved yet.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_core::{ModeName, ServiceName, ServiceSpec};
use gantry_driver::{LogPolicy, Packed, Ports, Resources, StopPolicy, Voice};
use gantry_stack::model::is_default;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::seldom::Seldom;

/// One service. It is kept over restarts of the supervisor as it is, so it holds no secret. What says nothing is not
/// written: a plan of ten thousand services is, whenever what is wanted changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// What the core decides by. Its world has the same one.
    #[serde(with = "gantry_core::spec::shared")]
    pub(crate) core: Arc<ServiceSpec>,
    /// What the stack file says that it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) description: String,
    /// The mode's part; references and secrets in it are markers.
    pub(crate) spec: Packed,
    /// Its environment, from name to text; references and secrets in it are markers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) env: Packed,
    /// Its ports as they are written: 0 means that one is drawn.
    #[serde(default, skip_serializing_if = "Seldom::is_default")]
    pub(crate) ports: Seldom<Ports>,
    /// The ports of this machine that lead to them, where its mode has such; 0 means that one is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host_ports: Option<Box<Ports>>,
    /// How it is stopped.
    #[serde(default, skip_serializing_if = "Seldom::is_default")]
    pub(crate) stop: Seldom<StopPolicy>,
    /// The commands that run beside it; references in them are markers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) beside: Packed,
    /// What becomes of its output.
    #[serde(default, skip_serializing_if = "Seldom::is_default")]
    pub(crate) logs: Seldom<LogPolicy>,
    /// Its limits.
    #[serde(default, skip_serializing_if = "Seldom::is_default")]
    pub(crate) resources: Seldom<Resources>,
    /// The folder that its relative paths start from.
    pub(crate) folder: Utf8PathBuf,
    /// Its probes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) probes: Vec<ProbeDefinition>,
    /// What may not be on this machine when it starts, besides other services.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) foreign_conflicts: Vec<ForeignConflict>,
    /// Files and folders that the stack file names for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) paths: Vec<Utf8PathBuf>,
}

impl Definition {
    /// Its name.
    pub(crate) fn name(&self) -> &ServiceName {
        &self.core.name
    }

    /// Keep the world's specification, if it says the same.
    pub(crate) fn share(&mut self, spec: &Arc<ServiceSpec>) {
        if self.core == *spec {
            self.core = Arc::clone(spec);
        }
    }

    /// Its mode.
    pub(crate) fn mode(&self) -> &ModeName {
        &self.core.mode
    }

    /// Its ports as they are written.
    pub(crate) fn ports(&self) -> &Ports {
        static NONE: LazyLock<Ports> = LazyLock::new(Ports::default);
        self.ports.get_or(&NONE)
    }

    /// Its ports of this machine: its own, or those that lead to them.
    pub(crate) fn host_ports(&self) -> &Ports {
        self.host_ports.as_deref().unwrap_or_else(|| self.ports())
    }

    /// What is spoken at its port of this name, as far as that and the probes tell. `own` is its number
    /// where the service runs.
    pub(crate) fn scheme_of(&self, name: &str, own: u16) -> &'static str {
        match name {
            "https" => return "https",
            "http" | "web" => return "http",
            _ => {}
        }
        let asked = self.probes.iter().any(|probe| {
            let at = &probe.check["http"]["port"];
            at.as_str() == Some(name) || at.as_u64() == Some(u64::from(own))
        });
        if asked { "http" } else { "tcp" }
    }

    /// How its instances say how they are doing, as far as its probes wait for that.
    pub(crate) fn voice(&self) -> Voice {
        let mut voice = Voice::default();
        for probe in &self.probes {
            match probe.kind.as_str() {
                "fd" => {
                    let fd = probe.check["fd"]["fd"].as_u64();
                    voice.fd = fd.and_then(|fd| u16::try_from(fd).ok());
                }
                "notify" => {
                    voice.notify = true;
                    if probe.role == Role::Liveness {
                        voice.watchdog = Some(probe.interval);
                    }
                }
                _ => {}
            }
        }
        voice
    }
}

/// What a probe decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Whether it has started: the other probes are not asked before. Asked until it passed once.
    Startup,
    /// Whether it is ready.
    Readiness,
    /// Whether it works at all: it is restarted if not.
    Liveness,
}

impl Role {
    /// The word of stack files.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

/// One probe, with its references not resolved yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProbeDefinition {
    /// What it decides.
    pub(crate) role: Role,
    /// The kind of check, in the word of stack files.
    pub(crate) kind: SmolStr,
    /// What is asked; references in it are markers.
    pub(crate) check: Value,
    /// The time from one question to the next.
    pub(crate) interval: Duration,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// Failures in a row that count.
    pub(crate) failures: u32,
    /// Successes in a row that count.
    pub(crate) successes: u32,
    /// The time before the first question.
    #[serde(default)]
    pub(crate) delay: Duration,
}

/// Something of this machine that a service cannot be together with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForeignConflict {
    /// A process of this name.
    Process(SmolStr),
    /// A listener at this port.
    Port(u16),
}
