//! What the mock's instances print.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::sync::watch;

use super::Shared;
use super::backend::{Backend, Key};
use crate::{LogCursor, LogFrom, LogRecord, LogRequest, LogStream, OutputStream};

/// All that one instance has printed.
#[derive(Debug, Default)]
pub(super) struct Output {
    lines: Vec<(Timestamp, OutputStream, String)>,
}

impl Backend {
    pub(super) fn print(&mut self, key: &Key, stream: OutputStream, line: &str) {
        let at = self.now();
        let output = self.outputs.entry(key.clone()).or_default();
        output.lines.push((at, stream, line.to_owned()));
        self.printed.send_modify(|count| *count += 1);
    }
}

/// Reads as asked. A cursor is the number of lines before it.
pub(super) fn read(shared: &Arc<Shared>, stack: &SmolStr, request: &LogRequest) -> LogStream {
    let key: Key = (stack.clone(), request.instance.clone());
    let (place, printed) = {
        let backend = shared.lock();
        let lines = backend
            .outputs
            .get(&key)
            .map_or(&[][..], |output| &output.lines);
        let place = match &request.from {
            LogFrom::Start => 0,
            LogFrom::Tail(count) => lines.len().saturating_sub(*count),
            LogFrom::Since(time) => lines.partition_point(|(at, _, _)| at < time),
            LogFrom::After(cursor) => cursor.as_str().parse().unwrap_or(0),
        };
        (place, backend.printed.subscribe())
    };
    let reading = Reading {
        shared: Arc::clone(shared),
        key,
        place,
        printed,
        follow: request.follow,
    };
    stream::unfold(reading, |mut reading| async move {
        let record = reading.next().await?;
        Some((Ok(record), reading))
    })
    .boxed()
}

struct Reading {
    shared: Arc<Shared>,
    key: Key,
    place: usize,
    printed: watch::Receiver<u64>,
    follow: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<LogRecord> {
        loop {
            self.printed.borrow_and_update();
            if let Some(record) = self.here() {
                return Some(record);
            }
            if !self.follow {
                return None;
            }
            self.printed.changed().await.ok()?;
        }
    }

    fn here(&mut self) -> Option<LogRecord> {
        let backend = self.shared.lock();
        let (at, stream, text) = backend.outputs.get(&self.key)?.lines.get(self.place)?;
        self.place += 1;
        Some(LogRecord {
            at: *at,
            instance: self.key.1.clone(),
            child: None,
            stream: *stream,
            partial: false,
            text: text.clone(),
            cursor: LogCursor::new(self.place.to_string()),
        })
    }
}
