//! Values with a small grammar of their own.

use serde_json::Value;

use crate::node::Node;

mod backoff;
mod bytes;
mod duration;
mod engine;
mod expression;
mod limit;
mod name;
mod number;
mod pattern;
mod port;
mod signal;
mod status;
mod umask;

pub use backoff::BACKOFF;
pub use bytes::SIZE;
pub use duration::{DURATION, SPAN, parse_duration};
pub use engine::ENGINE;
pub use expression::EXPRESSION;
pub use limit::LIMIT;
pub(crate) use name::check_name;
pub use name::{CHILD_NAME, NAME, SERVICE_NAME};
pub use number::NUMBER;
pub use pattern::REGEX;
pub use port::{FIXED_PORT, PORT};
pub use signal::SIGNAL;
pub use status::STATUS;
pub use umask::UMASK;

#[cfg(test)]
mod tests;

/// A value with a small grammar of its own.
#[derive(Debug)]
pub struct Scalar {
    /// Its kind, for the reference page: `duration`.
    pub name: &'static str,
    /// What a message says was expected: `a duration such as "10s"`.
    pub expected: &'static str,
    /// Its JSON Schema.
    pub schema: &'static str,
    /// One that is right, as TOML writes it.
    pub example: &'static str,
    /// Reads it.
    pub parse: fn(&Node) -> Result<Value, Problem>,
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is of another kind: a list, say, where a text belongs.
    Kind,
    /// It is of the right kind, but not right: why, and what to do about it.
    Value(String, Option<String>),
}

impl Problem {
    /// Not right, for this reason.
    pub fn value(message: impl Into<String>) -> Self {
        Self::Value(message.into(), None)
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Value(message, _) => Self::Value(message, Some(hint.into())),
            Self::Kind => Self::Kind,
        }
    }
}
