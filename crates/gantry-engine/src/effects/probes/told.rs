//! What it means that an instance has said something of itself.

use gantry_driver::{Line, Said};
use gantry_probe::{Check, Outcome};

use super::PreparedProbe;
use crate::definition::Role;

/// The answer to a probe that is told and not asked; none if nothing can be said yet.
pub(super) fn judge(probe: &PreparedProbe, said: &Said, passed: bool) -> Option<Outcome> {
    match (&probe.check, probe.role) {
        (Check::Log(_), _) if passed => Some(Outcome::healthy("a line of its output matched")),
        (Check::Log(check), _) => Some(check.awaited()),
        (Check::Fd(fd), _) => Some(match said.line {
            Line::Awaited => {
                Outcome::unhealthy(format!("it has not written a line to descriptor {fd}"))
            }
            Line::Written => Outcome::healthy(format!("it wrote a line to descriptor {fd}")),
            Line::Closed => Outcome::unhealthy(format!(
                "it closed descriptor {fd} without having written a line to it"
            )),
        }),
        (Check::Notify, Role::Liveness) => {
            // As with every other probe, failures count after the first success.
            if !said.watched {
                return None;
            }
            let every = probe.interval;
            Some(if said.misses < probe.thresholds.failures {
                Outcome::healthy("it says WATCHDOG=1 in time")
            } else if said.misses == u32::MAX {
                Outcome::unhealthy("it said WATCHDOG=trigger")
            } else if said.misses == 1 {
                Outcome::unhealthy(format!("it did not say WATCHDOG=1 within {every:?}"))
            } else {
                let misses = said.misses;
                Outcome::unhealthy(format!(
                    "it did not say WATCHDOG=1 for {misses} times {every:?}"
                ))
            })
        }
        (Check::Notify, _) => {
            let status = said.status.as_ref();
            let status = status.map_or_else(String::new, |status| format!("; it says: {status}"));
            Some(if said.stopping {
                Outcome::unhealthy(format!("it said STOPPING=1{status}"))
            } else if said.ready {
                Outcome::healthy("it said READY=1")
            } else {
                Outcome::unhealthy(format!("it has not said READY=1{status}"))
            })
        }
        _ => None,
    }
}
