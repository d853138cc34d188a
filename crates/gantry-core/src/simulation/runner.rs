//! Plays a schedule: the part of the supervisor that is not the world, and the clients.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::action::Action;
use super::backend::{Backend, News, Work, start_failure};
use super::checks::{Checker, check_conflicts};
use super::stack::Stack;
use super::{Schedule, Violation};
use crate::effect::{Effect, StopHow};
use crate::event::{Event, ObservedInstance};
use crate::failure::{ExitStatus, Failure, FailureKind, Stage};
use crate::ids::{
    EffectId, Generation, InstanceId, InstanceKey, Millis, OperationId, ServiceKey, ServiceName,
    TimerId,
};
use crate::outcome::OutcomeKind;
use crate::world::{SavedService, World};

pub(super) struct Runner {
    pub(super) stack: Stack,
    pub(super) backend: Backend,
    pub(super) world: World,
    pub(super) checker: Checker,
    pub(super) now: Millis,
    pub(super) timers: BTreeMap<TimerId, Millis>,
    disk: Vec<SavedService>,
    pub(super) last_operation: OperationId,
    trace: Option<Vec<String>>,
}

pub(super) fn run(schedule: &Schedule, traced: bool) -> Result<(), Violation> {
    let mut runner = Runner::new(schedule.seed, traced);
    let mut step = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        for action in &schedule.actions {
            runner.note(|| format!("{action:?}"));
            runner.act(*action)?;
            runner.check()?;
            step += 1;
        }
        runner.note(|| "the noise ends".to_string());
        runner.calm()
    }));
    let rule = match result {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(rule)) => rule,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panic: {}", text.unwrap_or("without a message"))
        }
    };
    Err(Violation {
        step,
        rule,
        trace: runner.trace.unwrap_or_default(),
    })
}

impl Runner {
    fn new(seed: u64, traced: bool) -> Self {
        Self {
            stack: Stack::random(seed),
            backend: Backend::default(),
            world: World::new(seed),
            checker: Checker::default(),
            now: Millis(1_000),
            timers: BTreeMap::new(),
            disk: Vec::new(),
            last_operation: OperationId(0),
            trace: traced.then(Vec::new),
        }
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    pub(super) fn name(&self, pick: usize) -> ServiceName {
        self.stack.names[pick % self.stack.names.len()].clone()
    }

    fn key(&self, at: &InstanceId) -> Option<InstanceKey> {
        let service = self.world.key(at.service.as_str())?;
        Some(InstanceKey {
            service,
            slot: at.slot,
        })
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Up { .. }
            | Action::Start(_)
            | Action::Stop { .. }
            | Action::Restart { .. }
            | Action::Down { .. }
            | Action::Scale { .. }
            | Action::Cancel(_) => self.ask(action),
            Action::Work { which, exits_first } => self.work(which, exits_first),
            Action::WorkLost { which, done } => self.work_lost(which, done),
            Action::StartFails { which, permanent } => {
                self.start_fails(which, permanent);
                Ok(())
            }
            Action::Resist(which) => {
                let stops = self.backend.work.iter().filter_map(|work| match work {
                    Work::Stop {
                        effect,
                        at,
                        how: StopHow::Graceful,
                        ..
                    } => Some((*effect, at.clone())),
                    _ => None,
                });
                let stops: Vec<_> = stops.collect();
                if let Some((effect, at)) = pick(&stops, which).cloned() {
                    self.backend.news.push(News::Resisted { effect, at });
                }
                Ok(())
            }
            Action::News(which) => self.news(which),
            Action::Wait(time) => self.wait(Millis(time)),
            Action::Exit {
                which,
                code,
                left,
                overtakes,
            } => {
                let all: Vec<_> = self.backend.processes.keys().cloned().collect();
                if let Some(at) = pick(&all, which) {
                    self.backend.exit(at, code, left, overtakes);
                }
                Ok(())
            }
            Action::Ready(which)
            | Action::NotReady(which)
            | Action::NotLive(which)
            | Action::MoreTime(which)
            | Action::Leader(which) => {
                let watched: Vec<_> = self.backend.watched.iter().cloned().collect();
                let Some((at, generation)) = pick(&watched, which).cloned() else {
                    return Ok(());
                };
                let Some(instance) = self.key(&at) else {
                    return Ok(());
                };
                let evidence = "as the schedule says".into();
                let event = match action {
                    Action::Ready(_) => Event::Ready {
                        instance,
                        generation,
                    },
                    Action::NotReady(_) => Event::NotReady {
                        instance,
                        generation,
                        evidence,
                    },
                    Action::MoreTime(_) => Event::MoreTime {
                        instance,
                        generation,
                        wanted: Millis(20_000),
                    },
                    Action::Leader(_) => {
                        let Some(pid) = self.backend.elect(&at, generation) else {
                            return Ok(());
                        };
                        Event::Leader {
                            instance,
                            generation,
                            pid,
                        }
                    }
                    _ => Event::NotLive {
                        instance,
                        generation,
                        evidence,
                    },
                };
                self.tell(event)
            }
            Action::Child { service, gone } => {
                let Some(service) = self.world.key(self.name(service).as_str()) else {
                    return Ok(());
                };
                let state = (!gone).then(|| "up".into());
                self.tell(Event::Child {
                    service,
                    child: "late".into(),
                    state,
                    ready: true,
                })
            }
            Action::KillSupervisor { done } => self.kill_supervisor(done),
            Action::LoseBackend { done } => {
                if self.backend.lost {
                    return Ok(());
                }
                self.backend.disconnect(self.now, done)?;
                self.backend.lost = true;
                let services = self.world.services();
                self.tell(Event::BackendLost {
                    services,
                    reason: "gone".into(),
                })
            }
            Action::Reconnect => self.reconnect(),
            Action::PreflightFails(which) => {
                let Some(service) = self.world.key(self.name(which).as_str()) else {
                    return Ok(());
                };
                let cause = Failure::new(Stage::Preflight, "a port is taken");
                let operation = self.last_operation;
                self.tell(Event::PreflightFailed {
                    operation,
                    service,
                    cause,
                })
            }
            Action::Nonsense { which, number } => self.nonsense(which, number),
        }
    }

