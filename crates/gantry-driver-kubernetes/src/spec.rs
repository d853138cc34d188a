//! The mode's part of a service.

use gantry_driver::SpecError;
use gantry_stack::modes::kubernetes::{KubernetesSpec, Tools};
use serde::Deserialize as _;
use serde_json::Value;

use crate::cluster::Choice;

/// `[services.NAME.kubernetes]`, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Spec(pub(crate) KubernetesSpec);

impl Spec {
    pub(crate) fn read(spec: &Value) -> Result<Self, SpecError> {
        let read = KubernetesSpec::deserialize(spec);
        read.map(Self)
            .map_err(|error| SpecError::new("", error.to_string()))
    }

    /// Which cluster it is for.
    pub(crate) fn choice(&self) -> Choice {
        choice_of(&serde_json::to_value(&self.0).unwrap_or_default())
    }
}

/// Which cluster a specification is for. References in it may not be resolved.
pub(crate) fn choice_of(spec: &Value) -> Choice {
    let text = |name: &str| spec[name].as_str().map(str::to_owned);
    let allowed = spec["allow-contexts"].as_array();
    let allowed = allowed.into_iter().flatten().filter_map(Value::as_str);
    Choice {
        kubeconfig: text("kubeconfig").map(Into::into),
        context: text("context"),
        allowed: allowed.map(str::to_owned).collect(),
        tools: Tools::deserialize(&spec["tools"]).unwrap_or_default(),
    }
}
