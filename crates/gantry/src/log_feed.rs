//! The logs of a stack's services from where the keepers put them, merged in the order of time.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::home::StackDir;
use gantry_log::{FollowSet, Line, LogFolder, Merge, Merged, Query, Trouble};

use crate::style::{NAME_TONES, Text, Tone};

/// How often one looks for instances that are new.
const LOOK: Duration = Duration::from_millis(250);

/// Which instance a line is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Source {
    /// The service.
    pub(crate) service: String,
    /// The instance's number, from 1.
    pub(crate) number: u32,
    /// The part of it that its backend shows, with the number of its copy.
    pub(crate) part: Option<(String, u32)>,
}

impl Source {
    /// `service`, or `service/part`.
    pub(crate) fn name(&self) -> String {
        match &self.part {
            Some((part, _)) => format!("{}/{part}", self.service),
            None => self.service.clone(),
        }
    }

    /// What tells it from others of its name.
    fn copy(&self) -> u32 {
        self.part.as_ref().map_or(self.number, |(_, copy)| *copy)
    }

    /// Whether one of these names means it; every one does if there is none.
    fn is_wanted(&self, names: &[String]) -> bool {
        let means = |name: &String| *name == self.service || *name == self.name();
        names.is_empty() || names.iter().any(means)
    }
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
    sources: Vec<Source>,
    follows: FollowSet,
    looked: Instant,
    pause: Duration,
}

/// What is kept, line by line.
#[derive(Debug)]
pub(crate) struct Kept {
    sources: Vec<Source>,
    lines: Merge,
}

impl Kept {
    /// Whose logs these are.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What could not be read so far.
    pub(crate) fn troubles(&mut self) -> Vec<Trouble> {
        self.lines.troubles().collect()
    }
}

impl Iterator for Kept {
    type Item = Said;

    fn next(&mut self) -> Option<Said> {
        let Merged { source, line } = self.lines.next()?;
        let source = self.sources[source].clone();
        Some(Said { source, line })
    }
}

/// What is kept of these services (of all if none is named).
pub(crate) fn read(dir: &StackDir, services: &[String], query: &Query) -> Kept {
    let (sources, folders): (Vec<_>, Vec<_>) = sources(dir, services).into_iter().unzip();
    Kept {
        lines: gantry_log::merge(&folders, query),
        sources,
    }
}

impl LogFeed {
    /// What is kept, and what comes after it.
    pub(crate) fn open(dir: StackDir, services: Vec<String>, query: &Query) -> (Kept, Self) {
        let mut feed = Self {
            query: query.clone(),
            dir,
            services,
            sources: Vec::new(),
            follows: FollowSet::default(),
            looked: Instant::now(),
            pause: LOOK,
        };
        let kept = feed.look();
        feed.query.tail = None;
        (kept, feed)
    }

    /// What was said since the last time. Never waits.
    pub(crate) fn poll(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        if self.looked.elapsed() >= self.pause {
            said.extend(self.look());
        }
        said.extend(self.follows.poll().into_iter().map(|one| Said {
            source: self.sources[one.source].clone(),
            line: one.line,
        }));
        said
    }

    /// What could not be read since the last time.
    pub(crate) fn troubles(&mut self) -> Vec<Trouble> {
        self.follows.troubles()
    }

    /// Follow who is new, and give what they said already.
    fn look(&mut self) -> Kept {
        let begun = Instant::now();
        let mut all = sources(&self.dir, &self.services);
        let known: HashSet<&Source> = self.sources.iter().collect();
        all.retain(|(source, _)| !known.contains(source));
        let (sources, folders): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let lines = self.follows.add(&folders, &self.query);
        self.sources.extend(sources.iter().cloned());
        self.looked = Instant::now();
        // Where there are many, looking takes its time: a twentieth of it, at most.
        self.pause = LOOK.max(begun.elapsed() * 20);
        Kept { sources, lines }
    }
}

/// The services and the parts of services that have logs.
pub(crate) fn services(dir: &StackDir) -> Vec<String> {
    let mut names: Vec<String> = sources(dir, &[])
        .into_iter()
        .flat_map(|(source, _)| [source.name(), source.service])
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The log folders of these services (of all if none is named), by name and number.
fn sources(dir: &StackDir, services: &[String]) -> Vec<(Source, LogFolder)> {
    let mut found = Vec::new();
    let mut roots = vec![dir.path().to_owned()];
    roots.extend(dir.keepers());
    for root in roots {
        for (service, path) in folders(&root.join("services")) {
            for (number, path) in folders(&path) {
                let Ok(number) = number.parse() else {
                    continue;
                };
                let source = |part| Source {
                    service: service.clone(),
                    number,
                    part,
                };
                let parts = parts(&path);
                let own = path.join("log");
                if parts.is_empty() || own.is_dir() {
                    found.push((source(None), LogFolder::new(own)));
                }
                found.extend(
                    parts
                        .into_iter()
                        .map(|(part, folder)| (source(Some(part)), folder)),
                );
            }
        }
    }
    found.retain(|(source, _)| source.is_wanted(services));
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// The logs of the parts of an instance.
fn parts(instance: &Utf8Path) -> Vec<((String, u32), LogFolder)> {
    let mut found = Vec::new();
    for (part, path) in folders(&instance.join("parts")) {
        for (copy, path) in folders(&path) {
            if let Ok(copy) = copy.parse() {
                found.push(((part.clone(), copy), LogFolder::new(path.join("log"))));
            }
        }
    }
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
    pub(crate) fn learn<'a>(&mut self, sources: impl IntoIterator<Item = &'a Source>) {
        for source in sources {
            let (of, copy) = (source.name(), source.copy());
            let copies = self.copies.entry(of.clone()).or_insert(1);
            *copies = (*copies).max(copy);
            self.width = self.width.max(name(&of, copy, *copies).len());
            if !self.tones.contains(&of) {
                self.tones.push(of);
            }
        }
    }

    /// What stands before a line of this instance.
    pub(crate) fn before(&self, source: &Source) -> Text {
        let of = source.name();
        let copies = self.copies.get(&of).copied().unwrap_or(1);
        let place = self.tones.iter().position(|name| *name == of);
        let tone = u8::try_from(place.unwrap_or(0) % usize::from(NAME_TONES)).unwrap_or(0);
        let name = name(&of, source.copy(), copies);
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
