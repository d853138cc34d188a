//! A backend that does what the effects promise, when it gets round to it.
//!
//! It knows instances by name, as a real one does, and is the truth that the rules are checked
//! against.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use crate::effect::StopHow;
use crate::event::ObservedRun;
use crate::failure::{ExitStatus, Failure, FailureKind, Stage};
use crate::hook::Hook;
use crate::ids::{EffectId, Generation, InstanceId, Millis, Revision, ServiceName};

/// A process, or what is left of one.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) generation: Generation,
    pub(super) pid: u32,
    /// Its leader ended; other processes of its tree live on.
    pub(super) left: bool,
}

/// What the backend keeps of the newest start of a slot.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) generation: Generation,
    pub(super) revision: Revision,
    pub(super) run: ObservedRun,
}

/// Something the backend was asked, and has not done yet.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Start {
        effect: EffectId,
        at: InstanceId,
        generation: Generation,
        revision: Revision,
    },
    Stop {
        effect: EffectId,
        at: InstanceId,
        generation: Generation,
        how: StopHow,
    },
    /// The end of a stop that was begun for a supervisor that is gone.
    Die {
        at: InstanceId,
        generation: Generation,
    },
    Update {
        effect: EffectId,
        at: InstanceId,
        generation: Generation,
        revision: Revision,
    },
    Hook {
        effect: EffectId,
        at: InstanceId,
        generation: Generation,
        hook: Hook,
    },
    Observe {
        services: Vec<ServiceName>,
    },
}

/// Something that the supervisor will hear.
#[derive(Debug, Clone)]
pub(super) enum News {
    Started {
        effect: EffectId,
        at: InstanceId,
        pid: u32,
    },
    StartFailed {
        effect: EffectId,
        at: InstanceId,
        kind: FailureKind,
    },
    Stopped {
        effect: EffectId,
        at: InstanceId,
        exit: Option<ExitStatus>,
    },
    Resisted {
        effect: EffectId,
        at: InstanceId,
    },
    Updated {
        effect: EffectId,
        at: InstanceId,
    },
    HookEnded {
        effect: EffectId,
        at: InstanceId,
        well: bool,
    },
    Lost {
        effect: EffectId,
        at: InstanceId,
    },
    Exited {
        at: InstanceId,
        generation: Generation,
        code: i32,
        left: bool,
    },
    Observed {
        services: Vec<ServiceName>,
        records: Vec<(InstanceId, Record)>,
    },
}