    fn work(&mut self, which: usize, exits_first: bool) -> Result<(), String> {
        if self.backend.work.is_empty() {
            return Ok(());
        }
        let which = which % self.backend.work.len();
        let work = self.backend.work.remove(which);
        self.note(|| format!("  does {work:?}"));
        let news = self.backend.carry_out(work, self.now, exits_first)?;
        self.backend.news.extend(news);
        Ok(())
    }

    fn work_lost(&mut self, which: usize, done: bool) -> Result<(), String> {
        if self.backend.work.is_empty() {
            return Ok(());
        }
        let which = which % self.backend.work.len();
        let work = self.backend.work.remove(which);
        self.note(|| format!("  loses {work:?}"));
        let (effect, at) = match &work {
            Work::Start { effect, at, .. }
            | Work::Stop { effect, at, .. }
            | Work::Update { effect, at, .. } => (*effect, at.clone()),
            // A hook that was lost is asked for again by whoever runs it.
            Work::Observe { .. } | Work::Hook { .. } => {
                self.backend.work.push(work);
                return Ok(());
            }
        };
        if done {
            self.backend.carry_out(work, self.now, false)?;
        }
        self.backend.news.push(News::Lost { effect, at });
        Ok(())
    }

    fn start_fails(&mut self, which: usize, permanent: bool) {
        let starts: Vec<usize> = (0..self.backend.work.len())
            .filter(|at| {
                let work = &self.backend.work[*at];
                matches!(work, Work::Start { .. } | Work::Hook { .. })
            })
            .collect();
        let Some(&position) = pick(&starts, which) else {
            return;
        };
        let kind = if permanent {
            FailureKind::Permanent
        } else {
            FailureKind::Transient
        };
        let well = false;
        match self.backend.work.remove(position) {
            Work::Start { effect, at, .. } => {
                let failed = News::StartFailed { effect, at, kind };
                self.backend.news.push(failed);
            }
            Work::Hook { effect, at, .. } => {
                self.backend.news.push(News::HookEnded { effect, at, well });
            }
            _ => {}
        }
    }

    /// One piece of news arrives: the oldest of the instance that the picked one is about.
    pub(super) fn news(&mut self, which: usize) -> Result<(), String> {
        if self.backend.news.is_empty() {
            return Ok(());
        }
        let mut which = which % self.backend.news.len();
        if let Some(about) = self.backend.news[which].about() {
            let first = self
                .backend
                .news
                .iter()
                .position(|news| news.about() == Some(about));
            which = first.unwrap_or(which);
        }
        let news = self.backend.news.remove(which);
        self.hear(news)
    }

