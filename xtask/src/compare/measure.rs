//! Who takes part, round after round, and what each of them needed.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::floor;
use super::killed;
use super::peer::Peer;
use super::round::{self, Ground, Times};
use crate::shell;

/// What one manager needed: the median of the rounds.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// From the command to the last service's word.
    pub(super) up: Duration,
    /// One call for the state of everything.
    pub(super) status: Option<Duration>,
    /// From a service's death to its successor's word.
    pub(super) restart: Option<Duration>,
    /// From the command until nothing is left.
    pub(super) down: Duration,
    /// Proportional memory of everything besides the services, in KiB.
    pub(super) memory: u64,
    /// What became of the services when the manager was killed and started again.
    pub(super) killed: Option<String>,
}

/// One run.
pub(super) struct Contest<'a> {
    ground: Ground<'a>,
    entries: Vec<Entry<'a>>,
    failures: Vec<String>,
}

struct Entry<'a> {
    peer: &'a dyn Peer,
    times: Vec<Times>,
    killed: Option<String>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(service: &'a Path, path: OsString, services: usize) -> Self {
        Self {
            ground: Ground {
                service,
                path,
                services,
            },
            entries: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// A program that this manager needs and that is not here.
    pub(super) fn missing(&self, peer: &dyn Peer) -> Option<&'static str> {
        let here = |program: &str| shell::find_program_in(&self.ground.path, program).is_some();
        let programs = peer.programs().iter().copied();
        programs.into_iter().find(|program| !here(program))
    }

    pub(super) fn enter(&mut self, peer: &'a dyn Peer) {
        self.entries.push(Entry {
            peer,
            times: Vec::new(),
            killed: None,
        });
    }

    /// Everyone does the work once. Who fails is told of, and out.
    pub(super) fn round(&mut self) {
        let (ground, failures) = (&self.ground, &mut self.failures);
        self.entries.retain_mut(|entry| {
            let name = entry.peer.name();
            eprintln!("    {name}");
            match round::round(entry.peer, ground) {
                Ok(times) => entry.times.push(times),
                Err(error) => {
                    failures.push(format!("{name}: did not do the work: {error:#}"));
                    return false;
                }
            }
            true
        });
    }

    /// Every manager is killed once, over ten services.
    pub(super) fn kill_managers(&mut self) {
        eprintln!("==> managers are killed");
        for entry in &mut self.entries {
            let name = entry.peer.name();
            if name == floor::NAME {
                continue;
            }
            eprintln!("    {name}");
            match killed::kill(entry.peer, &self.ground) {
                Ok(said) => entry.killed = Some(said),
                Err(error) => self.failures.push(format!("{name}, killed: {error:#}")),
            }
        }
    }

    /// What came out, and who failed.
    pub(super) fn end(self) -> (Vec<Row>, Vec<String>) {
        let rows = self.entries.into_iter().map(|entry| {
            let times = &entry.times;
            Row {
                name: entry.peer.name(),
                up: middle(times.iter().map(|row| row.up)).unwrap_or_default(),
                status: middle(times.iter().filter_map(|row| row.status)),
                restart: middle(times.iter().flat_map(|row| row.restarts.iter().copied())),
                down: middle(times.iter().map(|row| row.down)).unwrap_or_default(),
                memory: middle(times.iter().map(|row| row.memory)).unwrap_or(0),
                killed: entry.killed,
            }
        });
        (rows.collect(), self.failures)
    }
}

fn middle<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.get(values.len() / 2).copied()
}
