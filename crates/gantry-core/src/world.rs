//! The machine.
//!
//! # How one event is worked off
//!
//! 1. The event changes the records of the services that it is about, and queues them.
//! 2. *Settle*: each queued service publishes anew what it offers to its neighbours (has it been
//!    started, is it ready, is it alive). Where that differs from before, the counters of the
//!    neighbours change and they are queued too. Nothing starts or stops here. The work goes through
//!    a queue, never by recursion.
//! 3. *Act*: when the queue is empty, the first service in start order of those that were touched
//!    starts or stops what its counters allow; that queues it again, and the graph settles before
//!    the next one acts. So nobody acts on counters that are about to change: without this, two
//!    services in conflict could both start in the same event.
//! 4. *Publish*: every touched service compares its state with the one last told, and tells.
//!
//! Each service only has counters of what is unmet, so an event costs the edges of what changed.
//!
//! # How it is used
//!
//! ```
//! use gantry_core::{
//!     Effect, Event, Millis, ModeName, OperationId, ServiceName, ServiceSpec, Targets, World,
//! };
//!
//! let db = ServiceSpec::new(ServiceName::new("db")?, ModeName::new("process"));
//! let mut world = World::new(1);
//! let mut effects = Vec::new();
//! let up = Event::Model {
//!     operation: OperationId(1),
//!     specs: vec![db.into()],
//!     changes: Vec::new(),
//!     targets: Targets::AutoStart,
//!     timeout: None,
//! };
//! world.apply(Millis(0), up, &mut effects);
//! assert!(effects.iter().any(|effect| matches!(effect, Effect::Start { .. })));
//! # Ok::<(), gantry_core::NameError>(())
//! ```

mod act;
mod adopt;
mod commands;
mod crash;
mod hooks;
mod model;
mod offer;
mod operation;
mod probes;
mod query;
mod report;
mod service;
mod settle;
mod timers;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::operation::Operation;
use self::service::Service;
use self::timers::TimerTarget;
use crate::effect::Effect;
use crate::event::Event;
use crate::graph::Graph;
use crate::ids::{
    EffectId, InstanceId, InstanceKey, Millis, OperationId, Revision, ServiceKey, ServiceName,
    TimerId,
};
use crate::spec::ServiceSpec;
use crate::state::Desired;
use crate::view::ChildView;

/// What must survive the supervisor, of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedService {
    /// Its specification, with the replicas that were last asked for.
    #[serde(with = "crate::spec::shared")]
    pub spec: Arc<ServiceSpec>,
    /// What someone asked for last.
    pub desired: Desired,
    /// The number of the specification.
    pub revision: Revision,
    /// An instance of an earlier revision than this must be replaced.
    pub replace_below: Revision,
    /// An instance of an earlier revision than this must be updated in place.
    pub update_below: Revision,
    /// Whether it left the file, and is kept only until it has stopped.
    pub leaving: bool,
}

/// All that is known of one stack.
#[derive(Debug)]
pub struct World {
    /// The time of the event being worked off.
    now: Millis,
    random: u64,
    services: Vec<Service>,
    keys: HashMap<ServiceName, ServiceKey>,
    graph: Graph,
    /// The position of each service in the start order.
    ranks: Vec<u32>,
    /// Who must not be up together with whom; symmetric. Most services have no entry.
    conflicts: HashMap<ServiceKey, Vec<ServiceKey>>,
    children: HashMap<ServiceKey, Vec<ChildView>>,
    operations: BTreeMap<OperationId, Operation>,
    timers: HashMap<TimerId, TimerTarget>,
    last_effect: EffectId,
    last_timer: TimerId,
    /// Services whose offer may have changed.
    queue: VecDeque<ServiceKey>,
    /// Services that may have something to do, first in start order first.
    to_act: BinaryHeap<Reverse<(u32, ServiceKey)>>,
    /// Services whose state may have changed.
    touched: Vec<ServiceKey>,
    /// How many services have left the file and have not stopped yet.
    leaving: usize,
    /// Operations that end with this event.
    ending: Vec<OperationId>,
}

