//! Compressing rotated logs, in a thread of the supervisor that everyone else goes before.
//!
//! Which folders are to be compressed is written down in them, as an empty file: so a new supervisor
//! goes on where the old one was, without being told. The thread looks at a folder when its time of
//! change says that something was renamed in it. Nobody waits for this, so it need not be told at once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_keeper::layout::Layout;
use gantry_log::LogFolder;
use jiff::Timestamp;

/// The file that says so.
const MARK: &str = "compress";

/// How often the folders are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// The thread, as long as this lives.
#[derive(Debug)]
pub(crate) struct Compressor {
    wishes: Sender<Wish>,
    stop: Arc<AtomicBool>,
}

/// Whether a folder's rotated files are to be compressed.
#[derive(Debug)]
struct Wish {
    folder: Utf8PathBuf,
    compress: bool,
}

impl Compressor {
    /// Begins with what an earlier supervisor was told.
    pub(crate) fn start(layout: &Layout) -> Self {
        let (wishes, inbox) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let services = layout.services();
        let thread = {
            let stop = Arc::clone(&stop);
            move || run(&services, &inbox, &stop)
        };
        let started = std::thread::Builder::new()
            .name("compress".into())
            .spawn(thread);
        if let Err(error) = started {
            tracing::warn!(%error, "rotated logs will not be compressed");
        }
        Self { wishes, stop }
    }

    /// What is wanted of an instance that is about to be started.
    pub(crate) fn wish(&self, folder: Utf8PathBuf, compress: bool) {
        // Without the thread nothing is compressed, and that was said.
        let _ = self.wishes.send(Wish { folder, compress });
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn run(services: &Utf8Path, inbox: &Receiver<Wish>, stop: &AtomicBool) {
    // Of this thread only. It is a courtesy; without it the work is the same.
    let _ = rustix::process::nice(19);
    let mut folders: BTreeMap<Utf8PathBuf, State> = marked(services)
        .map(|folder| (folder, State::default()))
        .collect();
    loop {
        let wish = if folders.is_empty() {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            inbox.recv_timeout(PERIOD)
        };
        match wish {
            Ok(wish) => {
                heed(wish, &mut folders);
                for wish in inbox.try_iter() {
                    heed(wish, &mut folders);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for (folder, state) in &mut folders {
            state.look(folder, stop);
        }
    }
}

/// The log folders that have the mark.
fn marked(services: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let below = |path: Utf8PathBuf| {
        let entries = path.read_dir_utf8().into_iter().flatten().flatten();
        entries.map(camino::Utf8DirEntry::into_path)
    };
    let instances = below(services.to_owned()).flat_map(below);
    let logs = instances.map(|instance| instance.join("log"));
    logs.filter(|log| log.join(MARK).exists())
}

fn heed(wish: Wish, folders: &mut BTreeMap<Utf8PathBuf, State>) {
    let mark = wish.folder.join(MARK);
    if !wish.compress {
        if folders.remove(&wish.folder).is_some() {
            // If it stays, the next supervisor compresses until it is told otherwise.
            let _ = fs::remove_file(mark);
        }
        return;
    }
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&wish.folder)
        .and_then(|()| {
            let mut options = fs::OpenOptions::new();
            let options = options.create(true).append(true).mode(0o600);
            options.open(&mark)
        });
    if let Err(error) = made {
        tracing::warn!(%error, %mark, "cannot be made: a new supervisor will not compress");
    }
    folders.entry(wish.folder).or_default();
}

/// What is known of one folder.
#[derive(Debug, Default)]
struct State {
    /// When it changed, at the last look: seconds and nanoseconds.
    changed: Option<(i64, i64)>,
    reported: bool,
}

impl State {
    fn look(&mut self, path: &Utf8Path, stop: &AtomicBool) {
        let changed = |path: &Utf8Path| {
            let folder = fs::metadata(path).ok()?;
            Some((folder.mtime(), folder.mtime_nsec()))
        };
        let now = changed(path);
        if now.is_none() || now == self.changed {
            return;
        }
        let folder = LogFolder::new(path);
        match gantry_log::compress(&folder, || !stop.load(Ordering::Relaxed)) {
            Ok(_) => self.reported = false,
            Err(error) => {
                if !std::mem::replace(&mut self.reported, true) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "log not compressed"
                    );
                }
            }
        }
        // What changed while this was done is looked at again: twice in vain, at worst. And so is what
        // changed just now: another change may have the same time.
        let second = Timestamp::now().as_second();
        self.changed = now.filter(|(changed, _)| *changed < second - 1);
    }
}

#[cfg(test)]
mod tests;
