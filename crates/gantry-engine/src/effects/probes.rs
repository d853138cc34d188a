//! All probes of a stack, on one wheel. An idle service costs its entries here, and no task.

mod backend;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gantry_core::{Generation, InstanceKey};
use gantry_driver::Said;
use gantry_probe::{Check, Health, Outcome, Pace, Schedule, Thresholds, Tracker};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tokio_util::time::{DelayQueue, delay_queue};

pub(crate) use backend::BackendWord;

use crate::definition::Role;
use crate::tables::ByInstance;

/// A probe with its references resolved.
#[derive(Debug, Clone)]
pub(crate) struct PreparedProbe {
    pub(crate) role: Role,
    pub(crate) check: Check,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) thresholds: Thresholds,
    pub(crate) delay: Duration,
}

impl PreparedProbe {
    /// Whether it passes once for all.
    fn is_once(&self) -> bool {
        matches!(self.check, Check::Log(_))
    }
}

/// One probe that is watched. One that is over is never confused with a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WatchId {
    pub(crate) instance: InstanceKey,
    index: usize,
    epoch: u64,
}

impl WatchId {
    /// Which of the instance's probes it is, from 1.
    pub(crate) fn number(self) -> usize {
        self.index + 1
    }
}

/// What the probes of an instance, and its backend, say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ready,
    NotReady(String),
    Live,
    NotLive(String),
}

#[derive(Debug)]
struct Entry {
    tracker: Tracker,
    schedule: Schedule,
    /// Its place on the wheel, while it waits.
    key: Option<delay_queue::Key>,
    /// Whether it is being asked now.
    asked: bool,
    /// Whether it was ever asked.
    begun: bool,
    /// Who reads what it waits for.
    reading: Option<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "two say what is wanted, two what was seen; none excludes another"
)]
struct Watch {
    generation: Generation,
    epoch: u64,
    probes: Arc<[PreparedProbe]>,
    entries: Vec<Entry>,
    /// Which roles are wanted.
    ready: bool,
    live: bool,
    /// Whether the startup probes have all passed once.
    started: bool,
    /// Whether the probes of readiness have all passed at once before.
    been_ready: bool,
    /// What the instance has said of itself.
    said: Said,
    /// What its backend says of it.
    backend: BackendWord,
    /// What was told last.
    told_ready: Option<bool>,
    told_evidence: String,
}

/// Probes that are asked at about the same time are asked in one go, at most so much later: waking up, to code and memory
/// that have left the processor's caches, costs more than asking does.
const TOGETHER: Duration = Duration::from_millis(500);

/// How small a part of its interval a probe may be late for that.
const PART: u32 = 20;

/// The wheel.
#[derive(Debug)]
pub(crate) struct Probes {
    queue: DelayQueue<WatchId>,
    watches: ByInstance<Watch>,
    epoch: u64,
    /// What the times at which probes are asked together are counted from.
    begun: Instant,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            queue: DelayQueue::default(),
            watches: ByInstance::default(),
            epoch: 0,
            begun: Instant::now(),
        }
    }
}

impl Probes {
    /// Watch these probes of an instance: those of readiness (with startup), of liveness, or both.
    /// Probes that are watched already go on.
    pub(crate) fn watch(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        probes: &Arc<[PreparedProbe]>,
        (ready, live): (bool, bool),
    ) {
        let goes_on = self.watches.get(instance).is_some_and(|watch| {
            watch.generation == generation && Arc::ptr_eq(&watch.probes, probes)
        });
        if !goes_on {
            self.unwatch(instance);
            self.epoch += 1;
            let entries = probes.iter().enumerate();
            let entries = entries.map(|(at, probe)| Entry::new(probe, self.epoch ^ at as u64));
            let watch = Watch {
                generation,
                epoch: self.epoch,
                probes: Arc::clone(probes),
                entries: entries.collect(),
                ready: false,
                live: false,
                started: !ready || probes.iter().all(|probe| probe.role != Role::Startup),
                been_ready: false,
                said: Said::default(),
                backend: BackendWord::Nobody,
                told_ready: None,
                told_evidence: String::new(),
            };
            self.watches.insert(instance, watch);
        }
        if let Some(watch) = self.watches.get_mut(instance) {
            (watch.ready, watch.live) = (ready, live);
        }
        self.arm(instance);
    }

    /// Stop watching an instance.
    pub(crate) fn unwatch(&mut self, instance: InstanceKey) {
        let Some(watch) = self.watches.take(instance) else {
            return;
        };
        for key in watch.entries.into_iter().filter_map(|entry| entry.key) {
            self.queue.try_remove(&key);
        }
    }

