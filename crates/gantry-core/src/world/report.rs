//! What drivers and probes report.

use smol_str::SmolStr;

use super::World;
use super::service::{PostStart, Proof, Run, Slot, Up};
use crate::effect::Effect;
use crate::event::Event;
use crate::failure::{Failure, FailureKind, Stage};
use crate::hook::Hook;
use crate::ids::{EffectId, InstanceKey, Millis, ServiceKey};
use crate::spec::Kind;
use crate::view::ChildView;

impl World {
    pub(super) fn slot(&mut self, at: InstanceKey) -> Option<&mut Slot> {
        self.services
            .get_mut(at.service.index())?
            .slots
            .get_mut(usize::from(at.slot))
    }

    /// Takes a report in, if it is about something that is still awaited.
    pub(super) fn report(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Started {
                effect,
                instance,
                pid,
            } => {
                let awaited = self.awaits_start(instance, effect);
                if awaited {
                    self.become_up(instance, pid, None, out);
                }
            }
            Event::StartFailed {
                effect,
                instance,
                cause,
            } => {
                if !self.awaits_start(instance, effect) {
                } else if cause.kind == FailureKind::Unreachable {
                    // Whether it came to life cannot be known: nothing is concluded.
                    self.lose(instance, &cause.reason, out);
                    out.push(Effect::Observe {
                        services: vec![instance.service],
                    });
                } else {
                    self.start_failed(instance.service, usize::from(instance.slot), cause, out);
                }
            }
            Event::Stopped {
                effect,
                instance,
                exit,
            } => {
                let Some(slot) = self.slot(instance) else {
                    return;
                };
                if let Run::Stopping {
                    effect: awaited,
                    how,
                    then,
                    ..
                } = &mut slot.run
                    && *awaited == effect
                {
                    let (how, then) = (*how, std::mem::take(then));
                    slot.over = slot.generation;
                    slot.last_exit = exit.or(slot.last_exit.take());
                    self.gone(instance.service, usize::from(instance.slot), how, then, out);
                }
            }
            Event::StopResisted {
                effect,
                instance,
                what,
            } => {
                if let Some(Run::Stopping {
                    effect: awaited,
                    resists,
                    ..
                }) = self.slot(instance).map(|slot| &mut slot.run)
                    && *awaited == effect
                {
                    *resists = Some(what);
                    self.services[instance.service.index()].news = true;
                    self.touch(instance.service);
                }
            }
            Event::HookEnded {
                effect,
                instance,
                failure,
            } => self.hook_ended(instance, effect, failure, out),
            Event::Updated { effect, instance } => self.updated(instance, effect, None, out),
            Event::UpdateFailed {
                effect,
                instance,
                cause,
            } => {
                self.updated(instance, effect, Some(cause), out);
            }
            Event::Lost { effect, instance } => self.lost(instance, effect, out),
            Event::Exited {
                instance,
                generation,
                exit,
                left,
                tail,
            } => {
                let Some(slot) = self.slot(instance) else {
                    return;
                };
                if slot.generation != generation {
                    return;
                }
                slot.over = generation;
                match &slot.run {
                    Run::Starting { .. } | Run::Up(_) | Run::Unknown { .. } => {
                        let number = usize::from(instance.slot);
                        self.ended(instance.service, number, exit, left.as_ref(), tail, out);
                    }
                    // Its leader is gone; only `Stopped` says that all of it is.
                    Run::Stopping { .. } => slot.last_exit = Some(exit),
                    _ => {}
                }
            }
            Event::Ready {
                instance,
                generation,
            } => self.ready(instance, generation, out),
            Event::NotReady {
                instance,
                generation,
                evidence,
            } => {
                self.not_ready(instance, generation, evidence);
            }
            Event::Doomed {
                instance,
                generation,
                cause,
            } => self.doomed(instance, generation, cause, out),
            Event::Live {
                instance,
                generation,
            } => {
                if let Some(slot) = self.slot(instance)
                    && slot.generation == generation
                    && let Run::Up(up) = &mut slot.run
                {
                    up.live = true;
                }
            }
            Event::NotLive {
                instance,
                generation,
                evidence,
            } => {
                self.not_live(instance, generation, &evidence, out);
            }
            Event::Leader {
                instance,
                generation,
                pid,
            } => {
                if let Some(slot) = self.slot(instance)
                    && slot.generation == generation
                    && let Run::Up(Up { pid: known, .. }) | Run::Stopping { pid: known, .. } =
                        &mut slot.run
                {
                    *known = Some(pid);
                }
            }
            Event::MoreTime {
                instance,
                generation,
                wanted,
            } => self.more_time(instance, generation, wanted, out),
            // All others are taken by `apply` itself.
            _ => {}
        }
    }

    fn awaits_start(&mut self, at: InstanceKey, effect: EffectId) -> bool {
        self.slot(at).is_some_and(
            |slot| matches!(slot.run, Run::Starting { effect: awaited, in_hook: false } if awaited == effect),
        )
    }

    /// The instance runs: its `post-start`, if it may have missed it, then the rest.
    pub(super) fn become_up(
        &mut self,
        at: InstanceKey,
        pid: Option<u32>,
        been_ready: Option<Millis>,
        out: &mut Vec<Effect>,
    ) {
        if been_ready.is_some() || !self.has_hook(at.service, Hook::PostStart) {
            self.be_up(at, pid, been_ready, out);
            return;
        }
        let now = self.now;
        let effect = self.run_hook(at.service, usize::from(at.slot), Hook::PostStart, out);
        let Some(slot) = self.slot(at) else { return };
        slot.run = Run::Up(Up {
            pid,
            ready: false,
            been_ready: None,
            live: true,
            watched: false,
            update: None,
            proof: Proof::Given,
            hook: Some(PostStart {
                effect,
                heard_ready: false,
            }),
        });
        slot.started_at = slot.started_at.or(Some(now));
        slot.evidence = None;
        self.touch(at.service);
    }

    /// Nothing is between it and being ready but its probes. `been_ready` is since when it has been ready, where that is known already.
    pub(super) fn be_up(
        &mut self,
        at: InstanceKey,
        pid: Option<u32>,
        been_ready: Option<Millis>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let Some(service) = self.services.get_mut(at.service.index()) else {
            return;
        };
        let job = service.spec.kind == Kind::Job;
        let (ready, live) = (service.spec.probed_ready && !job, service.spec.probed_live);
        let Some(slot) = service.slots.get_mut(usize::from(at.slot)) else {
            return;
        };
        let up = Up {
            pid,
            ready: !ready && !job,
            been_ready: if ready {
                been_ready
            } else {
                been_ready.or(Some(now))
            },
            live: true,
            watched: ready || live,
            update: None,
            proof: Proof::Given,
            hook: None,
        };
        let settled = up.been_ready.is_some();
        slot.run = Run::Up(up);
        slot.evidence = None;
        if settled && slot.update_failed.is_none() {
            slot.failure = None;
        }
        slot.started_at = slot.started_at.or(Some(now));
        if ready || live {
            let (generation, revision) = (slot.generation, slot.revision);
            out.push(Effect::WatchProbes {
                instance: at,
                generation,
                revision,
                ready,
                live,
            });
        }
        let timer = if settled {
            slot.start_timer.take()
        } else {
            None
        };
        if let Some(timer) = timer {
            self.cancel_timer(timer, out);
        }
        self.touch(at.service);
    }

    fn updated(
        &mut self,
        at: InstanceKey,
        effect: EffectId,
        failure: Option<Failure>,
        out: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slot(at) else { return };
        let Run::Up(up) = &mut slot.run else { return };
        let Some((_, revision)) = up.update.take_if(|(awaited, _)| *awaited == effect) else {
            return;
        };
        if let Some(mut failure) = failure {
            if failure.stage != Stage::Ready {
                failure.stage = Stage::Update;
            }
            slot.failure = Some(failure.into());
            slot.update_failed = Some(revision);
        } else {
            slot.revision = revision;
            slot.update_failed = None;
            self.watch_anew(at, out);
            self.prove(at, out);
        }
        self.touch(at.service);
    }

    fn lost(&mut self, at: InstanceKey, effect: EffectId, out: &mut Vec<Effect>) {
        let Some(slot) = self.slot(at) else { return };
        match &slot.run {
            Run::Starting {
                effect: awaited, ..
            }
            | Run::Stopping {
                effect: awaited, ..
            } if *awaited == effect => {
                self.lose(at, &SmolStr::new_static("the outcome cannot be known"), out);
                out.push(Effect::Observe {
                    services: vec![at.service],
                });
            }
            Run::Up(_) => {
                let cause = Failure::new(Stage::Update, "the outcome of the update is unknown");
                self.updated(at, effect, Some(cause), out);
            }
            _ => {}
        }
    }

    /// A part of a service, as its backend shows it. It decides about those that wait for it, and nothing else.
    pub(super) fn child(&mut self, service: ServiceKey, name: &SmolStr, shown: Option<ChildView>) {
        if self
            .services
            .get(service.index())
            .is_none_or(|service| service.gone)
        {
            return;
        }
        let children = self.children.entry(service).or_default();
        children.retain(|child| child.name != *name);
        if let Some(child) = shown {
            let at = children.partition_point(|child| child.name < *name);
            children.insert(at, child);
        }
        self.touch(service);
    }

    /// A prerequisite is missing: what does not run has failed without being tried.
    pub(super) fn preflight(&mut self, key: ServiceKey, mut cause: Failure) {
        let Some(service) = self.services.get_mut(key.index()) else {
            return;
        };
        cause.stage = Stage::Preflight;
        let wanted = service.wanted_slots().len();
        for slot in &mut service.slots[..wanted] {
            if matches!(slot.run, Run::Idle) {
                slot.run = Run::Failed;
                slot.failure = Some(cause.clone().into());
            }
        }
        self.touch(key);
    }
}