    fn hear(&mut self, news: News) -> Result<(), String> {
        if let News::Observed { services, records } = news {
            let services = services
                .iter()
                .filter_map(|name| self.world.key(name.as_str()));
            let services = services.collect();
            let seen = |(at, record): &(InstanceId, _)| {
                let record: &super::backend::Record = record;
                Some(ObservedInstance {
                    instance: self.key(at)?,
                    generation: record.generation,
                    revision: Some(record.revision),
                    run: record.run.clone(),
                })
            };
            let instances = records.iter().filter_map(seen).collect();
            return self.tell(Event::Observed {
                services,
                instances,
            });
        }
        let Some(instance) = news.about().and_then(|at| self.key(at)) else {
            return Ok(());
        };
        self.tell(match news {
            News::Started { effect, pid, .. } => Event::Started {
                effect,
                instance,
                pid: Some(pid),
            },
            News::StartFailed { effect, kind, .. } => Event::StartFailed {
                effect,
                instance,
                cause: start_failure(kind),
            },
            News::Stopped { effect, exit, .. } => Event::Stopped {
                effect,
                instance,
                exit,
            },
            News::Resisted { effect, .. } => Event::StopResisted {
                effect,
                instance,
                what: "pid 7 in disk sleep".into(),
            },
            News::Updated { effect, .. } => Event::Updated { effect, instance },
            News::Lost { effect, .. } => Event::Lost { effect, instance },
            News::HookEnded { effect, well, .. } => Event::HookEnded {
                effect,
                instance,
                failure: (!well).then(|| Failure::new(Stage::Start, "the hook failed")),
            },
            News::Exited {
                generation,
                code,
                left,
                ..
            } => Event::Exited {
                instance,
                generation,
                exit: ExitStatus::Code(code),
                left: left.then(|| "a child".into()),
                tail: vec!["the last line".into()],
            },
            News::Observed { .. } => return Ok(()),
        })
    }

    /// Time passes; what is due runs out in its order.
    pub(super) fn wait(&mut self, time: Millis) -> Result<(), String> {
        let until = self.now.plus(time);
        while let Some((&id, &due)) = self
            .timers
            .iter()
            .filter(|(_, due)| **due <= until)
            .min_by_key(|(_, due)| **due)
        {
            self.now = self.now.max(due);
            self.timers.remove(&id);
            self.tell(Event::Timer { id })?;
        }
        self.now = until;
        Ok(())
    }

    fn kill_supervisor(&mut self, done: u64) -> Result<(), String> {
        self.backend.disconnect(self.now, done)?;
        self.backend.orphan_hooks()?;
        self.timers.clear();
        self.checker.restarted();
        self.world = World::new(self.now.0);
        self.tell(Event::Restored {
            services: self.disk.clone(),
        })?;
        if self.backend.lost {
            Ok(())
        } else {
            self.observe_all()
        }
    }

    pub(super) fn reconnect(&mut self) -> Result<(), String> {
        self.backend.lost = false;
        self.observe_all()
    }

    fn observe_all(&mut self) -> Result<(), String> {
        let name = |key: ServiceKey| self.world.name(key).cloned();
        let names = self.world.services().into_iter().filter_map(name).collect();
        let news = self.backend.observe(names);
        self.hear(news)
    }

    fn nonsense(&mut self, which: usize, number: u64) -> Result<(), String> {
        let small = u32::try_from(number).unwrap_or(0);
        let slot = u16::try_from(number % 5).unwrap_or(0);
        let instance = InstanceKey {
            service: ServiceKey(small % 8),
            slot,
        };
        let generation = Generation(small.wrapping_add(90));
        // Ids that this world has not given: late ones are in the news anyway.
        let effect = EffectId(number + 1_000_000);
        self.tell(match which % 9 {
            8 => Event::HookEnded {
                effect,
                instance,
                failure: None,
            },
            0 => Event::Started {
                effect,
                instance,
                pid: None,
            },
            1 => Event::Stopped {
                effect,
                instance,
                exit: None,
            },
            2 => Event::Timer {
                id: TimerId(number + 1_000_000),
            },
            3 => Event::Ready {
                instance,
                generation,
            },
            4 => Event::Lost { effect, instance },
            5 => Event::Updated { effect, instance },
            6 => Event::Exited {
                instance,
                generation,
                exit: ExitStatus::Code(0),
                left: None,
                tail: Vec::new(),
            },
            _ => Event::NotLive {
                instance,
                generation,
                evidence: "nonsense".into(),
            },
        })
    }

