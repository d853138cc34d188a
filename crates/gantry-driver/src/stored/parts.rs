//! The output of an instance that consists of parts, each with a log of its own: of all together, in the order of time,
//! or of one.
//!
//! The logs lie at `parts/NAME/NUMBER/log` below the instance's folder.

use std::collections::{BTreeMap, VecDeque};

use camino::Utf8Path;
use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use gantry_log::LogFolder;
use tokio::sync::watch;

use crate::{ChildName, DriverError, LogCursor, LogFrom, LogRecord, LogRequest, LogStream};

/// One log, by the name of its part and the number of its container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    part: String,
    number: u32,
}

impl Source {
    /// As cursors have it.
    fn key(&self) -> String {
        format!("{}/{}", self.part, self.number)
    }
}

/// How far each log has been read.
type Places = BTreeMap<String, String>;

/// A record, or why there is none, with the log it is from.
type From = (Source, Result<LogRecord, DriverError>);

struct Reading {
    root: camino::Utf8PathBuf,
    request: LogRequest,
    places: Places,
    ready: VecDeque<Result<LogRecord, DriverError>>,
    followed: SelectAll<BoxStream<'static, From>>,
    known: Vec<Source>,
    changes: watch::Receiver<u64>,
}

/// The output that is asked for, of the instance with this folder. `changes` is told when a log is new.
pub fn read_parts(
    folder: &Utf8Path,
    changes: watch::Receiver<u64>,
    request: LogRequest,
) -> LogStream {
    let root = folder.join("parts");
    let reading = Reading {
        root,
        places: match &request.from {
            LogFrom::After(cursor) => serde_json::from_str(cursor.as_str()).unwrap_or_default(),
            _ => Places::new(),
        },
        request,
        ready: VecDeque::new(),
        followed: SelectAll::new(),
        known: Vec::new(),
        changes,
    };
    stream::once(reading.begin())
        .flat_map(|reading| {
            stream::unfold(reading, |mut reading| async move {
                let record = reading.next().await?;
                Some((record, reading))
            })
        })
        .boxed()
}

impl Reading {
    /// Reads what is kept.
    async fn begin(mut self) -> Self {
        let sources = sources(&self.root, self.request.child.as_ref());
        let mut all: Vec<From> = Vec::new();
        for source in sources {
            let mut records = self.open(&source, false);
            while let Some(one) = records.next().await {
                all.push(one);
            }
        }
        // Each log is in order, and stays so.
        all.sort_by_key(|(_, record)| record.as_ref().ok().map(|record| record.at));
        let skip = match self.request.from {
            LogFrom::Tail(lines) => all.len().saturating_sub(lines),
            _ => 0,
        };
        for (at, one) in all.into_iter().enumerate() {
            let record = self.place(one);
            if at >= skip {
                self.ready.push_back(record);
            }
        }
        if self.request.follow {
            self.follow_new();
        }
        self
    }

    fn open(&self, source: &Source, follow: bool) -> BoxStream<'static, From> {
        let place = self.places.get(&source.key());
        let from = match (place, &self.request.from) {
            (Some(place), _) => LogFrom::After(LogCursor::new(place)),
            (None, LogFrom::After(_)) => LogFrom::Start,
            // What has no line yet has none that is left out.
            (None, LogFrom::Tail(_)) if follow => LogFrom::Start,
            (None, other) => other.clone(),
        };
        let folder = self.root.join(&source.part).join(source.number.to_string());
        let request = LogRequest {
            from,
            follow,
            ..self.request.clone()
        };
        let source = source.clone();
        super::read(&LogFolder::new(folder.join("log")), &request)
            .map(move |record| (source.clone(), record))
            .boxed()
    }

    /// Follows the logs that are new.
    fn follow_new(&mut self) {
        for source in sources(&self.root, self.request.child.as_ref()) {
            if !self.known.contains(&source) {
                let stream = self.open(&source, true);
                self.followed.push(stream);
                self.known.push(source);
            }
        }
    }

    /// Says in a record how far all logs were read with it.
    fn place(&mut self, (source, record): From) -> Result<LogRecord, DriverError> {
        let mut record = record?;
        let own = record.cursor.as_str().to_owned();
        self.places.insert(source.key(), own);
        let all = serde_json::to_string(&self.places).unwrap_or_default();
        record.cursor = LogCursor::new(all);
        record.child = Some(ChildName::new(&source.part));
        Ok(record)
    }

    async fn next(&mut self) -> Option<Result<LogRecord, DriverError>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            if !self.request.follow {
                return None;
            }
            tokio::select! {
                Some(one) = self.followed.next(), if !self.followed.is_empty() => {
                    return Some(self.place(one));
                }
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    self.follow_new();
                }
            }
        }
    }
}

/// The logs that there are.
fn sources(root: &Utf8Path, child: Option<&ChildName>) -> Vec<Source> {
    let names = |path: &Utf8Path| -> Vec<String> {
        let entries = path.read_dir_utf8().into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_owned()).collect()
    };
    let mut found = Vec::new();
    for part in names(root) {
        if child.is_some_and(|child| child.as_str() != part) {
            continue;
        }
        let numbers = names(&root.join(&part));
        let numbers = numbers.iter().filter_map(|number| number.parse().ok());
        found.extend(numbers.map(|number| Source {
            part: part.clone(),
            number,
        }));
    }
    found.sort();
    found
}
