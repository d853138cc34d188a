//! How soon something that died is started again.

use std::time::{Duration, Instant};

/// At once the first times, then slower and slower until it stays up for a while.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    started: Option<Instant>,
    quick_deaths: u32,
    /// Starts in a row that the kernel refused.
    refused: u32,
    /// Since when it has not come to live for a while, by no fault of who kills it.
    failing: Option<Instant>,
}

/// Who lives so long has not died of being started.
const STABLE: Duration = Duration::from_secs(5);
const AT_ONCE: u32 = 5;
/// The first wait after the kernel refused: what is short now may be there soon.
const REFUSED: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);
/// Who was killed did nothing wrong, and is wanted back.
const LONGEST_IF_KILLED: Duration = Duration::from_millis(50);

impl Backoff {
    /// It was started.
    pub(crate) fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// It died, by itself or killed from outside: how long to wait.
    pub(crate) fn died(&mut self, now: Instant, killed: bool) -> Duration {
        let lived = self.started.map_or(STABLE, |at| now.duration_since(at));
        self.refused = 0;
        if lived >= STABLE {
            self.quick_deaths = 0;
            self.failing = None;
            return Duration::ZERO;
        }
        if !killed {
            self.failing.get_or_insert(now);
        }
        self.quick_deaths += 1;
        match self.quick_deaths.checked_sub(AT_ONCE) {
            None | Some(0) => Duration::ZERO,
            Some(more) => {
                let longest = if killed { LONGEST_IF_KILLED } else { LONGEST };
                longest.min(Duration::from_millis(25) * 2_u32.pow(more.min(10)))
            }
        }
    }

    /// The kernel refused to start it: how long to wait.
    pub(crate) fn refused(&mut self, now: Instant) -> Duration {
        self.failing.get_or_insert(now);
        self.refused += 1;
        LONGEST.min(REFUSED * 2_u32.pow(self.refused.min(10) - 1))
    }

    /// For how long it has failed without having lived for a while in between.
    pub(crate) fn fails_for(&self, now: Instant) -> Duration {
        self.failing
            .map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_and_recovers() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..20 {
            backoff.started(start);
            waits.push(backoff.died(start, false));
        }
        assert!(waits[..5].iter().all(Duration::is_zero));
        assert!(waits[5] > Duration::ZERO && waits.is_sorted());
        assert_eq!(waits[19], LONGEST);
        assert_eq!(backoff.died(start, true), LONGEST_IF_KILLED);
        backoff.started(start);
        assert_eq!(backoff.died(start + STABLE, false), Duration::ZERO);
    }

    #[test]
    fn it_fails_until_it_has_lived_for_a_while() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let later = start + STABLE;
        backoff.started(start);
        backoff.died(start, true);
        assert_eq!(backoff.fails_for(later), Duration::ZERO, "it was killed");
        backoff.started(start);
        assert_eq!(backoff.refused(start), REFUSED);
        assert_eq!(backoff.refused(start), REFUSED * 2);
        assert_eq!(backoff.fails_for(later), STABLE);
        backoff.started(start);
        backoff.died(start, false);
        assert_eq!(backoff.refused(start), REFUSED, "it had begun in between");
        for _ in 0..20 {
            backoff.refused(start);
        }
        assert_eq!(backoff.refused(start), LONGEST);
        backoff.started(start);
        backoff.died(later, false);
        assert_eq!(backoff.fails_for(later), Duration::ZERO);
    }
}