    pub(super) fn tell(&mut self, event: Event) -> Result<(), String> {
        self.tell_and_see(event, OperationId(0)).map(|_| ())
    }

    /// Gives the world an event and does what it wants done. Says whether the operation was refused.
    pub(super) fn tell_and_see(
        &mut self,
        event: Event,
        operation: OperationId,
    ) -> Result<bool, String> {
        self.note(|| format!("  <- {event:?}"));
        self.checker.hear(&event, &self.world);
        let mut effects = Vec::new();
        self.world.apply(self.now, event, &mut effects);
        let mut refused = false;
        if effects.contains(&Effect::Save) {
            self.disk = self.world.saved();
        }
        for effect in effects {
            self.note(|| format!("  -> {effect:?}"));
            self.checker.check(&effect, &self.world)?;
            if let Effect::OperationEnded {
                operation: ended,
                outcome,
            } = &effect
            {
                refused |= *ended == operation && outcome.kind == OutcomeKind::Refused;
            }
            self.perform(effect)?;
        }
        Ok(refused)
    }

    fn perform(&mut self, effect: Effect) -> Result<(), String> {
        let world = &self.world;
        let at = |instance: InstanceKey| {
            let id = world.name(instance.service).cloned();
            let id = id.map(|name| InstanceId::new(name, instance.slot));
            id.ok_or_else(|| format!("{instance:?} has no name"))
        };
        match effect {
            Effect::Start {
                id: effect,
                instance,
                generation,
                revision,
                ..
            } => {
                let at = at(instance)?;
                check_conflicts(&at.service, &self.backend, world)?;
                self.backend.ask(Work::Start {
                    effect,
                    at,
                    generation,
                    revision,
                });
            }
            Effect::Stop {
                id: effect,
                instance,
                generation,
                how,
                ..
            } => {
                let at = at(instance)?;
                self.backend.ask(Work::Stop {
                    effect,
                    at,
                    generation,
                    how,
                });
            }
            Effect::Update {
                id: effect,
                instance,
                generation,
                revision,
            } => {
                let at = at(instance)?;
                self.backend.ask(Work::Update {
                    effect,
                    at,
                    generation,
                    revision,
                });
            }
            Effect::RunHook {
                id: effect,
                instance,
                generation,
                hook,
                ..
            } => {
                let at = at(instance)?;
                self.backend.ask(Work::Hook {
                    effect,
                    at,
                    generation,
                    hook,
                });
            }
            Effect::CancelHook { id } => self.backend.cancel_hook(id),
            Effect::WatchProbes {
                instance,
                generation,
                ..
            } => {
                let at = at(instance)?;
                self.backend.watched.insert((at, generation));
            }
            Effect::UnwatchProbes {
                instance,
                generation,
            } => {
                let at = at(instance)?;
                self.backend.watched.remove(&(at, generation));
            }
            Effect::Observe { services } => {
                let names = services
                    .iter()
                    .filter_map(|key| world.name(*key).cloned())
                    .collect();
                self.backend.ask(Work::Observe { services: names });
            }
            Effect::SetTimer { id, after } => {
                self.timers.insert(id, self.now.plus(after));
            }
            Effect::CancelTimer { id } => {
                self.timers.remove(&id);
            }
            Effect::Removed { service } => {
                let name = world
                    .name(service)
                    .cloned()
                    .ok_or("a removed service has no name")?;
                if self.backend.processes.keys().any(|at| at.service == name) {
                    return Err(format!("{name} was removed while something of it runs"));
                }
                self.backend.forget(&name);
            }
            Effect::Transition(_) | Effect::Save | Effect::OperationEnded { .. } => {}
        }
        Ok(())
    }

    /// The rules that hold after every step.
    fn check(&self) -> Result<(), String> {
        self.world.audit()
    }
}

/// One of those there are.
pub(super) fn pick<T>(all: &[T], which: usize) -> Option<&T> {
    all.get(which % all.len().max(1))
}
