//! When to ask next.

use std::time::Duration;

/// The first wait while something starts.
const FIRST: Duration = Duration::from_millis(20);

/// How fast a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It starts: soon, then ever slower, so that nothing waits for a tick.
    Starting,
    /// It is up: at the interval, give or take, so that many probes do not ask all at once.
    Steady,
}

/// The waits of one probe.
#[derive(Debug, Clone)]
pub struct Schedule {
    interval: Duration,
    delay: Duration,
    /// The wait before the next question, in [`Pace::Starting`].
    next: Duration,
    first: bool,
    random: u64,
}

impl Schedule {
    /// Waits for a probe with this interval, which is not asked before `delay` is over. `seed`
    /// differs between probes.
    pub fn new(interval: Duration, delay: Duration, seed: u64) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        Self {
            interval,
            delay,
            next: FIRST.min(interval),
            first: true,
            random: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The wait before the next question.
    pub fn wait(&mut self, pace: Pace) -> Duration {
        let first = std::mem::replace(&mut self.first, false);
        if first && (!self.delay.is_zero() || pace == Pace::Starting) {
            return if self.delay.is_zero() {
                self.grow()
            } else {
                self.delay
            };
        }
        match pace {
            Pace::Starting => self.grow(),
            // The first steady question falls anywhere in the interval, so that probes that began
            // together part at once.
            Pace::Steady if first => self.interval.mul_f64(0.1 + 0.9 * self.fraction()),
            Pace::Steady => self.interval.mul_f64(0.9 + 0.2 * self.fraction()),
        }
    }

    fn grow(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait + wait / 2).min(self.interval);
        wait
    }

    /// A number from 0 to 1, by `SplitMix64`.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let top = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
        f64::from(top) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
