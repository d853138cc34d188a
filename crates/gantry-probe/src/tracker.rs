//! When a service counts as healthy: thresholds over answers.

/// How many answers in a row change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures in a row, after the first verdict of healthy.
    pub failures: u32,
    /// Successes in a row.
    pub successes: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            failures: 3,
            successes: 1,
        }
    }
}

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has not been healthy yet. Failures do not count here: the start timeout decides.
    Starting,
    /// It is healthy.
    Healthy,
    /// It was healthy, and has failed too often in a row.
    Unhealthy,
}

/// Counts the answers of one probe.
#[derive(Debug, Clone)]
pub struct Tracker {
    thresholds: Thresholds,
    health: Health,
    /// Answers in a row that speak against the verdict.
    against: u32,
}

impl Tracker {
    /// A probe of something that starts: it is not healthy before it says so.
    pub fn starting(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            health: Health::Starting,
            against: 0,
        }
    }

    /// A probe of something that counts as healthy until it fails too often.
    pub fn healthy(thresholds: Thresholds) -> Self {
        Self {
            health: Health::Healthy,
            ..Self::starting(thresholds)
        }
    }

    /// The verdict.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Takes in one answer, and returns the verdict if it changed.
    pub fn note(&mut self, healthy: bool) -> Option<Health> {
        let was_healthy = self.health == Health::Healthy;
        if healthy == was_healthy {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let (needed, next) = if was_healthy {
            (self.thresholds.failures, Health::Unhealthy)
        } else {
            (self.thresholds.successes, Health::Healthy)
        };
        if self.against < needed.max(1) {
            return None;
        }
        self.against = 0;
        self.health = next;
        Some(next)
    }
}

#[cfg(test)]
mod tests;
