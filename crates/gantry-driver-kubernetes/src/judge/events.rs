//! What the events of a namespace tell of an object.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Look;
use crate::object::text;
use crate::trouble::{self, Trouble};
use crate::view::Scope;

impl Look<'_> {
    /// What events tell of an object since the start.
    pub(super) fn events_of(&self, object: &Value) -> Vec<Trouble> {
        let Some(namespace) = text(object, &["metadata", "namespace"]) else {
            return Vec::new();
        };
        let uid = text(object, &["metadata", "uid"]);
        let [_, events, ..] = Scope::of_workloads(namespace);
        let mut mine = self.view.all(&events);
        let begun = text(object, &["status", "phase"]).is_some_and(|phase| phase != "Pending");
        let is_over = |event: &Value| begun && trouble::is_of_a_beginning(event);
        mine.retain(|event| {
            text(event, &["involvedObject", "uid"]) == uid
                && self.is_since(event)
                && !is_over(event)
        });
        mine.into_iter()
            .filter_map(|event| trouble::of_event(event))
            .collect()
    }

    /// Whether what an event tells has happened since the start.
    pub(super) fn is_since(&self, event: &Value) -> bool {
        let since = self.begun.checked_sub(SignedDuration::from_secs(1));
        let since = since.unwrap_or(self.begun);
        let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
        let mut times = times.iter().filter_map(|name| event[name].as_str());
        let at = times.find_map(|time| time.parse::<Timestamp>().ok());
        at.is_none_or(|at| at >= since)
    }
}
