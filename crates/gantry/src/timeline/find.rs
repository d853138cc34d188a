//! Which operation is meant.

use std::collections::HashSet;

use gantry_api::{Event, EventKind, OperationKind, State};

use super::Wanted;

/// Why there is no chart.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotFound {
    /// Nothing was ever started.
    #[error("no start is in the events that are kept")]
    Start,
    /// These did not have to start in any operation that is kept.
    #[error("no start of {} is in the events that are kept", .0.join(", "))]
    StartOf(Vec<String>),
    /// There is no such operation, or it started nothing.
    #[error("operation {number} is no start that is in the events that are kept")]
    Operation {
        /// What was asked for.
        number: u64,
        /// The starts that there are, the newest first.
        known: Vec<u64>,
    },
}

/// The number of the operation, and the place of the event with which it began.
pub(super) fn begin(events: &[Event], wanted: &Wanted<'_>) -> Result<(u64, usize), NotFound> {
    // Who had to start somebody; who one of those that were asked for, if any were.
    let mut starts: HashSet<u64> = HashSet::new();
    let mut of_those: HashSet<u64> = HashSet::new();
    let mut belongs = Belongs::default();
    for event in events {
        if !belongs.take(event) || !is_of_a_start(event) {
            continue;
        }
        let (Some(number), Some(service)) = (event.operation, &event.service) else {
            continue;
        };
        starts.insert(number);
        if wanted.services.is_empty() || wanted.services.contains(service) {
            of_those.insert(number);
        }
    }
    let begun = events.iter().enumerate().rev();
    let begun = begun.filter_map(|(place, event)| {
        let number = event.operation.filter(|number| starts.contains(number))?;
        is_begin(event).then_some((number, place))
    });
    let begun: Vec<(u64, usize)> = begun.collect();
    if let Some(number) = wanted.operation {
        let found = begun.iter().find(|(other, _)| *other == number);
        return found.copied().ok_or_else(|| NotFound::Operation {
            number,
            known: begun.iter().map(|(number, _)| *number).collect(),
        });
    }
    let found = begun.iter().find(|(number, _)| of_those.contains(number));
    found.copied().ok_or_else(|| {
        if begun.is_empty() {
            NotFound::Start
        } else {
            NotFound::StartOf(wanted.services.to_vec())
        }
    })
}

fn is_begin(event: &Event) -> bool {
    let starts = matches!(
        event.operation_kind,
        Some(OperationKind::Up | OperationKind::Start | OperationKind::Restart)
    );
    event.kind == EventKind::OperationBegun && starts
}

/// Whether it tells of a service that starts, or would if it could, or has got there.
fn is_of_a_start(event: &Event) -> bool {
    let begins = |state| {
        matches!(
            state,
            State::Waiting | State::Blocked | State::Starting | State::Updating
        )
    };
    event.kind == EventKind::Transition
        && match event.to {
            Some(State::Running | State::Completed) => event.from.is_some_and(begins),
            to => to.is_some_and(begins),
        }
}

/// What happened after the end of an operation, and belongs to it all the same: it may not have waited.
///
/// Each event names the operation by which its service was wanted last, for ever after. What runs and then ends by itself
/// was not asked for by anybody, nor is what follows from that.
#[derive(Debug, Default)]
pub(super) struct Belongs<'a> {
    ended: HashSet<u64>,
    /// Which services went on by themselves after the end of which operation.
    strayed: HashSet<(u64, &'a str)>,
}

impl<'a> Belongs<'a> {
    /// Whether this event belongs to the operation that it names. All of an operation are asked for in their order.
    pub(super) fn take(&mut self, event: &'a Event) -> bool {
        let Some(number) = event.operation else {
            return false;
        };
        if event.kind == EventKind::OperationEnded {
            self.ended.insert(number);
        }
        let Some(service) = event.service.as_deref() else {
            return false;
        };
        if self.ended.contains(&number) && strays(event) {
            self.strayed.insert((number, service));
        }
        !self.strayed.contains(&(number, service))
    }
}

/// Whether something ends that ran, without having been asked to.
fn strays(event: &Event) -> bool {
    match event.from {
        Some(State::Backoff) => true,
        Some(State::Running | State::Degraded) => {
            !matches!(event.to, Some(State::Stopping | State::Updating))
        }
        _ => false,
    }
}
