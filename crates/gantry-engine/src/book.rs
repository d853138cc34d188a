//! What the engine knows besides the world: specifications by revision, and what each instance was
//! started from.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_core::{Generation, InstanceKey, Revision, ServiceKey};
use gantry_driver::{Recorded, Said, Target};
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::beside::Beside;
use crate::definition::Definition;
use crate::effects::probes::PreparedProbe;

/// How many specifications of a service are kept: the one that is wanted, and those that instances
/// which are being replaced were started from.
const KEPT: usize = 3;

/// What an instance is started from, with everything resolved.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) target: Target,
    pub(crate) recorded: Recorded,
    pub(crate) probes: Arc<[PreparedProbe]>,
    pub(crate) beside: Beside,
}

/// One instance that was started, or found.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    /// None if it was found, and what it was started from was not needed yet.
    pub(crate) prepared: Option<Arc<Prepared>>,
    /// How it is known what belongs to it.
    pub(crate) membership: Option<SmolStr>,
    /// Whether its exit may remain unknown, because who keeps it was killed.
    pub(crate) unguarded: bool,
    /// Since when it runs.
    pub(crate) since: Option<Timestamp>,
    /// What it has said of itself, if it has.
    pub(crate) said: Option<Box<Said>>,
    /// What was asked for and could not be had.
    pub(crate) warnings: Vec<String>,
}

/// The book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    definitions: HashMap<ServiceKey, Vec<(Revision, Arc<Definition>)>>,
    runs: HashMap<InstanceKey, Run>,
    /// Restarts that earlier supervisors made.
    restarts: HashMap<InstanceKey, u32>,
}

impl Book {
    /// This is the specification of that revision. The same revision may get a new one that differs
    /// in nothing that a driver is given.
    pub(crate) fn define(
        &mut self,
        service: ServiceKey,
        revision: Revision,
        definition: Arc<Definition>,
    ) {
        let known = self.definitions.entry(service).or_default();
        known.retain(|(other, _)| *other != revision);
        known.push((revision, definition));
        if known.len() > KEPT {
            known.remove(0);
        }
    }

    /// The specification of that revision.
    pub(crate) fn definition(
        &self,
        service: ServiceKey,
        revision: Revision,
    ) -> Option<&Arc<Definition>> {
        let known = self.definitions.get(&service)?;
        let found = known.iter().find(|(other, _)| *other == revision);
        found.map(|(_, definition)| definition)
    }

    /// The newest specification.
    pub(crate) fn latest(&self, service: ServiceKey) -> Option<&Arc<Definition>> {
        let (_, definition) = self.definitions.get(&service)?.last()?;
        Some(definition)
    }

    /// All newest specifications.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ServiceKey, &Arc<Definition>)> {
        let known = self.definitions.iter();
        known.filter_map(|(key, known)| known.last().map(|(_, definition)| (*key, definition)))
    }

    pub(crate) fn run(&self, instance: InstanceKey) -> Option<&Run> {
        self.runs.get(&instance)
    }

    pub(crate) fn put_run(&mut self, instance: InstanceKey, run: Run) {
        self.runs.insert(instance, run);
    }

    pub(crate) fn run_mut(&mut self, instance: InstanceKey) -> Option<&mut Run> {
        self.runs.get_mut(&instance)
    }

    pub(crate) fn restarts_before(&self, instance: InstanceKey) -> u32 {
        self.restarts.get(&instance).copied().unwrap_or(0)
    }

    /// An earlier supervisor started it again so often.
    pub(crate) fn put_restarts(&mut self, instance: InstanceKey, restarts: u32) {
        self.restarts.insert(instance, restarts);
    }

    /// The service left: forget it.
    pub(crate) fn remove(&mut self, service: ServiceKey) {
        self.definitions.remove(&service);
        self.runs.retain(|instance, _| instance.service != service);
        self.restarts
            .retain(|instance, _| instance.service != service);
    }
}
