//! What probes say of what runs, and which of them are asked.

use smol_str::SmolStr;

use super::World;
use super::act::instance;
use super::service::{Proof, Run, Then, Up};
use crate::effect::{Effect, StopHow};
use crate::failure::{Failure, Stage};
use crate::ids::{Generation, InstanceKey, ServiceKey};
use crate::restart::RestartWhen;
use crate::spec::Kind;

impl World {
    pub(super) fn ready(&mut self, at: InstanceKey, generation: Generation, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(service) = self.services.get_mut(at.service.index()) else {
            return;
        };
        if service.spec.kind == Kind::Job {
            return;
        }
        if let Some(slot) = service.slots.get_mut(usize::from(at.slot))
            && slot.generation == generation
            && let Run::Up(up) = &mut slot.run
        {
            if let Some(hook) = &mut up.hook {
                hook.heard_ready = true;
                return;
            }
            up.ready = true;
            up.been_ready = up.been_ready.or(Some(now));
            slot.evidence = None;
            if std::mem::take(&mut up.proof) == Proof::Awaited {
                // Whatever was concluded about the change before: it is ready.
                slot.update_failed
                    .take_if(|failed| *failed == slot.revision);
            }
            if slot.update_failed.is_none() {
                slot.failure = None;
            }
            if let Some(timer) = slot.start_timer.take() {
                self.cancel_timer(timer, out);
            }
            self.touch(at.service);
        }
    }

    /// Readiness is lost, or still not there. It runs on: only its dependents-to-be wait.
    pub(super) fn not_ready(&mut self, at: InstanceKey, generation: Generation, evidence: SmolStr) {
        let Some(service) = self.services.get_mut(at.service.index()) else {
            return;
        };
        if !service.spec.probed_ready {
            return;
        }
        let Some(slot) = service.slots.get_mut(usize::from(at.slot)) else {
            return;
        };
        if slot.generation != generation {
            return;
        }
        match &mut slot.run {
            Run::Up(Up {
                hook: Some(hook), ..
            }) => {
                hook.heard_ready = false;
                return;
            }
            Run::Up(up) => up.ready = false,
            // What its start is at, which is told if it takes too long.
            Run::Starting { .. } => {}
            _ => return,
        }
        service.news |= slot.evidence.as_ref() != Some(&evidence);
        slot.evidence = Some(evidence);
        self.touch(at.service);
    }

    /// It will never become ready: whoever waits for it need not wait for its time to run out.
    pub(super) fn doomed(
        &mut self,
        at: InstanceKey,
        generation: Generation,
        cause: Failure,
        out: &mut Vec<Effect>,
    ) {
        let number = usize::from(at.slot);
        let Some(service) = self.services.get(at.service.index()) else {
            return;
        };
        let Some(slot) = service.slots.get(number) else {
            return;
        };
        if slot.generation == generation
            && matches!(&slot.run, Run::Up(up) if up.proof == Proof::Awaited)
        {
            let stage = Stage::Update;
            return self.disproved(at, Failure { stage, ..cause }, out);
        }
        let job = service.spec.kind == Kind::Job;
        let awaited = match &slot.run {
            Run::Starting { in_hook, .. } => !in_hook,
            // A job is never ready, and awaited until it has ended.
            Run::Up(up) => job || up.been_ready.is_none(),
            _ => false,
        };
        if slot.generation != generation
            || !awaited
            || !service.wants(number)
            || service.outdated(slot)
        {
            return;
        }
        let then = Then::Fail(cause.into());
        self.stop(at.service, number, StopHow::Graceful, then, out);
    }

    /// What it was changed to does not become ready. It goes on as it is: its backend keeps what ran before for as long as
    /// it can, and may be right in the end.
    pub(super) fn disproved(&mut self, at: InstanceKey, cause: Failure, out: &mut Vec<Effect>) {
        let Some(slot) = self.slot(at) else { return };
        slot.failure = Some(cause.into());
        slot.update_failed = Some(slot.revision);
        if let Some(timer) = slot.start_timer.take() {
            self.cancel_timer(timer, out);
        }
        self.touch(at.service);
    }

