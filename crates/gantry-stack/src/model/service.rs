//! One named thing that can be up or down.

use gantry_core::{Millis, ModeName};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use super::{
    Conflict, DependsOn, Forward, Hooks, Logs, Origin, Probe, Reload, Resources, Restart, Stop,
    is_default,
};
use crate::template::EnvValue;

/// How a service runs in the mode that was selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModeSpec {
    /// The mode.
    pub mode: ModeName,
    /// What its driver is given, once [`resolve_value`](crate::template::resolve_value) has put in what the markers stand
    /// for. The types are in [`modes`](crate::modes).
    pub spec: Value,
}

/// One `[services.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// One line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it runs.
    pub run: ModeSpec,
    /// The modes that the file offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<ModeName>,
    /// Whether a bare `gantry up` starts it.
    #[serde(skip_serializing_if = "is_true")]
    pub auto_start: bool,
    /// Breaks ties among services that may start together.
    #[serde(skip_serializing_if = "is_default")]
    pub order: i32,
    /// Whether it is meant to end: by `job = true`, or because somebody waits for `completed`.
    #[serde(skip_serializing_if = "is_default")]
    pub job: bool,
    /// What must hold before it starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependsOn>,
    /// What may not be up together with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts_with: Vec<Conflict>,
    /// The operations that need it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_for: Vec<SmolStr>,
    /// The profiles it belongs to; none means always.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<SmolStr>,
    /// Its ports by name; 0 picks a free one.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub ports: IndexMap<SmolStr, u16>,
    /// How many instances there should be.
    #[serde(skip_serializing_if = "is_one")]
    pub replicas: u16,
    /// Until ready; then failed.
    pub start_timeout: Millis,
    /// When and how fast it is started again.
    #[serde(skip_serializing_if = "is_default")]
    pub restart: Restart,
    /// How it is stopped.
    #[serde(skip_serializing_if = "is_default")]
    pub stop: Stop,
    /// Commands before and after start and stop.
    #[serde(skip_serializing_if = "is_default")]
    pub hooks: Hooks,
    /// How it is told to read its configuration again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload: Option<Reload>,
    /// How much of the machine it may take.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: Resources,
    /// Until these pass once, the other probes wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub startup: Vec<Probe>,
    /// Whether it can be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readiness: Vec<Probe>,
    /// Whether it must be restarted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub liveness: Vec<Probe>,
    /// How its output is kept.
    #[serde(skip_serializing_if = "is_default")]
    pub logs: Logs,
    /// Its environment, with what its `env-files` say below it.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, EnvValue>,
    /// Ways from localhost to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<Forward>,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Service {
    /// The mode that was selected.
    pub fn mode(&self) -> &ModeName {
        &self.run.mode
    }
}

impl Default for Service {
    fn default() -> Self {
        Self {
            description: None,
            run: ModeSpec {
                mode: ModeName::new("process"),
                spec: Value::Object(serde_json::Map::new()),
            },
            modes: Vec::new(),
            auto_start: true,
            order: 0,
            job: false,
            depends_on: Vec::new(),
            conflicts_with: Vec::new(),
            required_for: Vec::new(),
            profiles: Vec::new(),
            ports: IndexMap::new(),
            replicas: 1,
            start_timeout: Millis::seconds(60),
            restart: Restart::default(),
            stop: Stop::default(),
            hooks: Hooks::default(),
            reload: None,
            resources: Resources::default(),
            startup: Vec::new(),
            readiness: Vec::new(),
            liveness: Vec::new(),
            logs: Logs::default(),
            env: IndexMap::new(),
            forward: Vec::new(),
            origin: None,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_one(value: &u16) -> bool {
    *value == 1
}
