//! What is known by keys. Keys are small numbers in a row, so that a table is a list: of ten thousand services each
//! look into a map of hashes is a miss or two of the processor's cache, and a quarter of its room is empty.

use gantry_core::{InstanceKey, ServiceKey};

/// Something of each service.
#[derive(Debug)]
pub(crate) struct ByService<T>(Vec<T>);

impl<T> Default for ByService<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> ByService<T> {
    pub(crate) fn get(&self, key: ServiceKey) -> Option<&T> {
        self.0.get(key.index())
    }

    pub(crate) fn get_mut(&mut self, key: ServiceKey) -> Option<&mut T> {
        self.0.get_mut(key.index())
    }

    /// Its place, made if there is none.
    pub(crate) fn entry(&mut self, key: ServiceKey) -> &mut T {
        let index = key.index();
        if index >= self.0.len() {
            self.0.resize_with(index + 1, T::default);
        }
        &mut self.0[index]
    }

    /// All places, also those of services that left.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ServiceKey, &T)> {
        let keys = (0..).map(ServiceKey);
        keys.zip(&self.0)
    }
}

/// Something of each instance.
#[derive(Debug)]
pub(crate) struct ByInstance<T>(ByService<Vec<Option<T>>>);

impl<T> Default for ByInstance<T> {
    fn default() -> Self {
        Self(ByService::default())
    }
}

impl<T> ByInstance<T> {
    pub(crate) fn get(&self, key: InstanceKey) -> Option<&T> {
        let slots = self.0.get(key.service)?;
        slots.get(usize::from(key.slot))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: InstanceKey) -> Option<&mut T> {
        let slots = self.0.get_mut(key.service)?;
        slots.get_mut(usize::from(key.slot))?.as_mut()
    }

    pub(crate) fn insert(&mut self, key: InstanceKey, value: T) {
        let slots = self.0.entry(key.service);
        let slot = usize::from(key.slot);
        if slot >= slots.len() {
            // Nearly all have one, and would get room for four.
            slots.reserve_exact(slot + 1 - slots.len());
            slots.resize_with(slot + 1, || None);
        }
        slots[slot] = Some(value);
    }

    pub(crate) fn take(&mut self, key: InstanceKey) -> Option<T> {
        let slots = self.0.get_mut(key.service)?;
        slots.get_mut(usize::from(key.slot))?.take()
    }

    /// Put a copy in the place of each.
    pub(crate) fn renew(&mut self, copy: impl Fn(&T) -> T) {
        for slots in &mut self.0.0 {
            *slots = slots.iter().map(|it| it.as_ref().map(&copy)).collect();
        }
    }

    /// All instances of a service are gone.
    pub(crate) fn remove(&mut self, service: ServiceKey) {
        if let Some(slots) = self.0.get_mut(service) {
            *slots = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use gantry_core::{InstanceKey, ServiceKey};

    use super::{ByInstance, ByService};

    fn instance(service: u32, slot: u16) -> InstanceKey {
        InstanceKey {
            service: ServiceKey(service),
            slot,
        }
    }

    #[test]
    fn what_is_put_is_found_at_its_key_and_nowhere_else() {
        let mut table = ByInstance::default();
        table.insert(instance(3, 1), "one");
        for (service, slot) in [(0, 0), (3, 0), (3, 2), (4, 1)] {
            assert_eq!(table.get(instance(service, slot)), None);
        }
        assert_eq!(table.get(instance(3, 1)), Some(&"one"));
        table.insert(instance(3, 1), "other");
        *table.get_mut(instance(3, 1)).expect("it is there") = "third";
        assert_eq!(table.get(instance(3, 1)), Some(&"third"));
        assert_eq!(table.take(instance(3, 1)), Some("third"));
        assert_eq!(table.get(instance(3, 1)), None);
        table.insert(instance(3, 1), "fourth");
        table.remove(ServiceKey(3));
        table.remove(ServiceKey(9));
        assert_eq!(table.get(instance(3, 1)), None);
    }

    #[test]
    fn places_come_in_the_order_of_their_keys() {
        let mut table = ByService::default();
        *table.entry(ServiceKey(2)) = 7;
        let all: Vec<_> = table.iter().map(|(key, value)| (key.0, *value)).collect();
        assert_eq!(all, [(0, 0), (1, 0), (2, 7)]);
    }
}