impl News {
    /// The instance that it is about. News of one instance keep their order, with the one exception
    /// that [`Backend::exit`] makes.
    pub(super) fn about(&self) -> Option<&InstanceId> {
        match self {
            Self::Started { at, .. }
            | Self::StartFailed { at, .. }
            | Self::Stopped { at, .. }
            | Self::Resisted { at, .. }
            | Self::Updated { at, .. }
            | Self::HookEnded { at, .. }
            | Self::Lost { at, .. }
            | Self::Exited { at, .. } => Some(at),
            Self::Observed { .. } => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Backend {
    pub(super) lost: bool,
    pub(super) processes: BTreeMap<InstanceId, Process>,
    pub(super) records: BTreeMap<InstanceId, Record>,
    /// The newest generation of each slot that a stop has ended for good.
    buried: BTreeMap<InstanceId, Generation>,
    pub(super) work: Vec<Work>,
    pub(super) news: Vec<News>,
    pub(super) watched: BTreeSet<(InstanceId, Generation)>,
    /// The hooks that have run well, whoever was told.
    hooked: BTreeSet<(InstanceId, Generation, Hook)>,
    last_pid: u32,
}

impl Backend {
    /// Takes in something to do. While the backend is lost, it fails the way a driver would tell.
    pub(super) fn ask(&mut self, work: Work) {
        // Hooks run on this machine, not in the backend.
        if !self.lost || matches!(work, Work::Hook { .. }) {
            self.work.push(work);
            return;
        }
        self.news.push(match work {
            Work::Start { effect, at, .. } => News::StartFailed {
                effect,
                at,
                kind: FailureKind::Unreachable,
            },
            Work::Stop { effect, at, .. } | Work::Update { effect, at, .. } => {
                News::Lost { effect, at }
            }
            // Reconnecting answers it.
            Work::Observe { .. } | Work::Hook { .. } | Work::Die { .. } => return,
        });
    }

    /// Another process of an instance takes the lead.
    pub(super) fn elect(&mut self, at: &InstanceId, generation: Generation) -> Option<u32> {
        let process = self.processes.get_mut(at)?;
        if process.generation != generation || process.left {
            return None;
        }
        self.last_pid += 1;
        process.pid = self.last_pid;
        if let Some(Record {
            run: ObservedRun::Running { pid, .. },
            ..
        }) = self.records.get_mut(at)
        {
            *pid = Some(self.last_pid);
        }
        Some(self.last_pid)
    }

    /// Carries out one piece of work. Gives the news of it, which the caller may lose.
    pub(super) fn carry_out(
        &mut self,
        work: Work,
        now: Millis,
        exits_first: bool,
    ) -> Result<Vec<News>, String> {
        let mut news = Vec::new();
        match work {
            Work::Start {
                effect,
                at,
                generation,
                revision,
            } => {
                if self
                    .buried
                    .get(&at)
                    .is_some_and(|buried| *buried >= generation)
                {
                    let kind = FailureKind::Transient;
                    return Ok(vec![News::StartFailed { effect, at, kind }]);
                }
                if let Some(process) = self.processes.get(&at) {
                    if process.generation != generation {
                        return Err(format!(
                            "two live instances of {at}: generation {generation} was started beside {}",
                            process.generation
                        ));
                    }
                    return Ok(vec![News::Started {
                        effect,
                        at,
                        pid: process.pid,
                    }]);
                }
                self.last_pid += 1;
                let pid = self.last_pid;
                let process = Process {
                    generation,
                    pid,
                    left: false,
                };
                self.processes.insert(at.clone(), process);
                let run = ObservedRun::Running {
                    pid: Some(pid),
                    since: Some(now),
                };
                self.records.insert(
                    at.clone(),
                    Record {
                        generation,
                        revision,
                        run,
                    },
                );
                news.push(News::Started { effect, at, pid });
            }
            Work::Stop {
                effect,
                at,
                generation,
                ..
            } => {
                let buried = self.buried.entry(at.clone()).or_default();
                *buried = (*buried).max(generation);
                let ends = self
                    .processes
                    .get(&at)
                    .is_some_and(|p| p.generation <= generation);
                let ended = if ends {
                    self.processes.remove(&at)
                } else {
                    None
                };
                if let Some(process) = ended.filter(|it| exits_first && !it.left) {
                    news.push(News::Exited {
                        at: at.clone(),
                        generation: process.generation,
                        code: 143,
                        left: false,
                    });
                }
                self.note_stopped(&at, generation);
                let exit = ends.then_some(ExitStatus::Signal(15));
                news.push(News::Stopped { effect, at, exit });
            }
            Work::Update {
                effect,
                at,
                generation,
                revision,
            } => match self.records.get_mut(&at) {
                Some(record) if record.generation == generation => {
                    record.revision = revision;
                    news.push(News::Updated { effect, at });
                }
                _ => news.push(News::Lost { effect, at }),
            },
            Work::Hook {
                effect,
                at,
                generation,
                hook,
            } => {
                self.hook(&at, generation, hook)?;
                let well = true;
                news.push(News::HookEnded { effect, at, well });
            }
            Work::Die { at, generation } => {
                let dies = |process: &&Process| process.generation == generation;
                if let Some(process) = self.processes.get(&at).filter(dies) {
                    if exits_first && !process.left {
                        news.push(News::Exited {
                            at: at.clone(),
                            generation,
                            code: 143,
                            left: false,
                        });
                    }
                    self.processes.remove(&at);
                    self.note_stopped(&at, generation);
                }
            }
            Work::Observe { services } => news.push(self.observe(services)),
        }
        Ok(news)
    }

    fn note_stopped(&mut self, at: &InstanceId, generation: Generation) {
        let known = self.records.get(at);
        if known.is_none_or(|record| record.generation <= generation) {
            let record = Record {
                generation,
                revision: known.map(|record| record.revision).unwrap_or_default(),
                run: ObservedRun::Stopped,
            };
            self.records.insert(at.clone(), record);
        }
    }

    /// A stop is begun, and takes its time. Whether there is anything to stop.
    fn begin_stop(&mut self, at: &InstanceId, generation: Generation) -> bool {
        let buried = self.buried.entry(at.clone()).or_default();
        *buried = (*buried).max(generation);
        let known = self
            .processes
            .get(at)
            .filter(|it| it.generation <= generation);
        let (Some(process), Some(record)) = (known, self.records.get_mut(at)) else {
            return false;
        };
        record.run = ObservedRun::Stopping {
            pid: (!process.left).then_some(process.pid),
        };
        self.work.push(Work::Die {
            at: at.clone(),
            generation: process.generation,
        });
        true
    }

    /// Runs a hook, unless it has run before.
    fn hook(&mut self, at: &InstanceId, generation: Generation, hook: Hook) -> Result<(), String> {
        let first = self.hooked.insert((at.clone(), generation, hook));
        let lives = self.processes.contains_key(at);
        if first && lives && matches!(hook, Hook::PreStart | Hook::PostStop) {
            return Err(format!(
                "the {hook} hook of {at} ran beside a live instance"
            ));
        }
        Ok(())
    }

    /// A hook is killed.
    pub(super) fn cancel_hook(&mut self, id: EffectId) {
        self.work
            .retain(|work| !matches!(work, Work::Hook { effect, .. } if *effect == id));
    }

    /// Nobody is left who waits for the hooks that run: they end all the same.
    pub(super) fn orphan_hooks(&mut self) -> Result<(), String> {
        for work in std::mem::take(&mut self.work) {
            match work {
                Work::Hook {
                    at,
                    generation,
                    hook,
                    ..
                } => self.hook(&at, generation, hook)?,
                other => self.work.push(other),
            }
        }
        self.news
            .retain(|news| !matches!(news, News::HookEnded { .. }));
        Ok(())
    }

    /// All that is here of these services.
    pub(super) fn observe(&self, services: Vec<ServiceName>) -> News {
        let records = self
            .records
            .iter()
            .filter(|(at, _)| services.contains(&at.service))
            .map(|(at, record)| (at.clone(), record.clone()))
            .collect();
        News::Observed { services, records }
    }

    /// The leader of a process ends by itself.
    pub(super) fn exit(&mut self, at: &InstanceId, code: i32, left: bool, overtakes: bool) {
        let Some(process) = self.processes.get_mut(at) else {
            return;
        };
        if process.left {
            return;
        }
        let generation = process.generation;
        if left {
            process.left = true;
        } else {
            self.processes.remove(at);
        }
        if let Some(record) = self.records.get_mut(at) {
            record.run = match record.run {
                ObservedRun::Stopping { .. } if left => ObservedRun::Stopping { pid: None },
                ObservedRun::Stopping { .. } => ObservedRun::Stopped,
                _ => ObservedRun::Exited {
                    exit: ExitStatus::Code(code),
                    left: left.then(|| SmolStr::new_static("a child")),
                    tail: Vec::new(),
                },
            };
        }
        if self.lost {
            return;
        }
        let news = News::Exited {
            at: at.clone(),
            generation,
            code,
            left,
        };
        let first = self.news.iter().position(|other| other.about() == Some(at));
        match first.filter(|_| overtakes) {
            Some(first) => self.news.insert(first, news),
            None => self.news.push(news),
        }
    }

    /// The connection breaks: work that was asked may or may not be done, a stop may also be under way, and
    /// nobody hears of it.
    pub(super) fn disconnect(&mut self, now: Millis, mut done: u64) -> Result<(), String> {
        for work in std::mem::take(&mut self.work) {
            match &work {
                Work::Hook { .. } | Work::Die { .. } => self.work.push(work),
                Work::Stop { at, generation, .. }
                    if done & 3 == 3 && self.begin_stop(at, *generation) => {}
                _ if done & 1 == 1 => drop(self.carry_out(work, now, false)?),
                _ => {}
            }
            done = done.rotate_right(2);
        }
        self.news
            .retain(|news| matches!(news, News::HookEnded { .. }));
        self.watched.clear();
        Ok(())
    }

    /// A service was removed: what is kept about it goes.
    pub(super) fn forget(&mut self, service: &ServiceName) {
        self.records.retain(|at, _| at.service != *service);
        self.buried.retain(|at, _| at.service != *service);
        self.hooked.retain(|(at, ..)| at.service != *service);
        self.work.retain(|work| match work {
            Work::Start { at, .. }
            | Work::Stop { at, .. }
            | Work::Update { at, .. }
            | Work::Hook { at, .. } => at.service != *service,
            Work::Observe { .. } | Work::Die { .. } => true,
        });
    }
}

/// A failure as a driver reports it.
pub(super) fn start_failure(kind: FailureKind) -> Failure {
    Failure::new(Stage::Start, "the start failed").kind(kind)
}
