//! What is wanted of an answer.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use regex::Regex;

/// A set of statuses: `200`, `200-299`, `200-299,404`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<RangeInclusive<u16>>,
}

/// Why a text is no [`StatusSet`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no set of statuses: expected numbers and ranges, like 200-299,404")]
pub struct StatusSetError(String);

impl StatusSet {
    /// One status.
    pub fn one(status: u16) -> Self {
        Self::of([status..=status])
    }

    /// These ranges.
    pub fn of(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self {
            ranges: ranges.into_iter().collect(),
        }
    }

    /// Whether it has this one.
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }
}

impl Default for StatusSet {
    /// What is no error: 200 to 399.
    fn default() -> Self {
        Self::of([200..=399])
    }
}

impl FromStr for StatusSet {
    type Err = StatusSetError;

    fn from_str(text: &str) -> Result<Self, StatusSetError> {
        let number = |part: &str| part.trim().parse().ok().filter(|n| (100..=599).contains(n));
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to): (u16, u16) = (number(from)?, number(to)?);
            (from <= to).then_some(from..=to)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        let ranges = ranges.ok_or_else(|| StatusSetError(text.to_owned()))?;
        Ok(Self { ranges })
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.ranges.iter().enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            let (from, to) = (range.start(), range.end());
            if from == to {
                write!(f, "{from}")?;
            } else {
                write!(f, "{from} to {to}")?;
            }
        }
        Ok(())
    }
}

/// What a body must say.
#[derive(Debug, Clone)]
pub enum BodyMatch {
    /// This text, somewhere.
    Contains(String),
    /// Something that this pattern matches.
    Matches(Regex),
}

impl BodyMatch {
    /// Whether a body says it.
    pub fn is_met_by(&self, body: &str) -> bool {
        match self {
            Self::Contains(text) => body.contains(text.as_str()),
            Self::Matches(pattern) => pattern.is_match(body),
        }
    }
}

impl fmt::Display for BodyMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "{text:?} in its body"),
            Self::Matches(pattern) => write!(f, "a match of /{pattern}/ in its body"),
        }
    }
}
