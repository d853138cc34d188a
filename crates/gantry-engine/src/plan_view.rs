//! What an `up` would do, with the reason of every step.

use gantry_api::{ErrorBody, ErrorCode, GivenVariables, Plan};
use gantry_core::{Change, ChangeEffect, ServiceName, ServiceSpec, Step, Targets};
use gantry_driver::{Described, Settings, diff};
use gantry_stack::model::{MODEL_VERSION, Stack};
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

use crate::beside::Beside;
use crate::convert;
use crate::definition::Definition;
use crate::dispatcher::Dispatcher;
use crate::wire;

/// A model as the engine works with it.
pub(crate) struct Wanted {
    /// As it was read; nothing if what is known is taken once more.
    pub(crate) stack: Option<Stack>,
    pub(crate) definitions: Vec<Arc<Definition>>,
    /// How those that are known differ.
    pub(crate) changes: Vec<Change>,
    pub(crate) targets: Targets,
    /// What the client's environment has for secrets; nothing if what is known is taken once more.
    pub(crate) given: Option<GivenVariables>,
}

impl Wanted {
    fn specs(&self) -> Vec<Arc<ServiceSpec>> {
        let specs = self.definitions.iter();
        specs
            .map(|definition| Arc::clone(&definition.core))
            .collect()
    }
}

impl Dispatcher {
    /// The plan of an `up`.
    pub(crate) fn plan(&self, wanted: &Wanted) -> Result<Plan, ErrorBody> {
        let steps = self.steps(wanted)?;
        Ok(Plan {
            steps: steps.iter().map(wire::step).collect(),
        })
    }

    pub(crate) fn steps(&self, wanted: &Wanted) -> Result<Vec<Step>, ErrorBody> {
        let steps = self
            .world
            .plan(&wanted.specs(), &wanted.changes, &wanted.targets);
        steps.map_err(|error| invalid(error.to_string()))
    }

    /// Read a model and compare it with what is known.
    pub(crate) fn wanted(
        &self,
        model: &RawValue,
        services: &[String],
        given: &GivenVariables,
    ) -> Result<Wanted, ErrorBody> {
        let stack: Stack = serde_json::from_str(model.get())
            .map_err(|error| invalid(format!("the model cannot be read: {error}")))?;
        if stack.version > MODEL_VERSION {
            return Err(ErrorBody {
                code: ErrorCode::Version,
                message: format!(
                    "the model is of version {}, this supervisor reads {MODEL_VERSION}",
                    stack.version
                ),
                hint: Some("`gantry down`, then `gantry up` with the new version".into()),
            });
        }
        let targets = if services.is_empty() {
            Targets::AutoStart
        } else {
            Targets::Named(names(services)?)
        };
        let key = &self.identity.key;
        let seal = |value: &Value| {
            self.secrets
                .seal(value, key, &(given, &*self.sessions.environment))
        };
        let definitions = convert::definitions(&stack, key, &seal, &self.sessions.drivers);
        let changes = self.changes(&definitions);
        Ok(Wanted {
            stack: Some(stack),
            definitions,
            changes,
            targets,
            given: Some(given.clone()),
        })
    }

    /// How those that are known differ.
    pub(crate) fn changes(&self, definitions: &[Arc<Definition>]) -> Vec<Change> {
        let changes = definitions.iter().filter_map(|new| self.change(new));
        changes.collect()
    }

    /// How a specification differs from the one that is known.
    fn change(&self, new: &Definition) -> Option<Change> {
        let key = self.world.key(new.name().as_str())?;
        let old = self.book.latest(key)?;
        if old.core.digest == new.core.digest || old.mode() != new.mode() {
            return None;
        }
        let driver = self.sessions.drivers.of(new.mode())?;
        let (before, after) = (described(old), described(new));
        let changes = driver.diff(
            Described {
                spec: &old.spec.value(),
                settings: &before,
                follows: false,
            },
            Described {
                spec: &new.spec.value(),
                settings: &after,
                follows: false,
            },
        );
        let mut effect = diff::effect_of(&changes);
        let mut fields: Vec<_> = changes
            .iter()
            // A field that is looked up later is one field, however its reference is written down.
            .map(|change| match change.path.split_once(".$") {
                Some((field, _)) => field.into(),
                None => change.path.clone(),
            })
            .collect();
        fields.dedup();
        if old.probes != new.probes {
            effect = effect.max(ChangeEffect::Watch);
            fields.push("probes".into());
        } else if changes.is_empty() {
            // Nothing that is written differs: what a secret stands for does.
            effect = if driver.capabilities().update_in_place {
                ChangeEffect::InPlace
            } else {
                ChangeEffect::Restart
            };
            fields.push("secrets".into());
        }
        Some(Change {
            service: new.name().clone(),
            effect,
            fields,
            anew: false,
        })
    }
}

/// The settings of a service before anything is resolved: enough to compare two of them.
fn described(definition: &Definition) -> Settings {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        marker => marker.to_string(),
    };
    let env: IndexMap<String, String> = match definition.env.value() {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, it)| (name, text(&it)))
            .collect(),
        _ => IndexMap::new(),
    };
    let mut settings = Settings {
        env,
        ports: definition.ports.value(),
        host_ports: definition.host_ports.as_deref().cloned(),
        stop: definition.stop.value(),
        logs: definition.logs.value(),
        resources: definition.resources.value(),
        folder: definition.folder.clone(),
        job: definition.core.kind == gantry_core::Kind::Job,
        voice: definition.voice(),
    };
    Beside::literal(definition.beside.value()).put_into(&mut settings);
    settings
}

pub(crate) fn names(services: &[String]) -> Result<Vec<ServiceName>, ErrorBody> {
    let names = services.iter().map(ServiceName::new);
    names
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))
}

pub(crate) fn invalid(message: impl Into<String>) -> ErrorBody {
    ErrorBody {
        code: ErrorCode::Invalid,
        message: message.into(),
        hint: None,
    }
}
