//! The machine.

use serde::{Deserialize, Serialize};

use crate::effect::Effect;
use crate::event::Event;
use crate::ids::{InstanceId, InstanceKey, Millis, Revision, ServiceKey, ServiceName};
use crate::spec::ServiceSpec;
use crate::state::Desired;
use crate::view::{Cause, ServiceView};

/// What must survive the supervisor, of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedService {
    /// Its specification, with the replicas that were last asked for.
    pub spec: ServiceSpec,
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
    seed: u64,
}

impl World {
    /// An empty world. `seed` feeds the jitter of back-off, and nothing else.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Takes in one event at the time `at`, and adds what is to be done to `out`. Total: there is no
    /// event that it does not accept, and none that makes it panic.
    pub fn apply(&mut self, at: Millis, event: Event, out: &mut Vec<Effect>) {
        let _ = (at, event, out, self.seed);
    }

    /// The key of a service that the model has.
    pub fn key(&self, name: &str) -> Option<ServiceKey> {
        let _ = name;
        None
    }

    /// The name behind a key.
    pub fn name(&self, key: ServiceKey) -> Option<&ServiceName> {
        let _ = key;
        None
    }

    /// The id that people know an instance by.
    pub fn instance_id(&self, key: InstanceKey) -> Option<InstanceId> {
        Some(InstanceId::new(self.name(key.service)?.clone(), key.slot))
    }

    /// The specification that is wanted of a service.
    pub fn spec(&self, key: ServiceKey) -> Option<&ServiceSpec> {
        let _ = key;
        None
    }

    /// All services that the world has, in start order.
    pub fn services(&self) -> Vec<ServiceKey> {
        Vec::new()
    }

    /// One service, as `status` shows it.
    pub fn service(&self, key: ServiceKey) -> Option<ServiceView> {
        let _ = key;
        None
    }

    /// Why a service is not ready: itself first, then what it waits for, nearest first.
    pub fn explain(&self, key: ServiceKey) -> Vec<Cause> {
        let _ = key;
        Vec::new()
    }

    /// Whether nothing is alive, nothing is wanted and no operation is under way.
    pub fn is_at_rest(&self) -> bool {
        true
    }

    /// What must survive the supervisor. Give it to [`Event::Restored`].
    pub fn saved(&self) -> Vec<SavedService> {
        Vec::new()
    }
}
