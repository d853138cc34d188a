//! Further pairs: starting them, and seeing that they end before the first.
//!
//! A further guard is a copy of the first pair's, which at once lets go of all that was copied. From
//! then on it is on its own: whoever of it dies, the other one takes over, and if both do, the supervisor
//! asks for the pair again. That there are never two is its lock's work, so it may be asked for often.

use std::time::{Duration, Instant};

use super::{Guard, be_guard};
use crate::client::{self, ClientError};
use crate::protocol::Refusal;
use crate::report::report;
use crate::shared::{SupervisorEnd, ring};
use crate::supervisor::in_words;

/// How often is looked whether pairs have ended that were told to.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Guard<'_> {
    /// Start the pairs that the keeper was asked for.
    pub(super) fn start_wanted_pairs(&mut self) {
        for pair in self.shared.take_wanted_pairs() {
            if !self.shared.is_shut_down() {
                self.start_pair(pair);
            }
        }
    }

    fn start_pair(&mut self, pair: u32) {
        let config = self.shared.config.clone();
        let layout = self.shared.layout.of_pair(pair);
        match gantry_sys::fork(|| be_guard(config, layout).code().into()) {
            Ok(pid) => {
                self.further.insert(pid);
            }
            // Who wanted it asks again.
            Err(error) => report(in_words(error.source.raw_os_error(), &error.to_string())),
        }
    }

    /// The supervisor is not to be started again if nothing runs: then all pairs end, this one last.
    pub(super) fn end(&mut self, why: SupervisorEnd) {
        for pair in self.shared.layout.further_pairs().into_iter().rev() {
            let layout = self.shared.layout.of_pair(pair);
            match client::shut_down(&layout) {
                Ok(()) => {}
                Err(ClientError::Refused(refusal @ Refusal::NotEmpty { .. })) => {
                    report(format!("pair {pair} goes on: {refusal}"));
                    return;
                }
                // Nobody is there to say what runs.
                Err(error) => {
                    report(format!("pair {pair}: {error}"));
                    self.start_pair(pair);
                    return;
                }
            }
        }
        self.shared.set_supervisor_end(why);
        ring(&self.shared.orphans_bell);
    }

    /// This pair has ended. One that was started meanwhile, since someone had asked for it, ends too. Says
    /// when to look again whether it has.
    pub(super) fn see_off_further_pairs(&self, now: Instant) -> Option<Instant> {
        if self.further.is_empty() {
            return None;
        }
        for pair in self.shared.layout.further_pairs() {
            // One that is not there yet, or not any more, is looked for again.
            let _ = client::shut_down(&self.shared.layout.of_pair(pair));
        }
        Some(now + LOOK_AGAIN)
    }
}
