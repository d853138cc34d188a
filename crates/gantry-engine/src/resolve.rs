//! Puts in what references and secrets stand for, as seen from the instance that asks.
//!
//! Most of it is known at once. A secret that a command prints is not: then the instance waits, the
//! command runs, and what it printed is kept in memory, and nowhere else.

mod check;
mod reach;
mod secrets;
#[cfg(test)]
mod tests;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use gantry_core::{Failure, FailureKind, InstanceId, InstanceKey, Revision, Stage};
use gantry_driver::{Ports, Reach, Recorded, Settings, Vantage};
use gantry_stack::template::{Reference, ResolveError, Resolver, Secret, resolve_value, text_of};
use indexmap::IndexMap;
use serde_json::{Value, json};

pub(crate) use secrets::{Fetched, Secrets, fetch};

use crate::beside::Beside;
use crate::book::Prepared;
use crate::definition::Definition;
use crate::dispatcher::Dispatcher;
use crate::effects::probes::PreparedProbe;

/// Why an instance cannot be prepared now.
#[derive(Debug)]
pub(crate) enum Unprepared {
    /// These must be fetched first.
    Waits(Vec<Secret>),
    /// It cannot be.
    Failed(Box<Failure>),
}

/// Where other services are looked up: those that are, or those that are about to be.
#[derive(Clone, Copy)]
pub(crate) enum Others<'a> {
    /// What is in the book.
    Known,
    /// A model that was not taken over yet.
    New(&'a ByName<'a>),
}

/// Definitions by the name of their service. With ten thousand of them a look through all for each
/// would be a hundred million.
pub(crate) type ByName<'a> = HashMap<&'a str, &'a Arc<Definition>>;

/// The definitions, to be found by name.
pub(crate) fn by_name(definitions: &[Arc<Definition>]) -> ByName<'_> {
    let named = definitions.iter().map(|it| (it.name().as_str(), it));
    named.collect()
}

/// Knows what one instance may ask for.
struct Asker<'a> {
    engine: &'a Dispatcher,
    definition: &'a Definition,
    instance: &'a InstanceId,
    ports: &'a Ports,
    /// From where it looks, once that is asked: most look at nobody.
    vantage: OnceCell<Vantage>,
    others: Others<'a>,
    missing: RefCell<Vec<Secret>>,
}

/// A service's specification for one instance, with everything resolved but what is missing.
pub(crate) struct Resolved {
    pub(crate) spec: Value,
    pub(crate) settings: Settings,
    probes: Vec<PreparedProbe>,
    pub(crate) beside: Beside,
    missing: Vec<Secret>,
}

impl Dispatcher {
    /// What this instance is started from, with everything resolved.
    pub(crate) fn prepare(
        &self,
        instance: InstanceKey,
        revision: Revision,
    ) -> Result<Arc<Prepared>, Unprepared> {
        let failed = |what: String| Unprepared::Failed(Box::new(permanent(&what)));
        let (Some(definition), Some(id)) = (
            self.book.definition(instance.service, revision),
            self.world.instance_id(instance),
        ) else {
            return Err(failed("its specification is not known any more".into()));
        };
        let resolved = self
            .resolve(definition, &id, Others::Known)
            .map_err(failed)?;
        if !resolved.missing.is_empty() {
            return Err(Unprepared::Waits(resolved.missing));
        }
        Ok(Arc::new(Prepared {
            target: self.sessions.target(definition).map_err(failed)?,
            recorded: Recorded {
                revision,
                digest: definition.core.digest,
                spec: Arc::new(resolved.spec),
                settings: Arc::new(resolved.settings),
            },
            probes: resolved.probes.into(),
            beside: resolved.beside,
        }))
    }

    /// The same for a specification that may not be in the book yet. A secret that is not known yet
    /// is an empty text, and named as missing.
    pub(crate) fn resolve(
        &self,
        definition: &Definition,
        instance: &InstanceId,
        others: Others<'_>,
    ) -> Result<Resolved, String> {
        let ports = self.ports.of(instance, definition);
        let asker = Asker {
            engine: self,
            definition,
            instance,
            ports: &ports,
            vantage: OnceCell::new(),
            others,
            missing: RefCell::default(),
        };
        let resolve = |value: Value, field: &str| {
            resolve_value(value, &asker).map_err(|error| format!("{field}: {error}"))
        };
        let spec = resolve(definition.spec.value(), definition.mode().as_str())?;
        let env = texts(resolve(definition.env.value(), "env")?);
        let env = env.map_err(|error| format!("env: {error}"))?;
        let beside = Beside::resolved(resolve(definition.beside.value(), "its commands")?)?;
        let is_asked = !definition.probes.is_empty();
        let reach = || self.reach(instance, definition, &Vantage::host());
        let reach = is_asked.then(reach).flatten();
        let own = check::Asked {
            ports: &ports,
            reach: reach.as_ref(),
        };
        let mut probes = Vec::with_capacity(definition.probes.len());
        for probe in &definition.probes {
            let role = probe.role.as_str();
            let check = resolve(probe.check.clone(), role)?;
            // What is missing stands there as an empty text: the check is made when it is known.
            if !asker.missing.borrow().is_empty() {
                continue;
            }
            let check = check::prepared(check, own, &definition.folder);
            probes.push(PreparedProbe {
                role: probe.role,
                check: check.map_err(|error| format!("{role}: {error}"))?,
                interval: probe.interval,
                timeout: probe.timeout,
                thresholds: gantry_probe::Thresholds {
                    failures: probe.failures,
                    successes: probe.successes,
                },
                delay: probe.delay,
            });
        }
        let missing = asker.missing.into_inner();
        let mut settings = Settings {
            env,
            ports,
            host_ports: definition
                .host_ports
                .is_some()
                .then(|| self.ports.on_host(instance, definition)),
            stop: definition.stop.value(),
            logs: definition.logs.value(),
            resources: definition.resources.value(),
            folder: definition.folder.clone(),
            job: definition.core.kind == gantry_core::Kind::Job,
            voice: definition.voice(),
        };
        beside.put_into(&mut settings);
        Ok(Resolved {
            spec,
            settings,
            probes,
            beside,
            missing,
        })
    }
}

