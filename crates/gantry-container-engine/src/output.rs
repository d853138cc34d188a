//! From what an engine keeps of a container's output into our own log store.
//!
//! Every record has the engine's own time. Whoever begins to follow, after the death of a supervisor or of a
//! connection, asks for everything from the second of the store's last record on, and leaves out what is
//! there: all that is older, and of the same moment as many records as there are. So no line is lost or
//! doubled, as long as the engine still has it.
//!
//! Podman tells whole seconds only. What seems to be older than its container is as old as that.

mod pack;

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures::StreamExt as _;
use gantry_core::InstanceId;
use gantry_driver::stored::Already;
use gantry_driver::{LogPolicy, StackIdentity};
use gantry_log::{LogFolder, LogWriter, Policy, Stream};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::trouble;

/// How long until a stream that broke is opened again, and until a full disk is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// The folder of an instance's log.
pub fn folder(stack: &StackIdentity, instance: &InstanceId) -> LogFolder {
    let path = stack
        .state_dir
        .join("services")
        .join(instance.service.as_str())
        .join(instance.number().to_string())
        .join("log");
    LogFolder::new(path)
}

/// What of a container's output is copied where.
#[derive(Debug, Clone)]
pub struct Follow {
    /// The container.
    pub id: String,
    /// When it was made: what is older is another's.
    pub made: Option<Timestamp>,
    /// Where its output goes.
    pub folder: LogFolder,
    /// How it is kept there.
    pub policy: LogPolicy,
}

/// Follows a container's output until its end.
pub fn follow(engine: Engine, what: Follow) -> JoinHandle<()> {
    let Follow {
        id,
        made,
        folder,
        policy,
    } = what;
    let over = CancellationToken::new();
    let packing = policy
        .compress
        .then(|| tokio::spawn(pack::all(folder.clone(), over.clone())));
    let policy = Policy {
        max_size: policy.max_size,
        max_age: policy.max_age,
        keep: policy.keep,
        max_total: policy.max_total,
    };
    tokio::spawn(async move {
        let mut copy = Copy {
            done: Already::of(&folder, made),
            writer: LogWriter::new(folder, policy),
            scratch: Vec::new(),
            made,
            last: None,
        };
        loop {
            let ended = copy.all(&engine, &id).await;
            if !runs(&engine, &id).await && ended {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            copy.done = Already::of(copy.writer.folder(), made);
        }
        copy.end();
        over.cancel();
        if let Some(packing) = packing {
            // It has said itself what went wrong.
            let _ = packing.await;
        }
    })
}

/// Whether a container still runs, or that cannot be known now.
async fn runs(engine: &Engine, id: &str) -> bool {
    match engine.api.inspect_container(id, None).await {
        Ok(found) => found.state.and_then(|state| state.running) == Some(true),
        Err(error) => !trouble::is_not_found(&error),
    }
}

struct Copy {
    done: Already,
    writer: LogWriter,
    scratch: Vec<u8>,
    /// When the container was made.
    made: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Copy {
    /// Copies what there is and what comes. Says whether the engine ended the stream itself.
    async fn all(&mut self, engine: &Engine, id: &str) -> bool {
        let since = self.done.until.map_or(0, Timestamp::as_second);
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            timestamps: true,
            since: i32::try_from(since).unwrap_or(0),
            tail: "all".to_owned(),
            ..LogsOptions::default()
        };
        let mut pieces = engine.api.logs(id, Some(options));
        while let Some(piece) = pieces.next().await {
            let (stream, bytes) = match piece {
                Ok(LogOutput::StdErr { message }) => (Stream::Err, message),
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    (Stream::Out, message)
                }
                Ok(LogOutput::StdIn { .. }) => continue,
                Err(error) if trouble::is_not_found(&error) => return true,
                Err(error) => {
                    tracing::debug!(id, %error, "the output is opened again");
                    return false;
                }
            };
            self.take(stream, &bytes).await;
        }
        true
    }

    async fn take(&mut self, stream: Stream, piece: &[u8]) {
        let (at, mut text) = timed(piece);
        let at = at.unwrap_or_else(Timestamp::now);
        let at = self.made.map_or(at, |made| at.max(made));
        if self.done.has(at, stream) {
            return;
        }
        self.last = Some(at);
        while let Err(error) = self.writer.append(stream, at, text, &mut self.scratch) {
            tracing::debug!(%error, "the log cannot be written; the engine keeps it meanwhile");
            text = &text[error.done..];
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn end(&mut self) {
        let at = self.last.unwrap_or_else(Timestamp::now);
        for stream in [Stream::Out, Stream::Err] {
            if let Err(error) = self.writer.end(stream, at) {
                tracing::warn!(%error, "the last line cannot be ended");
            }
        }
    }
}

/// The time that an engine put before a record, to the microsecond that the store keeps, and the rest.
fn timed(piece: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let Some(end) = piece.iter().position(|byte| *byte == b' ') else {
        return (None, piece);
    };
    let time = std::str::from_utf8(&piece[..end]).ok();
    let time: Option<Timestamp> = time.and_then(|text| text.parse().ok());
    let Some(time) = time else {
        return (None, piece);
    };
    (to_the_microsecond(time), &piece[end + 1..])
}

/// A time as the log store keeps it.
pub fn to_the_microsecond(time: Timestamp) -> Option<Timestamp> {
    Timestamp::from_microsecond(time.as_microsecond()).ok()
}

#[cfg(test)]
mod tests;
