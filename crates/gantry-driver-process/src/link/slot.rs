//! What is pending for one instance.

use std::time::Duration;

use gantry_core::{EffectId, Generation};
use gantry_keeper::protocol::{Exit, JobName, Request};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::sentence::Attempt;

/// One instance, as long as something is pending or alive.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Its life, if it has one.
    pub(super) alive: Option<Alive>,
    /// Starts that have not ended.
    pub(super) starts: Vec<Start>,
    /// Stops that have not ended.
    pub(super) stops: Vec<Stop>,
    /// The stop command that runs in place of the signal.
    pub(super) stop_command: Option<Box<StopCommand>>,
    /// Nothing up to this generation comes to life any more.
    pub(super) floor: Generation,
}

/// A generation of which something is alive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alive {
    pub(super) generation: Generation,
    pub(super) since: Option<Timestamp>,
    pub(super) pid: Option<u32>,
}

/// A start that has not ended.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) effect: EffectId,
    pub(super) generation: Generation,
    pub(super) spawn: Request,
    pub(super) attempt: Attempt,
    /// Whether the keeper may have been asked.
    pub(super) sent: bool,
}

/// A stop that has not ended.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) effect: EffectId,
    pub(super) generation: Generation,
    pub(super) signal: i32,
    /// Milliseconds.
    pub(super) grace: u64,
}

/// A stop command that runs.
#[derive(Debug)]
pub(super) struct StopCommand {
    pub(super) job: JobName,
    pub(super) generation: Generation,
    pub(super) begun: Instant,
    pub(super) grace: Duration,
    /// How the instance ended, if it has while the command still runs.
    pub(super) over: Option<(Generation, Option<Exit>, Option<String>)>,
}

impl Slot {
    /// Whether it need not be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.alive.is_none()
            && self.starts.is_empty()
            && self.stops.is_empty()
            && self.stop_command.is_none()
    }

    /// Takes out the starts of a generation.
    pub(super) fn take_starts(&mut self, of: impl Fn(Generation) -> bool) -> Vec<Start> {
        take(&mut self.starts, |start| of(start.generation))
    }

    /// Takes out the stops that have what they wanted when nothing up to this generation is left.
    pub(super) fn take_stops(&mut self, of: impl Fn(Generation) -> bool) -> Vec<Stop> {
        take(&mut self.stops, |stop| of(stop.generation))
    }

    /// The stop that is in the greatest hurry.
    pub(super) fn most_urgent(&self) -> Option<&Stop> {
        self.stops.iter().min_by_key(|stop| stop.grace)
    }
}

/// What is pending is large, and nothing is for most of an instance's life.
fn take<T>(from: &mut Vec<T>, which: impl Fn(&T) -> bool) -> Vec<T> {
    let taken = from.extract_if(.., |it| which(it)).collect();
    if from.is_empty() {
        *from = Vec::new();
    }
    taken
}
