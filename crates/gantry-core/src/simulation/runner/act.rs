//! What an action of a schedule does.

use super::{Runner, pick};
use crate::effect::StopHow;
use crate::event::Event;
use crate::failure::{ExitStatus, Failure, FailureKind, Stage};
use crate::ids::{EffectId, Generation, InstanceKey, Millis, ServiceKey, TimerId};
use crate::simulation::action::Action;
use crate::simulation::backend::{News, Work, start_failure};
use crate::view::ChildView;
use crate::world::World;

impl Runner {
    pub(super) fn act(&mut self, action: Action) -> Result<(), String> {
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
            Action::Doom(which) => {
                let all = self.backend.processes.iter();
                let all: Vec<_> = all.map(|(at, it)| (at.clone(), it.generation)).collect();
                let found = pick(&all, which).and_then(|(at, it)| Some((self.key(at)?, *it)));
                let Some((instance, generation)) = found.filter(|_| !self.backend.lost) else {
                    return Ok(());
                };
                self.tell(Event::Doomed {
                    instance,
                    generation,
                    cause: Failure::new(Stage::Ready, "it will never be ready"),
                })
            }
            Action::Child { service, gone } => {
                let Some(service) = self.world.key(self.name(service).as_str()) else {
                    return Ok(());
                };
                let shown = (!gone).then(|| ChildView::ready("late", "up"));
                self.tell(Event::Child {
                    service,
                    name: "late".into(),
                    shown,
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
            Work::Observe { .. } | Work::Hook { .. } | Work::Die { .. } => {
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

    pub(in crate::simulation) fn reconnect(&mut self) -> Result<(), String> {
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
        self.tell(match which % 10 {
            9 => Event::Doomed {
                instance,
                generation,
                cause: start_failure(FailureKind::Permanent),
            },
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
}
