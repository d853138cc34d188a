//! Following many folders with few descriptors.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, ReadFlags, WatchFlags};

use super::{Follow, watch};
use crate::folder::LogFolder;
use crate::merge::{Merge, Merged, in_order};
use crate::query::Query;
use crate::reader::Trouble;
use crate::snapshot::Snapshot;

/// How many files stay open. The others are opened again when something happens.
const OPEN: usize = 128;

/// How often those are looked at that the kernel does not tell of: at least so long apart for each.
const POLL: Duration = Duration::from_millis(100);
const POLL_EACH: Duration = Duration::from_micros(100);

/// Follows many folders: one descriptor for being told, and few for what is read.
#[derive(Debug)]
pub struct FollowSet {
    told: Option<OwnedFd>,
    members: Vec<Member>,
    /// Whom a watch is for.
    watches: HashMap<i32, usize>,
    /// To be looked at.
    changed: BTreeSet<usize>,
    /// To be looked at again and again: the kernel does not tell, or a line waits for its end.
    unwatched: BTreeSet<usize>,
    waiting: BTreeSet<usize>,
    looked: Instant,
    open: VecDeque<usize>,
    troubles: Vec<Trouble>,
}

#[derive(Debug)]
struct Member {
    follow: Follow,
    /// Whether the folder itself is watched, and not only the one in which it will be made.
    watched: bool,
    /// Whether it was told that it cannot be read.
    reported: bool,
    is_open: bool,
}

impl Default for FollowSet {
    fn default() -> Self {
        Self {
            told: watch::init(),
            members: Vec::new(),
            watches: HashMap::new(),
            changed: BTreeSet::new(),
            unwatched: BTreeSet::new(),
            waiting: BTreeSet::new(),
            looked: Instant::now(),
            open: VecDeque::new(),
            troubles: Vec::new(),
        }
    }
}

impl FollowSet {
    /// Follow these folders too, from what the query gives of them on; sources are numbered on from
    /// those that are followed already, but in the result from 0.
    pub fn add(&mut self, folders: &[LogFolder], query: &Query) -> Merge {
        let mut snapshots = Vec::with_capacity(folders.len());
        for folder in folders {
            let member = self.members.len();
            // First the watch: what comes after the snapshot must be told.
            let watched = self.watch(member, folder);
            let snapshot = Snapshot::take(folder);
            self.members.push(Member {
                follow: Follow::of(&snapshot, query.clone()),
                watched,
                reported: false,
                is_open: false,
            });
            snapshots.push(snapshot);
        }
        Merge::of(snapshots.into_iter(), query)
    }

    /// Readable when there may be something new. `None` where the kernel cannot tell: poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.told.as_ref().map(AsFd::as_fd)
    }

    /// What was written since the last time, in order. Never blocks.
    pub fn poll(&mut self) -> Vec<Merged> {
        self.listen();
        let pause =
            POLL_EACH.saturating_mul(u32::try_from(self.unwatched.len()).unwrap_or(u32::MAX));
        if !self.unwatched.is_empty() && self.looked.elapsed() >= POLL.max(pause) {
            self.looked = Instant::now();
            for member in self.unwatched.clone() {
                self.watch_again(member);
                self.changed.insert(member);
            }
        }
        let mut todo = std::mem::take(&mut self.changed);
        todo.extend(&self.waiting);
        let mut said = Vec::new();
        for member in todo {
            match self.members[member].follow.poll() {
                Ok(lines) => {
                    self.members[member].reported = false;
                    said.push((member, lines));
                }
                Err(source) => {
                    let Member {
                        follow, reported, ..
                    } = &mut self.members[member];
                    if !std::mem::replace(reported, true) {
                        let path = follow.folder.current();
                        self.troubles.push(Trouble { path, source });
                    }
                }
            }
            if self.members[member].follow.is_waiting() {
                self.waiting.insert(member);
            } else {
                self.waiting.remove(&member);
            }
            self.was_opened(member);
        }
        in_order(said)
    }

    /// What could not be read since the last time.
    pub fn troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.troubles)
    }

    fn was_opened(&mut self, member: usize) {
        if !std::mem::replace(&mut self.members[member].is_open, true) {
            self.open.push_back(member);
        }
        if self.open.len() > OPEN
            && let Some(oldest) = self.open.pop_front()
        {
            self.members[oldest].is_open = false;
            self.members[oldest].follow.release();
        }
    }

    /// Whether the folder is watched; if it does not exist yet, the one in which it will be made is.
    fn watch(&mut self, member: usize, folder: &LogFolder) -> bool {
        let Some(told) = &self.told else {
            self.unwatched.insert(member);
            return false;
        };
        let path = folder.path();
        if let Ok(watch) = inotify::add_watch(told, path.as_std_path(), watch::CHANGES) {
            self.watches.insert(watch, member);
            self.unwatched.remove(&member);
            return true;
        }
        let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let parent = path.parent().map(camino::Utf8Path::as_std_path);
        match parent.map(|parent| inotify::add_watch(told, parent, flags)) {
            Some(Ok(watch)) => {
                self.watches.insert(watch, member);
                self.unwatched.remove(&member);
                // It may have been made in between.
                if path.exists() {
                    self.unwatched.insert(member);
                }
            }
            Some(Err(_)) | None => {
                self.unwatched.insert(member);
            }
        }
        false
    }

    fn watch_again(&mut self, member: usize) {
        if !self.members[member].watched {
            let folder = self.members[member].follow.folder.clone();
            self.members[member].watched = self.watch(member, &folder);
        }
    }

    /// Take in what the kernel tells.
    fn listen(&mut self) {
        let Some(told) = self.told.take() else {
            return;
        };
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = inotify::Reader::new(&told, &mut buffer);
        // An error says that nothing is left, as a rule; any other comes again.
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                self.changed.extend(0..self.members.len());
            }
            let Some(&member) = self.watches.get(&event.wd()) else {
                continue;
            };
            self.changed.insert(member);
            if event.events().contains(ReadFlags::IGNORED) {
                self.watches.remove(&event.wd());
                gone.push(member);
            }
        }
        self.told = Some(told);
        for member in gone {
            self.members[member].watched = false;
        }
        for member in self.changed.clone() {
            self.watch_again(member);
        }
    }
}

#[cfg(test)]
mod tests;
