//! The log check: a line of the output matches.
//!
//! Whoever can read the output does so, and asks [`LogCheck::judge`] about each line.

use regex::Regex;

use crate::outcome::Outcome;

/// How much of a line goes into the evidence, in characters.
const SHOWN: usize = 200;

/// What a line must match.
#[derive(Debug, Clone)]
pub struct LogCheck {
    pattern: Regex,
}

impl LogCheck {
    /// A check for this regular expression.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        Regex::new(pattern).map(|pattern| Self { pattern })
    }

    /// What is asked.
    pub fn what(&self) -> String {
        format!("a line that matches `{}`", self.pattern)
    }

    /// The answer that a line gives, if it gives one.
    pub fn judge(&self, line: &str) -> Option<Outcome> {
        self.pattern.is_match(line).then(|| {
            let line: String = line.trim().chars().take(SHOWN).collect();
            Outcome::healthy(format!("it printed: {line}"))
        })
    }

    /// The answer as long as there is no such line.
    pub fn awaited(&self) -> Outcome {
        Outcome::unhealthy(format!(
            "no line of its output has matched `{}`",
            self.pattern
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_matches_is_shown() {
        let check = LogCheck::new("^listening on [0-9]+$").expect("a pattern");
        assert_eq!(check.judge("not listening on 1"), None);
        let outcome = check.judge("listening on 80").expect("it matches");
        assert!(outcome.healthy);
        assert_eq!(outcome.evidence, "it printed: listening on 80");
        assert!(!check.awaited().healthy);
        assert!(LogCheck::new("(").is_err());
    }
}
