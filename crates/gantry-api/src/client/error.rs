//! What can go wrong between a client and a supervisor.

use std::io;

use camino::Utf8PathBuf;

use crate::error::ErrorBody;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody keeps the stack.
    #[error("no supervisor runs for this stack")]
    NoSupervisor {
        /// The folder where its socket would be.
        dir: Utf8PathBuf,
    },
    /// A guard lives, but no supervisor began to answer in time.
    #[error("the supervisor did not answer in {waited_s} s")]
    NotAnswering {
        /// Where it stands why, if that is known.
        log: Utf8PathBuf,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// The socket may not be used.
    #[error("failed to connect to {socket}")]
    Connect {
        /// The socket.
        socket: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The supervisor says no.
    #[error("{0}")]
    Refused(ErrorBody),
    /// The connection ended before the answer did.
    #[error("the supervisor broke off in the middle of its answer")]
    BrokenOff {
        /// Why, if that is known.
        #[source]
        source: Option<hyper::Error>,
    },
    /// The answer is not what this version understands.
    #[error("failed to read the supervisor's answer")]
    Unreadable(#[source] serde_json::Error),
}