    /// Stop watching everything.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.watches = ByInstance::default();
    }

    /// The next probe that is to be asked; none if there is none.
    pub(crate) async fn next(&mut self) -> Option<WatchId> {
        Some(self.queue.next().await?.into_inner())
    }

    /// What to ask, if it is still watched.
    pub(crate) fn due(&mut self, id: WatchId) -> Option<(Generation, &PreparedProbe)> {
        let watch = self.watches.get_mut(id.instance)?;
        if watch.epoch != id.epoch {
            return None;
        }
        let entry = &mut watch.entries[id.index];
        entry.key = None;
        entry.asked = true;
        Some((watch.generation, &watch.probes[id.index]))
    }

    /// Take in an answer, and plan the next question.
    pub(crate) fn note(
        &mut self,
        id: WatchId,
        outcome: &Outcome,
    ) -> Option<(Generation, Vec<Verdict>)> {
        let watch = self.watches.get_mut(id.instance)?;
        if watch.epoch != id.epoch {
            return None;
        }
        watch.entries[id.index].asked = false;
        watch.entries[id.index].reading = None;
        let mut verdicts = watch.note(id.index, outcome);
        // What it has said may count only now.
        verdicts.extend(watch.hear());
        let generation = watch.generation;
        self.arm(id.instance);
        Some((generation, verdicts))
    }

    /// Ask every probe of an instance that waits for its turn at once.
    pub(crate) fn ask_now(&mut self, instance: InstanceKey) {
        let Some(watch) = self.watches.get(instance) else {
            return;
        };
        for key in watch.entries.iter().filter_map(|entry| entry.key) {
            self.queue.reset(&key, Duration::ZERO);
        }
    }

    /// This one reads on behalf of a probe, until the probe is over.
    pub(crate) fn keep(&mut self, id: WatchId, reading: AbortOnDropHandle<()>) {
        let watch = self.watches.get_mut(id.instance);
        if let Some(watch) = watch.filter(|watch| watch.epoch == id.epoch) {
            watch.entries[id.index].reading = Some(reading);
        }
    }

    /// Whether a probe that has passed is never asked again.
    pub(crate) fn is_once(&self, id: WatchId) -> bool {
        let watch = self.watches.get(id.instance);
        watch.is_some_and(|watch| watch.probes[id.index].is_once())
    }

    /// A probe, by its number from 1, has passed once for all under an earlier supervisor. Comes before
    /// anything that is told.
    pub(crate) fn pass(&mut self, instance: InstanceKey, number: usize) {
        let Some(watch) = self.watches.get_mut(instance) else {
            return;
        };
        let Some(index) = number.checked_sub(1) else {
            return;
        };
        if watch.probes.get(index).is_some_and(PreparedProbe::is_once) {
            watch.entries[index].tracker.note(true);
        }
    }

    /// An instance has said this of itself.
    pub(crate) fn tell(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        said: &Said,
    ) -> Vec<Verdict> {
        let watch = self.watches.get_mut(instance);
        let Some(watch) = watch.filter(|watch| watch.generation == generation) else {
            return Vec::new();
        };
        watch.said = said.clone();
        let verdicts = watch.hear();
        self.arm(instance);
        verdicts
    }

    /// The backend of an instance has said this of it.
    pub(crate) fn tell_backend(
        &mut self,
        instance: InstanceKey,
        generation: Generation,
        word: &BackendWord,
    ) -> Vec<Verdict> {
        let watch = self.watches.get_mut(instance);
        let Some(watch) = watch.filter(|watch| watch.generation == generation) else {
            return Vec::new();
        };
        watch.backend.clone_from(word);
        let verdict = if watch.ready && *word != BackendWord::Nobody {
            watch.settle(None)
        } else {
            None
        };
        self.arm(instance);
        verdict.into_iter().collect()
    }

    /// Put every probe that is wanted and not waiting on the wheel, and take the others off.
    fn arm(&mut self, instance: InstanceKey) {
        let Some(watch) = self.watches.get_mut(instance) else {
            return;
        };
        for index in 0..watch.entries.len() {
            let probe = &watch.probes[index];
            let passed = watch.entries[index].tracker.health() == Health::Healthy;
            let over = probe.is_once() && passed;
            let wanted = watch.wants(index) && !probe.check.kind().is_told() && !over;
            let entry = &mut watch.entries[index];
            match entry.key.take() {
                Some(key) if wanted => entry.key = Some(key),
                Some(key) => {
                    self.queue.try_remove(&key);
                }
                None if wanted && !entry.asked => {
                    let starts = entry.tracker.health() == Health::Starting;
                    let pace = if starts && watch.probes[index].role != Role::Liveness {
                        Pace::Starting
                    } else {
                        Pace::Steady
                    };
                    let id = WatchId {
                        instance,
                        index,
                        epoch: watch.epoch,
                    };
                    let begun = std::mem::replace(&mut entry.begun, true);
                    let wait = if watch.probes[index].is_once() && !begun {
                        // It waits by itself.
                        watch.probes[index].delay
                    } else {
                        let wait = entry.schedule.wait(pace);
                        match pace {
                            Pace::Starting => wait,
                            Pace::Steady => {
                                let slack = TOGETHER.min(watch.probes[index].interval / PART);
                                let now = self.begun.elapsed();
                                rounded_up(now + wait, slack).saturating_sub(now)
                            }
                        }
                    };
                    entry.key = Some(self.queue.insert(id, wait));
                }
                None => {}
            }
        }
    }
}

