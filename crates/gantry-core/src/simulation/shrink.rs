//! Leaving out what a failure does not need.

use super::{Schedule, runner};

/// Drops ever smaller runs of actions while the schedule still fails, until no single one can go.
pub(super) fn shrink(schedule: &Schedule) -> Schedule {
    let mut best = schedule.clone();
    let Err(violation) = runner::run(&best, false) else {
        return best;
    };
    best.actions.truncate(violation.step + 1);
    if runner::run(&best, false).is_ok() {
        best.clone_from(schedule);
    }
    let mut width = best.actions.len().div_ceil(2).max(1);
    loop {
        let mut dropped = false;
        let mut at = 0;
        while at < best.actions.len() {
            let mut shorter = best.clone();
            let end = (at + width).min(shorter.actions.len());
            shorter.actions.drain(at..end);
            if runner::run(&shorter, false).is_err() {
                best = shorter;
                dropped = true;
            } else {
                at += width;
            }
        }
        if width == 1 && !dropped {
            return best;
        }
        if !dropped {
            width = (width / 2).max(1);
        }
    }
}
