//! Hearing that the guard is dead, and giving the keeper's work up for the guard's.

use std::os::fd::OwnedFd;

use super::Keeper;
use super::poller::Token;
use crate::report::report;

/// What is known of the guard.
#[derive(Debug, Default)]
pub(super) struct Guarding {
    /// A descriptor of the guard, as long as it lives.
    guard: Option<OwnedFd>,
    dead: bool,
}

impl Guarding {
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }
}

impl Keeper<'_> {
    pub(super) fn watch_guard(&mut self) {
        match gantry_sys::pidfd(self.shared.guard()) {
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

    /// The loop ends with this turn.
    pub(super) fn guard_died(&mut self) {
        if let Some(guard) = self.guarding.guard.take() {
            self.poller.remove(&guard);
        }
        self.guarding.dead = true;
        report("the guard was killed; its keeper takes its place, and makes another keeper");
    }
}
