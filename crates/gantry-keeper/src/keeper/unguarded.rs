//! Doing the guard's work when it is dead.
//!
//! A dead guard cannot be a parent again. The keeper goes on: its own children stay its own, those of
//! earlier keepers are now init's, and the supervisor is started from here.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use gantry_sys::ProcessRef;

use super::Keeper;
use super::poller::Token;
use super::run::RunId;
use super::timers::Timer;
use crate::backoff::Backoff;
use crate::report::report;

/// What is known of the guard, and what is done in its place.
#[derive(Debug, Default)]
pub(super) struct Guarding {
    /// A descriptor of the guard, as long as it lives.
    guard: Option<OwnedFd>,
    dead: bool,
    supervisor: Option<(ProcessRef, OwnedFd)>,
    backoff: Backoff,
}

impl Guarding {
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }
}

impl Keeper<'_> {
    pub(super) fn watch_guard(&mut self) {
        match gantry_sys::pidfd(self.shared.guard) {
            Ok(Some(guard)) => {
                if let Err(error) = self.poller.add(&guard, Token::Guard) {
                    report(error.to_string());
                }
                self.guarding.guard = Some(guard);
            }
            Ok(None) => self.guard_died(),
            Err(error) => report(error.to_string()),
        }
    }

    pub(super) fn guard_died(&mut self) {
        if let Some(guard) = self.guarding.guard.take() {
            self.poller.remove(&guard);
        }
        self.guarding.dead = true;
        report("the guard is dead; the keeper goes on unguarded and keeps the supervisor");
        // What it wrote down last, and those that it can no longer wait for.
        self.read_orphans();
        let gone: Vec<RunId> = self
            .runs
            .iter()
            .filter(|(_, run)| run.exit.is_none() && run.pidfd.is_none())
            .filter(|(_, run)| run.process.is_some_and(|process| !process.exists()))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.process_gone(id);
        }
        self.keep_supervisor();
    }

    fn keep_supervisor(&mut self) {
        let found = self.shared.supervisor().and_then(|process| {
            let pidfd = gantry_sys::pidfd(process).ok()??;
            Some((process, pidfd))
        });
        match found {
            Some((process, pidfd)) => {
                if let Err(error) = self.poller.add(&pidfd, Token::Supervisor) {
                    report(error.to_string());
                }
                self.guarding.supervisor = Some((process, pidfd));
            }
            None => self.timers.set(Instant::now(), Timer::Supervisor),
        }
    }

    pub(super) fn supervisor_died(&mut self) {
        let Some((_, pidfd)) = self.guarding.supervisor.take() else {
            return;
        };
        self.poller.remove(&pidfd);
        self.shared.set_supervisor(None);
        if !self.shutting_down {
            let now = Instant::now();
            let wait = self.guarding.backoff.died(now, false);
            self.timers.set(now + wait, Timer::Supervisor);
        }
    }

    /// A child ended that no run knows: it may be the supervisor.
    pub(super) fn supervisor_was_ours(&mut self, pid: u32) {
        let is = |known: &(ProcessRef, OwnedFd)| known.0.pid == pid;
        if self.guarding.supervisor.as_ref().is_some_and(is) {
            self.supervisor_died();
        }
    }

    pub(super) fn start_supervisor(&mut self) {
        if !self.guarding.dead || self.guarding.supervisor.is_some() || self.shutting_down {
            return;
        }
        let now = Instant::now();
        self.guarding.backoff.started(now);
        if crate::supervisor::start(self.shared, &mut self.spawner).is_some() {
            self.keep_supervisor();
        } else {
            self.timers
                .set(now + Duration::from_secs(1), Timer::Supervisor);
        }
    }
}