    pub(super) fn not_live(
        &mut self,
        at: InstanceKey,
        generation: Generation,
        evidence: &SmolStr,
        out: &mut Vec<Effect>,
    ) {
        let number = usize::from(at.slot);
        let Some(service) = self.services.get_mut(at.service.index()) else {
            return;
        };
        let Some(slot) = service.slots.get(number) else {
            return;
        };
        if slot.generation != generation {
            return;
        }
        let goes_anyway = !service.wants(number) || service.outdated(slot);
        let never = service.spec.restart.when == RestartWhen::Never;
        let Run::Up(up) = &mut service.slots[number].run else {
            return;
        };
        up.live = false;
        if goes_anyway {
            return;
        }
        let mut failure = Failure::new(Stage::Live, "its liveness probe failed");
        failure.evidence = Some(evidence.to_string());
        let failure = Box::new(failure);
        let then = if never {
            Then::Fail(failure)
        } else {
            Then::Crash(failure)
        };
        self.stop(at.service, number, StopHow::Graceful, then, out);
    }

    /// Other probes are asked than before: what they say counts, and nothing else.
    pub(super) fn ask_anew(&mut self, at: InstanceKey, out: &mut Vec<Effect>) {
        let service = &self.services[at.service.index()];
        let (spec, revision) = (&service.spec, service.revision);
        let probed = spec.probed_ready && spec.kind == Kind::Service;
        if let Some(slot) = self.slot(at) {
            // It is what is wanted: nothing else of it differs.
            slot.revision = revision;
            if let Run::Up(up) = &mut slot.run
                && probed
            {
                up.ready = false;
            }
        }
        self.watch_anew(at, out);
        self.prove(at, out);
    }

    /// What was changed, and is not ready since, has as long to become ready as at a start.
    pub(super) fn prove(&mut self, at: InstanceKey, out: &mut Vec<Effect>) {
        let spec = &self.services[at.service.index()].spec;
        let (probed, timeout) = (spec.probed_ready, spec.start_timeout);
        let Some(slot) = self.slot(at) else { return };
        let Run::Up(up) = &mut slot.run else { return };
        if !probed || up.ready || up.been_ready.is_none() {
            return;
        }
        up.proof = Proof::Awaited;
        if let Some(timer) = slot.start_timer.take() {
            self.cancel_timer(timer, out);
        }
        let timer = self.start_timer(at, timeout, out);
        if let Some(slot) = self.slot(at) {
            slot.start_timer = Some(timer);
        }
    }

    /// The specification changed under a running instance: its probes may have, too.
    pub(super) fn watch_anew(&mut self, at: InstanceKey, out: &mut Vec<Effect>) {
        let number = usize::from(at.slot);
        self.unwatch(at.service, number, out);
        let service = &mut self.services[at.service.index()];
        let spec = &service.spec;
        let (ready, live) = (
            spec.probed_ready && spec.kind == Kind::Service,
            spec.probed_live,
        );
        let revision = service.revision;
        let slot = &mut service.slots[number];
        let generation = slot.generation;
        if let Run::Up(up) = &mut slot.run
            // They are watched when the hook has ended.
            && up.hook.is_none()
        {
            up.watched = ready || live;
            if up.watched {
                out.push(Effect::WatchProbes {
                    instance: at,
                    generation,
                    revision,
                    ready,
                    live,
                });
            }
            if !ready && spec.kind == Kind::Service {
                up.ready = true;
                up.been_ready = up.been_ready.or(Some(self.now));
                if let Some(timer) = slot.start_timer.take() {
                    self.cancel_timer(timer, out);
                }
            }
        }
        self.touch(at.service);
    }

    pub(super) fn unwatch(&mut self, key: ServiceKey, number: usize, out: &mut Vec<Effect>) {
        let slot = &mut self.services[key.index()].slots[number];
        if let Run::Up(up) = &mut slot.run
            && std::mem::take(&mut up.watched)
        {
            let generation = slot.generation;
            out.push(Effect::UnwatchProbes {
                instance: instance(key, number),
                generation,
            });
        }
    }
}
