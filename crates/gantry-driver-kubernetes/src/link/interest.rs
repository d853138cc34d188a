//! Whom news concerns. With thousands of objects nobody can be judged again for every one of them.

use std::collections::{BTreeSet, HashMap};

use gantry_core::InstanceId;

use crate::object::Key;
use crate::record::Record;
use crate::view::{Change, Scope};

/// Who consists of what, and who is to be judged.
#[derive(Default)]
pub(super) struct Interest {
    /// Whose an object is. Its version is left out: others may read it by another one.
    owners: HashMap<(String, String, Option<String>, String), InstanceId>,
    /// Who has pods in a namespace, or ways to some.
    in_namespaces: HashMap<String, BTreeSet<InstanceId>>,
    /// Who is to be judged.
    dirty: BTreeSet<InstanceId>,
    all: bool,
}

fn name(key: &Key) -> (String, String, Option<String>, String) {
    let Key {
        group,
        kind,
        namespace,
        name,
        ..
    } = key.clone();
    (group, kind, namespace, name)
}

impl Interest {
    /// An instance consists of this from now on.
    pub(super) fn note(&mut self, instance: &InstanceId, record: &Record) {
        let hooks = record.release.iter().flat_map(|release| &release.hooks);
        let keys = record.objects.iter().map(|one| &one.key).chain(hooks);
        for key in keys {
            self.owners.insert(name(key), instance.clone());
            if let (true, Some(namespace)) = (key.is_workload(), &key.namespace) {
                let of = self.in_namespaces.entry(namespace.clone()).or_default();
                of.insert(instance.clone());
            }
        }
        for forward in &record.forwards {
            let of = self
                .in_namespaces
                .entry(forward.namespace.clone())
                .or_default();
            of.insert(instance.clone());
        }
        self.dirty.insert(instance.clone());
    }

    /// Who consists of this.
    pub(super) fn owner(&self, key: &Key) -> Option<&InstanceId> {
        self.owners.get(&name(key))
    }

    /// Something of an instance has changed.
    pub(super) fn touch(&mut self, instance: &InstanceId) {
        self.dirty.insert(instance.clone());
    }

    /// Anything may have changed.
    pub(super) fn touch_all(&mut self) {
        self.all = true;
    }

    /// A watch tells this.
    pub(super) fn seen(&mut self, scope: &Scope, change: &Change) {
        let object = match change {
            Change::Begin => return,
            Change::Whole | Change::Away(_) | Change::Blind(_) => return self.touch_all(),
            Change::There(object) | Change::Gone(object) => object,
        };
        if let Some(owner) = self.owners.get(&name(&Key::of(object))) {
            self.dirty.insert(owner.clone());
        }
        // Whose a pod is, and what an event is about, is found only by looking.
        let beside = [
            "Pod",
            "Event",
            "ReplicaSet",
            "Job",
            "Service",
            "Deployment",
            "StatefulSet",
        ];
        if let (true, Some(namespace)) = (beside.contains(&scope.kind.as_str()), &scope.namespace) {
            let of = self.in_namespaces.get(namespace).into_iter().flatten();
            self.dirty.extend(of.cloned());
        }
    }

    /// Who is to be judged, of these.
    pub(super) fn take<'a>(
        &mut self,
        all: impl Iterator<Item = &'a InstanceId>,
    ) -> BTreeSet<InstanceId> {
        let dirty = std::mem::take(&mut self.dirty);
        if std::mem::take(&mut self.all) {
            all.cloned().collect()
        } else {
            dirty
        }
    }
}
