//! Numbering, keeping and sending what happened.

use std::collections::{HashMap, VecDeque};

use super::{Keeper, now_us};
use crate::ledger::{Entry, State};
use crate::protocol::{Event, EventBody, Generation, InstanceName, JobName, Message};
use crate::report::report;

/// Events that were not acknowledged, oldest first.
#[derive(Debug)]
pub(super) struct EventQueue {
    waiting: VecDeque<Event>,
    last: u64,
    acknowledged: u64,
    /// Jobs whose end was not acknowledged.
    ended_jobs: HashMap<JobName, u64>,
}

/// How many events go into one message.
const BATCH: usize = 512;

/// So many events are not held back until the end of a turn.
const WORTH_SENDING: u64 = 32;

impl EventQueue {
    pub(super) fn new(state: &State) -> Self {
        let ended_jobs = state
            .events
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::JobEnded { job, .. } => Some((job.clone(), event.sequence)),
                _ => None,
            })
            .collect();
        Self {
            waiting: state.events.iter().cloned().collect(),
            last: state.sequence,
            acknowledged: state.acknowledged,
            ended_jobs,
        }
    }

    /// The highest number given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether everything that happened to this start of an instance was acknowledged.
    pub(super) fn has_seen_end(&self, name: &InstanceName, generation: Generation) -> bool {
        !self
            .waiting
            .iter()
            .any(|event| event.body.instance() == Some((name, generation)))
    }

    /// Whether a job has ended and nobody has said that they know.
    pub(super) fn has_ended(&self, job: &JobName) -> bool {
        self.ended_jobs.contains_key(job)
    }
}

impl Keeper<'_> {
    /// Something happened: number it, write it down, and send it at the end of this turn.
    pub(super) fn happened(&mut self, body: EventBody) {
        self.behind.note(std::time::Instant::now());
        self.events.last += 1;
        let mut event = Event {
            sequence: self.events.last,
            at_us: now_us(),
            body,
        };
        // What a job printed may be a secret, and stays in memory.
        let mut printed = None;
        if let EventBody::JobEnded { job, output, .. } = &mut event.body {
            printed = output.take();
            self.events.ended_jobs.insert(job.clone(), event.sequence);
        }
        let entry = Entry::Event { event };
        self.note(&entry);
        let Entry::Event { mut event } = entry else {
            return;
        };
        if let EventBody::JobEnded { output, .. } = &mut event.body {
            *output = printed;
        }
        self.events.waiting.push_back(event);
    }

    /// The supervisor has seen all events up to this number.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        let sequence = sequence.min(self.events.last);
        if sequence <= self.events.acknowledged {
            return;
        }
        self.events.acknowledged = sequence;
        while self
            .events
            .waiting
            .front()
            .is_some_and(|event| event.sequence <= sequence)
        {
            self.events.waiting.pop_front();
        }
        self.events.ended_jobs.retain(|_, of| *of > sequence);
        self.note(&Entry::Ack { sequence });
        if let Err(error) = self.ledger.shorten() {
            report(format!("cannot shorten the ledger: {error}"));
        }
    }

    /// Send what the supervisor has not been sent, if it is worth a message of its own.
    pub(super) fn send_events_in_batches(&mut self) {
        if let Some((_, sent)) = self.connections.supervisor()
            && self.events.last - sent.max(self.events.acknowledged) >= WORTH_SENDING
        {
            self.send_events();
        }
    }

    /// Send what the supervisor has not been sent.
    pub(super) fn send_events(&mut self) {
        let Some((id, mut sent)) = self.connections.supervisor() else {
            return;
        };
        while sent < self.events.last && self.connections.has_room(id) {
            let waiting = &self.events.waiting;
            let from = waiting.partition_point(|event| event.sequence <= sent);
            let events: Vec<Event> = waiting.range(from..).take(BATCH).cloned().collect();
            let Some(last) = events.last() else {
                break;
            };
            sent = last.sequence;
            self.connections.sent(id, sent);
            self.send(id, &Message::Events { events });
            self.flush(id);
        }
    }
}