/// The next multiple of `slack`, to the millisecond.
fn rounded_up(time: Duration, slack: Duration) -> Duration {
    let slack = slack.as_millis().max(1);
    let rounded = time.as_millis().div_ceil(slack) * slack;
    u64::try_from(rounded).map_or(time, Duration::from_millis)
}

impl Entry {
    fn new(probe: &PreparedProbe, seed: u64) -> Self {
        // What is said is said: nobody asks so often until it counts.
        let thresholds = if probe.check.kind().is_told() || probe.is_once() {
            Thresholds {
                failures: 1,
                successes: 1,
            }
        } else {
            probe.thresholds
        };
        Self {
            // Failures count after the first success, for liveness too: a file of the last run that
            // has grown old says nothing about this one.
            tracker: Tracker::starting(thresholds),
            schedule: Schedule::new(probe.interval, probe.delay, seed),
            key: None,
            asked: false,
            begun: false,
            reading: None,
        }
    }
}

impl Watch {
    fn wants(&self, index: usize) -> bool {
        match self.probes[index].role {
            Role::Startup => {
                self.ready
                    && !self.started
                    && self.entries[index].tracker.health() != Health::Healthy
            }
            Role::Readiness => self.ready && self.started,
            // It begins with what it is about: something that is up.
            Role::Liveness => self.live && self.started && self.is_up(),
        }
    }

    /// Whether it is up as far as the probes of readiness tell.
    fn is_up(&self) -> bool {
        let asks = |probe: &PreparedProbe| probe.role != Role::Liveness;
        !self.ready
            || self.been_ready
            || self.backend == BackendWord::Nobody && !self.probes.iter().any(asks)
    }

    /// Take in what the instance has said, as far as it is wanted now.
    fn hear(&mut self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        // Those of startup come first in the list, and let the others count.
        for index in 0..self.entries.len() {
            let probe = &self.probes[index];
            let passed = self.entries[index].tracker.health() == Health::Healthy;
            let counts = probe.check.kind().is_told() || probe.is_once();
            if counts
                && self.wants(index)
                && !(passed && probe.is_once() && self.told_ready == Some(true))
                && let Some(outcome) = told::judge(probe, &self.said, passed)
            {
                verdicts.extend(self.note(index, &outcome));
            }
        }
        verdicts
    }

    fn note(&mut self, index: usize, outcome: &Outcome) -> Vec<Verdict> {
        let changed = self.entries[index].tracker.note(outcome.healthy);
        let role = self.probes[index].role;
        if role == Role::Liveness {
            return match changed {
                Some(Health::Healthy) => vec![Verdict::Live],
                Some(_) => vec![Verdict::NotLive(outcome.evidence.clone())],
                None => Vec::new(),
            };
        }
        self.started = self.started || self.all_healthy(Role::Startup);
        // One failure of a healthy probe is not told: only its threshold counts.
        let healthy = self.entries[index].tracker.health() == Health::Healthy;
        let against = (!healthy && !outcome.healthy).then_some(outcome.evidence.as_str());
        self.settle(against).into_iter().collect()
    }

    /// What is to be told now, after a probe that speaks `against` being ready, or a word of the backend.
    fn settle(&mut self, against: Option<&str>) -> Option<Verdict> {
        let passed = self.started && self.all_healthy(Role::Readiness);
        let was = self.told_ready;
        if passed && self.backend.lets() {
            self.been_ready = true;
            self.told_ready = Some(true);
            self.told_evidence.clear();
            return (was != Some(true)).then_some(Verdict::Ready);
        }
        let evidence = against.or_else(|| self.backend.against())?;
        if was == Some(false) && evidence == self.told_evidence {
            return None;
        }
        self.told_ready = Some(false);
        self.told_evidence = evidence.to_owned();
        Some(Verdict::NotReady(evidence.to_owned()))
    }

    fn all_healthy(&self, role: Role) -> bool {
        let mut both = self.probes.iter().zip(&self.entries);
        both.all(|(probe, entry)| probe.role != role || entry.tracker.health() == Health::Healthy)
    }
}