impl World {
    /// An empty world. `seed` feeds the jitter of back-off, and nothing else.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Millis(0),
            random: seed,
            services: Vec::new(),
            keys: HashMap::new(),
            graph: Graph::default(),
            ranks: Vec::new(),
            conflicts: HashMap::new(),
            children: HashMap::new(),
            operations: BTreeMap::new(),
            timers: HashMap::new(),
            last_effect: EffectId(0),
            last_timer: TimerId(0),
            queue: VecDeque::new(),
            to_act: BinaryHeap::new(),
            touched: Vec::new(),
            leaving: 0,
            ending: Vec::new(),
        }
    }

    /// Takes in one event at the time `at`, and adds what is to be done to `out`. Total: there is no
    /// event that it does not accept, and none that makes it panic.
    pub fn apply(&mut self, at: Millis, event: Event, out: &mut Vec<Effect>) {
        // A caller whose clock goes back must not make back-off windows negative.
        self.now = self.now.max(at);
        match event {
            Event::Restored { services } => self.restore(services),
            Event::Remembered { instance, memory } => self.remember(instance, memory),
            Event::Model {
                operation,
                specs,
                changes,
                targets,
                timeout,
            } => {
                self.model(operation, specs, &changes, &targets, timeout, out);
            }
            Event::Command {
                operation,
                command,
                timeout,
            } => {
                self.command(operation, command, timeout, out);
            }
            Event::BackendLost { services, reason } => self.backend_lost(&services, &reason, out),
            Event::Observed {
                services,
                instances,
            } => self.observed(&services, instances, out),
            Event::Timer { id } => self.timer(id, out),
            Event::Child {
                service,
                name,
                shown,
            } => self.child(service, &name, shown),
            Event::PreflightFailed { service, cause, .. } => self.preflight(service, cause),
            report => self.report(report, out),
        }
        self.settle_and_act(out);
    }

    /// The key of a service that the world has.
    pub fn key(&self, name: &str) -> Option<ServiceKey> {
        self.keys
            .get(name)
            .copied()
            .filter(|key| !self.services[key.index()].gone)
    }

    /// The name behind a key, also when the service has left.
    pub fn name(&self, key: ServiceKey) -> Option<&ServiceName> {
        self.services
            .get(key.index())
            .map(|service| &service.spec.name)
    }

    /// The id that people know an instance by.
    pub fn instance_id(&self, key: InstanceKey) -> Option<InstanceId> {
        Some(InstanceId::new(self.name(key.service)?.clone(), key.slot))
    }

    /// The specification that is wanted of a service.
    pub fn spec(&self, key: ServiceKey) -> Option<&Arc<ServiceSpec>> {
        self.services
            .get(key.index())
            .filter(|s| !s.gone)
            .map(|service| &service.spec)
    }

    /// All services that the world has, in start order.
    pub fn services(&self) -> Vec<ServiceKey> {
        let mut keys: Vec<_> = self
            .all_keys()
            .filter(|key| !self.services[key.index()].gone)
            .collect();
        keys.sort_unstable_by_key(|key| self.ranks.get(key.index()));
        keys
    }

    /// Bring together in memory what belongs to services, and give up room that was needed for a while. Changes nothing
    /// that anybody can see.
    pub fn gather(&mut self) {
        for service in &mut self.services {
            let slots = std::mem::take(&mut service.slots);
            service.slots.reserve_exact(slots.len());
            service.slots.extend(slots);
        }
        self.timers.shrink_to_fit();
        self.queue.shrink_to_fit();
        self.to_act.shrink_to_fit();
        self.touched.shrink_to_fit();
    }

    /// Whether nothing is alive, nothing is wanted and no operation is under way.
    pub fn is_at_rest(&self) -> bool {
        self.operations.is_empty()
            && self.services.iter().all(|service| {
                service.gone || (service.desired == Desired::Stopped && !service.any_alive())
            })
    }

    /// What must survive the supervisor, in start order. Give it to [`Event::Restored`].
    pub fn saved(&self) -> Vec<SavedService> {
        let saved = |key: ServiceKey| {
            let service = &self.services[key.index()];
            SavedService {
                spec: Arc::clone(&service.spec),
                desired: service.desired,
                revision: service.revision,
                replace_below: service.replace_below,
                update_below: service.update_below,
                leaving: service.leaving,
            }
        };
        self.services().into_iter().map(saved).collect()
    }

    fn all_keys(&self) -> impl Iterator<Item = ServiceKey> + use<> {
        (0..self.services.len()).map(crate::graph::key_at)
    }

    fn next_effect(&mut self) -> EffectId {
        self.last_effect = self.last_effect.next();
        self.last_effect
    }
}

#[cfg(test)]
mod tests;