fn permanent(what: &str) -> Failure {
    Failure::new(Stage::Start, what).kind(FailureKind::Permanent)
}

/// A mapping from names to what became texts.
fn texts(value: Value) -> Result<IndexMap<String, String>, ResolveError> {
    let Value::Object(map) = value else {
        return Ok(IndexMap::new());
    };
    let text = |(name, value): (String, Value)| {
        let text = text_of(&Reference::new([&name]), &value)?;
        Ok((name, text))
    };
    map.into_iter().map(text).collect()
}

impl Asker<'_> {
    /// What another service, or this one, is known by from here.
    fn service(
        &self,
        reference: &Reference,
        name: &str,
        rest: &[&str],
    ) -> Result<Option<Value>, ResolveError> {
        let engine = self.engine;
        let definition = match self.others {
            Others::Known => engine
                .world
                .key(name)
                .and_then(|key| engine.book.latest(key)),
            Others::New(all) => all.get(name).copied(),
        };
        let Some(definition) = definition else {
            return Ok(None);
        };
        let reaches = || {
            let slots = 0..definition.core.replicas;
            slots.map(|slot| {
                let instance = InstanceId::new(definition.name().clone(), slot);
                self.reach(&instance, definition, reference)
            })
        };
        let first = || reaches().next().transpose();
        let of_all = |text: &dyn Fn(&Reach) -> Option<String>| {
            let texts: Result<Option<Vec<String>>, _> =
                reaches().map(|reach| Ok(text(&reach?))).collect();
            texts.map(|texts| texts.map(|texts| json!(texts)))
        };
        let url = |reach: &Reach, port: &str| {
            let own = definition.ports().get(port).copied().unwrap_or_default();
            let scheme = definition.scheme_of(port, own);
            Some(format!("{scheme}://{}", reach.address(port)?))
        };
        Ok(match rest {
            ["name"] => Some(json!(name)),
            ["mode"] => Some(json!(definition.mode())),
            ["host"] => first()?.map(|reach| json!(reach.host)),
            ["ports", port] => {
                first()?.and_then(|reach| reach.ports.get(*port).map(|port| json!(port)))
            }
            ["addresses", port] => of_all(&|reach| reach.address(port))?,
            ["url"] => first()?.and_then(|reach| {
                let port = definition.ports().keys().next()?;
                url(&reach, port).map(|url| json!(url))
            }),
            ["urls", port] => of_all(&|reach| url(reach, port))?,
            _ => None,
        })
    }

    /// Where an instance is, as seen from the one that asks.
    fn reach(
        &self,
        instance: &InstanceId,
        definition: &Definition,
        reference: &Reference,
    ) -> Result<Reach, ResolveError> {
        let vantage = self
            .vantage
            .get_or_init(|| self.engine.vantage(self.definition));
        let reach = self.engine.reach(instance, definition, vantage);
        reach.ok_or_else(|| ResolveError::Unreachable {
            path: reference.path_text(),
            from: vantage.zone.to_string(),
        })
    }
}

impl Resolver for Asker<'_> {
    fn reference(&self, reference: &Reference) -> Result<Option<Value>, ResolveError> {
        let stack = &self.engine.sessions.stack;
        Ok(match reference.names().as_slice() {
            ["instance"] => Some(json!(self.instance.number())),
            ["name"] => Some(json!(self.instance.service)),
            ["host"] => {
                let reach = self.reach(self.instance, self.definition, reference)?;
                Some(json!(reach.host))
            }
            ["ports", name] => self.ports.get(*name).map(|port| json!(port)),
            ["stack", "name"] => Some(json!(stack.name)),
            ["stack", "dir"] => Some(json!(stack.base_dir)),
            ["services", name, rest @ ..] => self.service(reference, name, rest)?,
            _ => None,
        })
    }

    fn secret(&self, secret: &Secret) -> Result<String, ResolveError> {
        let found = self
            .engine
            .secrets
            .get(secret, &self.engine.sessions.environment);
        if let Some(found) = found {
            found.map_err(|reason| ResolveError::Secret {
                secret: secret.to_string(),
                reason,
            })
        } else {
            self.missing.borrow_mut().push(secret.clone());
            Ok(String::new())
        }
    }
}
