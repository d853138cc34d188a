//! When the cluster knew what is wrong, and when `gantry status` said so: both are looked at from outside.
//!
//! The cluster knows it with the first version of a pod, an event or a job that says it: that is as early as anybody can.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::case::Case;
use super::run::Place;

/// Where it is watched for.
const WATCHED: [&str; 3] = [
    "api/v1/namespaces/$NAMESPACE/pods",
    "api/v1/namespaces/$NAMESPACE/events",
    "apis/batch/v1/namespaces/$NAMESPACE/jobs",
];

/// The pause between two calls of `gantry status`.
const PAUSE: Duration = Duration::from_millis(40);

/// Eyes on one run of gantry.
pub(super) struct Lookout {
    watches: Vec<Child>,
    threads: Vec<JoinHandle<()>>,
    over: Arc<AtomicBool>,
    known: First,
    told: First,
}

/// When something was first seen.
type First = Arc<Mutex<Option<Instant>>>;

impl Lookout {
    /// Begins to look, if the case says by which words the cluster knows it.
    pub(super) fn begin(place: &Place<'_>, case: &Case) -> anyhow::Result<Option<Self>> {
        if case.known.is_empty() {
            return Ok(None);
        }
        let mut lookout = Self {
            watches: Vec::new(),
            threads: Vec::new(),
            over: Arc::default(),
            known: First::default(),
            told: First::default(),
        };
        for path in WATCHED {
            let path = path.replace("$NAMESPACE", &place.namespace);
            let mut watch = Command::new("kubectl");
            watch.args(["get", "--raw", &format!("/{path}?watch=1")]);
            let mut watch = place.placed(watch);
            watch.stdout(Stdio::piped()).stderr(Stdio::null());
            let mut watch = watch.spawn()?;
            let lines = BufReader::new(watch.stdout.take().context("no output")?).lines();
            lookout.watches.push(watch);
            let (known, wanted) = (Arc::clone(&lookout.known), case.known.clone());
            lookout.threads.push(thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if wanted.iter().any(|word| line.contains(word)) {
                        note(&known, Instant::now());
                    }
                }
            }));
        }
        let mut status = Command::new("gantry");
        status.args(["status", "-o", "json"]);
        let mut status = place.placed(status);
        status.stdout(Stdio::piped()).stderr(Stdio::null());
        let (told, over) = (Arc::clone(&lookout.told), Arc::clone(&lookout.over));
        let causes: Vec<String> = case.cause.iter().map(|cause| in_json(cause)).collect();
        lookout.threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let said = status.output().map(|said| said.stdout).unwrap_or_default();
                let said = String::from_utf8_lossy(&said);
                if causes.iter().any(|cause| said.contains(cause)) {
                    return note(&told, Instant::now());
                }
                thread::sleep(PAUSE);
            }
        }));
        Ok(Some(lookout))
    }

    /// How long after the cluster knew it gantry had said so. Nothing if it did not, or if the cluster was never seen to
    /// know it.
    pub(super) fn end(mut self) -> anyhow::Result<Option<Duration>> {
        self.over.store(true, Ordering::Relaxed);
        for watch in &mut self.watches {
            watch.kill()?;
            watch.wait()?;
        }
        for thread in self.threads.drain(..) {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a lookout panicked"))?;
        }
        let read = |first: &First| *first.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, told) = (read(&self.known), read(&self.told));
        let both = known.zip(told);
        Ok(both.map(|(known, told)| told.saturating_duration_since(known)))
    }
}

fn note(first: &First, at: Instant) {
    first
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert(at);
}

/// As it stands within a text of JSON.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}
