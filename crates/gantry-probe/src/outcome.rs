//! What one check saw.

use std::time::Duration;

/// The answer to one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it passed.
    pub healthy: bool,
    /// What was seen, as a sentence without a final period.
    pub evidence: String,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// It passed.
    pub fn healthy(evidence: impl Into<String>) -> Self {
        Self::of(true, evidence)
    }

    /// It did not pass.
    pub fn unhealthy(evidence: impl Into<String>) -> Self {
        Self::of(false, evidence)
    }

    fn of(healthy: bool, evidence: impl Into<String>) -> Self {
        Self {
            healthy,
            evidence: evidence.into(),
            took: Duration::ZERO,
        }
    }
}

/// A duration as people say it: `20ms`, `1.5s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let text = format!("{:.1}", duration.as_secs_f64());
    format!("{}s", text.strip_suffix(".0").unwrap_or(&text))
}
