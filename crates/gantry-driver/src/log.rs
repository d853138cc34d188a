//! What instances print.

use std::fmt;

use futures::stream::BoxStream;
use gantry_core::InstanceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{ChildName, DriverError};

/// A place in an instance's output. It is kept over restarts of everything, and reading goes on after
/// it without a line lost or doubled. Only the driver that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogCursor(SmolStr);

impl LogCursor {
    /// A cursor with the driver's own text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(SmolStr::new(text))
    }

    /// The driver's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where to begin reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogFrom {
    /// At the oldest that is kept.
    #[default]
    Start,
    /// With the last so many lines.
    Tail(usize),
    /// At this time.
    Since(Timestamp),
    /// After this place.
    After(LogCursor),
}

/// Which output is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// Of which instance.
    pub instance: InstanceId,
    /// Of which of its parts only.
    pub child: Option<ChildName>,
    /// From where on.
    pub from: LogFrom,
    /// Whether to wait for more at the end.
    pub follow: bool,
}

/// Which output of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A note of gantry's own: lines dropped, a gap.
    Note,
}

/// One line, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// When it was read.
    pub at: Timestamp,
    /// Of which instance.
    pub instance: InstanceId,
    /// Of which part.
    pub child: Option<ChildName>,
    /// Of which output.
    pub stream: OutputStream,
    /// Whether the line goes on in the next record of the same output.
    pub partial: bool,
    /// The text without its newline; what is not UTF-8 is replaced.
    pub text: String,
    /// The place after it.
    pub cursor: LogCursor,
}

/// Records as they come. Ends at the end of the output, or never if following.
pub type LogStream = BoxStream<'static, Result<LogRecord, DriverError>>;
