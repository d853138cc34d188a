//! All runs of a keeper.

use std::collections::BTreeMap;

use super::run::{Run, RunId};

/// Runs by their ids. Each is in a place of its own: a tree that grows at its end only is half empty, and a run is
/// large.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<RunId, Box<Run>>);

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "it is asked as any map is"
)]
impl Runs {
    pub(super) fn insert(&mut self, id: RunId, run: Run) {
        self.0.insert(id, Box::new(run));
    }

    pub(super) fn remove(&mut self, id: &RunId) -> Option<Run> {
        self.0.remove(id).map(|run| *run)
    }

    pub(super) fn get(&self, id: &RunId) -> Option<&Run> {
        self.0.get(id).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &RunId) -> Option<&mut Run> {
        self.0.get_mut(id).map(AsMut::as_mut)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &RunId> {
        self.0.keys()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Run> {
        self.0.values().map(AsRef::as_ref)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.0.values_mut().map(AsMut::as_mut)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&RunId, &Run)> {
        self.0.iter().map(|(id, run)| (id, run.as_ref()))
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = Run> {
        self.0.into_values().map(|run| *run)
    }
}
