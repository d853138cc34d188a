//! Which pair each instance is at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gantry_core::{Generation, InstanceId, ServiceName};
use gantry_keeper::layout::{FIRST_PAIR, LAST_PAIR};

#[derive(Debug)]
pub(super) struct Places {
    /// How many instances a pair is given.
    capacity: u64,
    all: HashMap<InstanceId, Place>,
    /// No instance has had a higher slot.
    highest: u16,
    /// How many are at each pair.
    counts: BTreeMap<u32, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    pair: u32,
    /// The generation that was found there when the session began.
    found: Generation,
}

impl Places {
    /// `capacity` of 0 has one pair have all.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity: if capacity == 0 { u64::MAX } else { capacity },
            all: HashMap::new(),
            highest: 0,
            counts: BTreeMap::new(),
        }
    }

    /// These are at a pair. One that is at several pairs is where it was started last.
    pub(super) fn found(&mut self, pair: u32, instances: Vec<(InstanceId, Generation)>) {
        for (instance, found) in instances {
            let known = self.all.get(&instance);
            if known.is_none_or(|known| known.found < found) {
                self.put(instance, Place { pair, found });
            }
        }
    }

    /// Where an instance is; one that is nowhere is asked for at the first pair.
    pub(super) fn of(&self, instance: &InstanceId) -> u32 {
        self.all.get(instance).map_or(FIRST_PAIR, |at| at.pair)
    }

    /// Whether it is at another pair.
    pub(super) fn is_elsewhere(&self, pair: u32, instance: &InstanceId) -> bool {
        self.all.get(instance).is_some_and(|at| at.pair != pair)
    }

    /// Where instances of a service are.
    pub(super) fn of_service(&self, service: &ServiceName) -> BTreeSet<u32> {
        let all = (0..=self.highest).map(|slot| InstanceId::new(service.clone(), slot));
        let own = all.filter_map(|instance| self.all.get(&instance));
        own.map(|at| at.pair).collect()
    }

    /// Where an instance is to be started: where it is, else where there is room. `together` has all of
    /// its service at one pair. The second one is the pair that it leaves for that.
    pub(super) fn assign(&mut self, instance: &InstanceId, together: bool) -> (u32, Option<u32>) {
        let known = self.all.get(instance).map(|at| at.pair);
        let wanted = if together {
            self.of_service(&instance.service).first().copied()
        } else {
            known
        };
        let pair = wanted.unwrap_or_else(|| self.with_room());
        let before = known.filter(|known| *known != pair);
        if known != Some(pair) {
            let found = Generation::default();
            self.put(instance.clone(), Place { pair, found });
        }
        (pair, before)
    }

    /// Nothing is known of it any more.
    pub(super) fn forget(&mut self, instance: &InstanceId) {
        if let Some(at) = self.all.remove(instance) {
            self.uncount(at.pair);
        }
    }

    /// A pair has ended.
    pub(super) fn vacate(&mut self, pair: u32) {
        self.all.retain(|_, at| at.pair != pair);
        self.counts.remove(&pair);
    }

    fn put(&mut self, instance: InstanceId, place: Place) {
        *self.counts.entry(place.pair).or_default() += 1;
        self.highest = self.highest.max(instance.slot);
        if let Some(before) = self.all.insert(instance, place) {
            self.uncount(before.pair);
        }
    }

    fn uncount(&mut self, pair: u32) {
        if let Some(count) = self.counts.get_mut(&pair) {
            *count = count.saturating_sub(1);
        }
    }

    /// The first pair with room. If there were too many, the last one has all the others.
    fn with_room(&self) -> u32 {
        let count = |pair: &u32| self.counts.get(pair).copied().unwrap_or(0);
        let mut pairs = FIRST_PAIR..=LAST_PAIR;
        pairs
            .find(|pair| count(pair) < self.capacity)
            .unwrap_or(LAST_PAIR)
    }
}

#[cfg(test)]
mod tests;
