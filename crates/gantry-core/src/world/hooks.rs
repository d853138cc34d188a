//! Running hooks, and what follows them. The rules are at [`Hook`].

use smol_str::{SmolStr, format_smolstr};

use super::World;
use super::act::instance;
use super::service::{Run, Slot, Then};
use crate::effect::{Effect, StopHow};
use crate::failure::{Failure, Stage};
use crate::hook::Hook;
use crate::ids::{EffectId, InstanceKey, ServiceKey};
use crate::restart::RestartWhen;

/// What the end of a hook is followed by.
enum Next {
    Start,
    BeUp { pid: Option<u32>, heard_ready: bool },
    Stop { how: StopHow },
    Follow(Then),
}

impl World {
    pub(super) fn has_hook(&self, key: ServiceKey, hook: Hook) -> bool {
        self.services[key.index()].spec.hooks.contains(&hook)
    }

    pub(super) fn run_hook(
        &mut self,
        key: ServiceKey,
        number: usize,
        hook: Hook,
        out: &mut Vec<Effect>,
    ) -> EffectId {
        let id = self.next_effect();
        let slot = &self.services[key.index()].slots[number];
        out.push(Effect::RunHook {
            id,
            instance: instance(key, number),
            generation: slot.generation,
            revision: slot.revision,
            hook,
        });
        id
    }

    /// Ends the hook that runs for a slot, if one does. What it would have been followed by is up to
    /// the caller.
    pub(super) fn cancel_hook(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let slot = &mut self.services[key.index()].slots[number];
        let id = slot.hook().map(|(id, _)| id);
        if let Run::Up(up) = &mut slot.run {
            up.hook = None;
        }
        out.extend(id.map(|id| Effect::CancelHook { id }));
    }

    /// Nothing of a slot is left: its `post-stop`, then what follows.
    pub(super) fn gone(
        &mut self,
        key: ServiceKey,
        number: usize,
        how: StopHow,
        then: Then,
        out: &mut Vec<Effect>,
    ) {
        let slot = &self.services[key.index()].slots[number];
        let ran = slot.started_at.is_some();
        if !ran || how == StopHow::Kill || !self.has_hook(key, Hook::PostStop) {
            self.follow(key, number, then, out);
            return;
        }
        let effect = self.run_hook(key, number, Hook::PostStop, out);
        self.services[key.index()].slots[number].run = Run::Stopping {
            effect,
            hook: Some(Hook::PostStop),
            how,
            pid: None,
            then,
            resists: None,
        };
        self.touch(key);
    }

    pub(super) fn hook_ended(
        &mut self,
        at: InstanceKey,
        effect: EffectId,
        failure: Option<Failure>,
        out: &mut Vec<Effect>,
    ) {
        let (key, number) = (at.service, usize::from(at.slot));
        let Some(slot) = self.slot(at) else { return };
        let Some((_, hook)) = slot.hook().filter(|(id, _)| *id == effect) else {
            return;
        };
        let generation = slot.generation;
        let next = match &mut slot.run {
            Run::Starting { .. } => Next::Start,
            Run::Up(up) => {
                let hook = up.hook.take();
                Next::BeUp {
                    pid: up.pid,
                    heard_ready: hook.is_some_and(|hook| hook.heard_ready),
                }
            }
            Run::Stopping { then, .. } if hook == Hook::PostStop => {
                Next::Follow(std::mem::take(then))
            }
            Run::Stopping { how, .. } => Next::Stop { how: *how },
            _ => return,
        };
        self.touch(key);
        match (next, failure) {
            (Next::Start, Some(cause)) => self.start_failed(key, number, cause, out),
            (Next::Start, None) => self.start_or_wait(key, number, out),
            (Next::BeUp { .. }, Some(cause)) => self.start_undone(key, number, cause, out),
            (Next::BeUp { pid, heard_ready }, None) => {
                self.be_up(at, pid, None, out);
                if heard_ready {
                    self.ready(at, generation, out);
                }
            }
            // What they did wrong was told by whoever ran them.
            (Next::Stop { how }, _) => self.ask_stop(key, number, how, out),
            (Next::Follow(then), _) => self.follow(key, number, then, out),
        }
    }

    /// The `pre-start` is done. What it waited for before may be gone by now.
    fn start_or_wait(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let service = &self.services[key.index()];
        let goes = service.wants(number)
            && !service.outdated(&service.slots[number])
            && service.unmet == 0
            && service.conflicts == 0;
        if goes {
            self.ask_start(key, number, out);
        } else {
            self.follow(key, number, Then::Rest, out);
        }
    }

    /// It runs, and its `post-start` failed.
    fn start_undone(
        &mut self,
        key: ServiceKey,
        number: usize,
        mut cause: Failure,
        out: &mut Vec<Effect>,
    ) {
        let service = &self.services[key.index()];
        // It goes in its turn, after its dependents.
        if !service.wants(number) || service.outdated(&service.slots[number]) {
            return;
        }
        cause.stage = Stage::Start;
        let then = if service.spec.restart.when == RestartWhen::Never {
            Then::Fail(cause.into())
        } else {
            Then::Crash(cause.into())
        };
        self.stop(key, number, StopHow::Graceful, then, out);
    }
}

impl Slot {
    /// The hook that runs for it, with the effect that its end carries.
    pub(super) fn hook(&self) -> Option<(EffectId, Hook)> {
        match &self.run {
            Run::Starting {
                effect,
                in_hook: true,
            } => Some((*effect, Hook::PreStart)),
            Run::Up(up) => Some((up.hook.as_ref()?.effect, Hook::PostStart)),
            Run::Stopping { effect, hook, .. } => Some((*effect, (*hook)?)),
            _ => None,
        }
    }

    /// The same in words.
    pub(super) fn hook_message(&self) -> Option<SmolStr> {
        let (_, hook) = self.hook()?;
        Some(format_smolstr!("its {hook} hook runs"))
    }

    /// Whether it only waits for a hook, and its backend has nothing of it.
    pub(super) fn only_hook(&self) -> bool {
        matches!(self.hook(), Some((_, Hook::PreStart | Hook::PostStop)))
    }
}
