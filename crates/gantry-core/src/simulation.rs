//! The seeded simulation: a world against a backend that misbehaves.
//!
//! A [`Schedule`] is a seed and a list of actions. The seed makes the stack (a few services with
//! random edges, kinds, policies and replicas, in three variants) and the actions: someone asks for
//! something, the backend gets on with its work, a process dies, news arrive late or in another
//! order, the supervisor is killed, the backend is lost. After every step the rules that must always
//! hold are checked against what the *backend* knows to be true, not against what the world
//! believes. Then the noise ends, and the stack must come to rest: as desired, or with a cause.
//!
//! Everything is a function of the schedule. A failing one is shrunk by leaving out actions while it
//! still fails, and can be run again from its seed.

mod action;
mod backend;
mod calm;
mod checks;
mod client;
mod random;
mod runner;
mod shrink;
mod stack;

use std::fmt;

pub use action::Action;

use self::random::Random;

/// One run: everything that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Makes the stack.
    pub seed: u64,
    /// What happens, in this order.
    pub actions: Vec<Action>,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// After how many actions.
    pub step: usize,
    /// What was broken.
    pub rule: String,
    /// What happened up to there, one line each.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        write!(f, "after {} actions: {}", self.step, self.rule)
    }
}

impl Schedule {
    /// The schedule of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let length = 8 + random.below(56);
        let actions = (0..length).map(|_| Action::random(&mut random)).collect();
        Self { seed, actions }
    }

    /// Runs it.
    pub fn run(&self) -> Result<(), Violation> {
        runner::run(self, false)
    }

    /// Runs it and keeps a trace for the violation, which costs time.
    pub fn run_traced(&self) -> Result<(), Violation> {
        runner::run(self, true)
    }

    /// The shortest schedule found that still fails. Gives itself if it does not fail.
    #[must_use]
    pub fn shrunk(&self) -> Self {
        shrink::shrink(self)
    }
}

/// Runs the schedules of `seeds`, and gives the first that fails, shrunk, with its violation.
pub fn search(seeds: impl IntoIterator<Item = u64>) -> Option<(Schedule, Violation)> {
    seeds.into_iter().find_map(|seed| {
        let schedule = Schedule::new(seed);
        schedule.run().err()?;
        let shrunk = schedule.shrunk();
        let violation = shrunk.run_traced().err()?;
        Some((shrunk, violation))
    })
}

#[cfg(test)]
mod tests;
