//! The log store on disk: records, rotation, reading and merging.
//!
//! One instance logs into one folder. `current` is written; when it is full or old it is renamed after
//! its newest record (`20261121T100000.123456Z.log`, so that names sort in time order), and the
//! oldest beyond the policy are removed. Each file is a sequence of records, one a line:
//!
//! ```text
//! 2026-11-21T10:00:00.123456Z o F listening on port 8080
//! 2026-11-21T10:00:00.123999Z e P half a li
//! 2026-11-21T10:00:00.124010Z e F ne
//! ```
//!
//! Time in UTC with microseconds, the stream (`o`utput, `e`rror, `k`eeper's own notes), `F` for a line that
//! is complete with this record or `P` for a part of one, and the bytes as the program wrote them.
//! Parts are written at once rather than held back, so that nothing waits in memory for its newline;
//! the reader joins them.

mod compress;
mod file_id;
mod folder;
mod follow;
mod input;
mod joiner;
mod merge;
mod name;
mod query;
mod reader;
mod record;
mod rights;
mod snapshot;
mod tail;
mod writer;

pub use compress::{CompressError, Compressed, compress};
pub use folder::LogFolder;
pub use follow::{Follow, FollowSet};
pub use merge::{Merge, Merged, merge};
pub use name::CURRENT;
pub use query::Query;
pub use reader::{Lines, Trouble};
pub use record::{FormatTime, Line, Record, Stream};
pub use rights::with_rights;
pub use writer::{AppendError, LogWriter, Mark, Policy};

/// The version of the record format, for those who describe it. Files carry it by their shape: a
/// record of another version begins with something that is not a time.
pub const FORMAT_VERSION: u32 = 1;
