//! The world's timers, on one wheel.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use gantry_core::{Millis, TimerId};
use tokio_util::time::{DelayQueue, delay_queue};

/// The longest wait that the wheel takes; nobody waits longer.
const LONGEST: Duration = Duration::from_hours(8760);

#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: DelayQueue<TimerId>,
    keys: HashMap<TimerId, delay_queue::Key>,
}

impl Timers {
    pub(crate) fn set(&mut self, id: TimerId, after: Millis) {
        self.cancel(id);
        let key = self.queue.insert(id, after.to_duration().min(LONGEST));
        self.keys.insert(id, key);
    }

    pub(crate) fn cancel(&mut self, id: TimerId) {
        if let Some(key) = self.keys.remove(&id) {
            self.queue.try_remove(&key);
        }
    }

    /// Give up the room of timers that are over.
    pub(crate) fn gather(&mut self) {
        self.queue.compact();
        self.keys.shrink_to_fit();
    }

    /// The next timer that runs out; none if there is none.
    pub(crate) async fn next(&mut self) -> Option<TimerId> {
        let id = self.queue.next().await?.into_inner();
        self.keys.remove(&id);
        Some(id)
    }
}
