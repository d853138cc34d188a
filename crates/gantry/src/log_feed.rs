//! The logs of a stack's services from where the keepers put them, merged in the order of time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::home::StackDir;
use gantry_log::{Follow, Line, LogFolder, Query};

use crate::style::{NAME_TONES, Text, Tone};

/// How often one looks for instances that are new.
const LOOK: Duration = Duration::from_millis(250);

/// Which instance a line is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// The service.
    pub(crate) service: String,
    /// The instance's number, from 1.
    pub(crate) number: u32,
}

/// A line and where it is from.
#[derive(Debug)]
pub(crate) struct Said {
    /// Who.
    pub(crate) source: Source,
    /// What.
    pub(crate) line: Line,
}

/// Logs that are read, and followed.
#[derive(Debug)]
pub(crate) struct LogFeed {
    dir: StackDir,
    services: Vec<String>,
    query: Query,
    follows: BTreeMap<Source, Follow>,
    looked: Instant,
}

/// What is kept of these services (of all if none is named).
pub(crate) fn read(dir: &StackDir, services: &[String], query: &Query) -> io::Result<Vec<Said>> {
    let sources = sources(dir, services);
    let folders: Vec<LogFolder> = sources
        .iter()
        .map(|(_, path)| LogFolder::new(path))
        .collect();
    let merged = gantry_log::merge(&folders, query)?;
    Ok(merged
        .into_iter()
        .map(|one| Said {
            source: sources[one.source].0.clone(),
            line: one.line,
        })
        .collect())
}

impl LogFeed {
    /// What is kept, and what comes after it.
    pub(crate) fn open(
        dir: StackDir,
        services: Vec<String>,
        query: &Query,
    ) -> io::Result<(Vec<Said>, Self)> {
        let mut feed = Self {
            query: Query {
                tail: None,
                ..query.clone()
            },
            dir,
            services,
            follows: BTreeMap::new(),
            looked: Instant::now(),
        };
        let mut kept = Vec::new();
        for (source, path) in sources(&feed.dir, &feed.services) {
            let (lines, follow) = Follow::with_tail(LogFolder::new(path), query.clone())?;
            feed.follows.insert(source.clone(), follow);
            kept.extend(lines.into_iter().map(|line| Said {
                source: source.clone(),
                line,
            }));
        }
        in_order(&mut kept);
        if let Some(tail) = query.tail {
            kept.drain(..kept.len().saturating_sub(tail));
        }
        Ok((kept, feed))
    }

    /// What was said since the last time. Never waits.
    pub(crate) fn poll(&mut self) -> io::Result<Vec<Said>> {
        let mut said = Vec::new();
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            for (source, path) in sources(&self.dir, &self.services) {
                if !self.follows.contains_key(&source) {
                    let (lines, follow) =
                        Follow::with_tail(LogFolder::new(path), self.query.clone())?;
                    self.follows.insert(source.clone(), follow);
                    said.extend(lines.into_iter().map(|line| Said {
                        source: source.clone(),
                        line,
                    }));
                }
            }
        }
        for (source, follow) in &mut self.follows {
            let lines = follow.poll()?.into_iter();
            said.extend(lines.map(|line| Said {
                source: source.clone(),
                line,
            }));
        }
        in_order(&mut said);
        Ok(said)
    }
}

/// By time; lines of one instance stay in their order.
fn in_order(said: &mut [Said]) {
    said.sort_by_key(|one| one.line.at);
}

/// The services that have logs.
pub(crate) fn services(dir: &StackDir) -> Vec<String> {
    let mut names: Vec<String> = sources(dir, &[])
        .into_iter()
        .map(|(source, _)| source.service)
        .collect();
    names.dedup();
    names
}

/// The log folders of these services (of all if none is named), by name and number.
fn sources(dir: &StackDir, services: &[String]) -> Vec<(Source, Utf8PathBuf)> {
    let mut found = Vec::new();
    let mut roots = vec![dir.path().to_owned()];
    roots.extend(dir.keepers());
    for root in roots {
        for (service, path) in folders(&root.join("services")) {
            if !services.is_empty() && !services.contains(&service) {
                continue;
            }
            for (number, path) in folders(&path) {
                let Ok(number) = number.parse() else {
                    continue;
                };
                let source = Source {
                    service: service.clone(),
                    number,
                };
                found.push((source, path.join("log")));
            }
        }
    }
    found.sort();
    found
}

/// The folders in a folder, with their names.
fn folders(path: &Utf8Path) -> Vec<(String, Utf8PathBuf)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, Utf8PathBuf::from_path_buf(entry.path()).ok()?))
        })
        .collect()
}

/// How instances are called in front of their lines: the service's name where it has one instance,
/// each in a tone of its own.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tones: Vec<String>,
    copies: BTreeMap<String, u32>,
    width: usize,
}

impl Names {
    /// Make room for these.
    pub(crate) fn learn(&mut self, said: &[Said]) {
        for one in said {
            let Source { service, number } = &one.source;
            let copies = self.copies.entry(service.clone()).or_insert(1);
            *copies = (*copies).max(*number);
            self.width = self.width.max(name(service, *number, *copies).len());
            if !self.tones.contains(service) {
                self.tones.push(service.clone());
            }
        }
    }

    /// What stands before a line of this instance.
    pub(crate) fn before(&self, source: &Source) -> Text {
        let copies = self.copies.get(&source.service).copied().unwrap_or(1);
        let place = self.tones.iter().position(|name| *name == source.service);
        let tone = u8::try_from(place.unwrap_or(0) % usize::from(NAME_TONES)).unwrap_or(0);
        let name = name(&source.service, source.number, copies);
        let blanks = " ".repeat(self.width.saturating_sub(name.len()));
        Text::of(Tone::Name(tone), format!("{name}{blanks} |"))
    }
}

fn name(service: &str, number: u32, copies: u32) -> String {
    if copies > 1 {
        format!("{service}.{number}")
    } else {
        service.to_owned()
    }
}
