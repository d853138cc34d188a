//! How soon something that died is started again.

use std::time::{Duration, Instant};

/// At once the first times, then slower and slower until it stays up for a while.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    started: Option<Instant>,
    quick_deaths: u32,
}

/// Who lives so long has not died of being started.
const STABLE: Duration = Duration::from_secs(5);
const AT_ONCE: u32 = 5;
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
        if lived >= STABLE {
            self.quick_deaths = 0;
            return Duration::ZERO;
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
}
