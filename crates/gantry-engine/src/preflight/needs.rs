//! What a stack needs of this machine, for one who looks before any supervisor runs.
//!
//! Without a supervisor no port is drawn and no secret fetched. So what refers to such a thing stays unknown, and what
//! depends on it is not asked for.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_core::ServiceName;
use gantry_driver::{Described, Driver, Need, Settings, SpecKey};
use gantry_stack::model::Stack;
use gantry_stack::template::{Reference, ResolveError, Resolver, Secret, resolve_value, text_of};
use serde_json::{Value, json};

use super::{Finding, Question, Registry, Subject, Surroundings};
use crate::convert;
use crate::definition::Definition;
use crate::sessions::Drivers;

/// Stands for what is not known yet. Nobody writes it.
pub const UNKNOWN: &str = "\u{fffd}unknown\u{fffd}";

/// What a stack lacks here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// What is missing.
    pub findings: Vec<Finding>,
    /// Services of which not everything is known before they start.
    pub unknown: Vec<ServiceName>,
}

/// Looks whether what the services of a stack need is there. Ports are not looked at: a stack that is up has its own.
pub async fn lacking(stack: &Stack, around: &Surroundings) -> Lacking {
    let all = definitions(stack, around);
    let names = by_name(&all);
    let (mut questions, mut unknown) = (Vec::new(), Vec::new());
    for driver in &around.drivers {
        let mode = driver.mode();
        let of_mode = all.iter().filter(|it| *it.mode() == mode);
        let known = of_mode.filter_map(|definition| {
            let known = known(definition, &names, &**driver, around);
            if known.is_none() {
                unknown.push(definition.name().clone());
            }
            Some((definition.name().clone(), known?))
        });
        let known: Vec<(ServiceName, (Value, Settings))> = known.collect();
        let described = known.iter().map(|(name, (spec, settings))| {
            let own = names.get(name.as_str());
            let described = Described {
                spec,
                settings,
                follows: own.is_some_and(|own| !own.core.depends_on.is_empty()),
            };
            (name.clone(), described)
        });
        let described: Vec<_> = described.collect();
        for needed in driver.prerequisites(&described) {
            let is_unknown = json!(needed.need).to_string().contains(UNKNOWN);
            if is_unknown {
                unknown.extend(needed.services);
            } else if !matches!(needed.need, Need::Listen { .. }) {
                questions.push(Question {
                    services: needed.services,
                    subject: Subject::Need(needed.need),
                    place: None,
                    advisory: needed.advisory,
                });
            }
        }
    }
    unknown.sort_unstable();
    unknown.dedup();
    Lacking {
        findings: Registry::standard().run(&questions, around).await,
        unknown,
    }
}

/// A service as far as its stack file alone tells.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which.
    pub service: ServiceName,
    /// The mode's part.
    pub spec: Value,
    /// The part that all modes have.
    pub settings: Settings,
}

/// What the services of a mode are given, as far as the stack file alone tells. [`UNKNOWN`] stands for the rest, and for
/// secrets. One that cannot be read without the rest is left out.
pub fn specifications(stack: &Stack, mode: &str, around: &Surroundings) -> Vec<Known> {
    let all = definitions(stack, around);
    let names = by_name(&all);
    let mut drivers = around.drivers.iter();
    let Some(driver) = drivers.find(|driver| driver.mode().as_str() == mode) else {
        return Vec::new();
    };
    let of_mode = all.iter().filter(|it| it.mode().as_str() == mode);
    of_mode
        .filter_map(|definition| {
            let (spec, settings) = known(definition, &names, &**driver, around)?;
            let service = definition.name().clone();
            Some(Known {
                service,
                spec,
                settings,
            })
        })
        .collect()
}

/// All services, with nobody there to compare them with.
fn definitions(stack: &Stack, around: &Surroundings) -> Vec<Arc<Definition>> {
    let drivers = Drivers::new(around.drivers.clone());
    let as_it_is = |value: &Value| value.clone();
    // Nothing is compared with what runs, so any key will do.
    let key = SpecKey::new([0; 32]);
    convert::definitions(stack, &key, &as_it_is, &drivers)
}

fn by_name(all: &[Arc<Definition>]) -> HashMap<&str, &Arc<Definition>> {
    all.iter().map(|it| (it.name().as_str(), it)).collect()
}

/// A service as far as its stack file alone tells; `None` if its driver cannot read that.
fn known(
    own: &Definition,
    all: &HashMap<&str, &Arc<Definition>>,
    driver: &dyn Driver,
    around: &Surroundings,
) -> Option<(Value, Settings)> {
    let written = Written { own, all, around };
    let spec = resolve_value(own.spec.value(), &written).ok()?;
    driver.check(&spec).ok()?;
    let env = resolve_value(own.env.value(), &written).ok()?;
    let texts = env.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(name, value)| {
        let text = text_of(&Reference::new([name]), value).ok()?;
        Some((name.clone(), text))
    });
    let settings = Settings {
        env: texts.collect(),
        ports: own.ports.value(),
        host_ports: own.host_ports.as_deref().cloned(),
        stop: own.stop.value(),
        logs: own.logs.value(),
        resources: own.resources.value(),
        folder: own.folder.clone(),
        job: own.core.kind == gantry_core::Kind::Job,
        voice: own.voice(),
    };
    Some((spec, settings))
}

/// Knows what stands in the stack file.
struct Written<'a> {
    own: &'a Definition,
    all: &'a HashMap<&'a str, &'a Arc<Definition>>,
    around: &'a Surroundings,
}

impl Resolver for Written<'_> {
    fn reference(&self, reference: &Reference) -> Result<Option<Value>, ResolveError> {
        let stack = &self.around.stack;
        let fixed = |port: &u16| (*port != 0).then(|| json!(port));
        let known = match reference.names().as_slice() {
            ["instance"] => Some(json!(1)),
            ["name"] => Some(json!(self.own.name())),
            ["ports", name] => self.own.ports().get(*name).and_then(fixed),
            ["stack", "name"] => Some(json!(stack.name)),
            ["stack", "dir"] => Some(json!(stack.base_dir)),
            ["services", name, "name"] => Some(json!(name)),
            ["services", name, "mode"] => self.all.get(name).map(|it| json!(it.mode())),
            _ => None,
        };
        Ok(Some(known.unwrap_or_else(|| json!(UNKNOWN))))
    }

    fn secret(&self, _secret: &Secret) -> Result<String, ResolveError> {
        Ok(UNKNOWN.to_owned())
    }
}
