//! What follows the end of an instance.

use smol_str::{SmolStr, format_smolstr};

use super::World;
use super::act::instance;
use super::service::{Run, Then};
use super::timers::TimerTarget;
use crate::effect::{Effect, StopHow};
use crate::failure::{ExitStatus, Failure, FailureKind, Stage};
use crate::ids::{Millis, ServiceKey};
use crate::restart::RestartWhen;
use crate::spec::Kind;

impl World {
    /// A slot's leader ended by itself. `left` is what is still alive of its tree.
    pub(super) fn ended(
        &mut self,
        key: ServiceKey,
        number: usize,
        exit: ExitStatus,
        left: Option<&SmolStr>,
        tail: Vec<String>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let service = &mut self.services[key.index()];
        let slot = &mut service.slots[number];
        slot.last_exit = Some(exit.clone());
        let mut then = Then::Rest;
        match &mut slot.run {
            Run::Up(up) => {
                let stable = service.spec.restart.stable;
                if up
                    .been_ready
                    .is_some_and(|since| now.since(since) >= stable)
                {
                    slot.attempts = 0;
                }
            }
            Run::Unknown { then: planned, .. } => then = std::mem::take(planned),
            _ => {}
        }
        if matches!(then, Then::Rest) {
            then = self.after(key, exit, tail);
        }
        if left.is_some() {
            self.stop(key, number, StopHow::Graceful, then, out);
        } else {
            self.unwatch(key, number, out);
            self.cancel_hook(key, number, out);
            self.gone(key, number, StopHow::Graceful, then, out);
        }
    }

    /// What an end means by the kind and the policy of the service.
    pub(super) fn after(&self, key: ServiceKey, exit: ExitStatus, tail: Vec<String>) -> Then {
        let spec = &self.services[key.index()].spec;
        let failure = |exit: ExitStatus| {
            let mut failure = Failure::new(Stage::Run, exit.sentence());
            failure.exit = Some(exit);
            failure.tail = tail;
            Box::new(failure)
        };
        match (exit.success(), spec.restart.when) {
            (true, RestartWhen::Always) if spec.kind == Kind::Service => Then::Again,
            (true, _) => Then::Complete,
            (false, RestartWhen::Never) => Then::Fail(failure(exit)),
            (false, _) => Then::Crash(failure(exit)),
        }
    }

    /// Nothing of the slot is alive any more: what comes next is decided by what is wanted now, not
    /// by what was wanted when the stop began.
    pub(super) fn follow(
        &mut self,
        key: ServiceKey,
        number: usize,
        then: Then,
        out: &mut Vec<Effect>,
    ) {
        let service = &mut self.services[key.index()];
        let slot = &service.slots[number];
        let replaced = slot.replace || slot.revision < service.replace_below;
        let wanted = service.wants(number);
        service.slots[number].run = Run::Idle;
        self.touch(key);
        if !wanted || replaced {
            self.rest(key, number, out);
            return;
        }
        match then {
            Then::Rest => self.rest(key, number, out),
            Then::Complete => {
                self.rest(key, number, out);
                let slot = &mut self.services[key.index()].slots[number];
                slot.run = Run::Completed;
                slot.failure = None;
                slot.attempts = 0;
            }
            Then::Fail(failure) => self.failed(key, number, failure, out),
            Then::Crash(failure) => self.again(key, number, Some(failure), out),
            Then::Again => self.again(key, number, None, out),
        }
    }

    pub(super) fn failed(
        &mut self,
        key: ServiceKey,
        number: usize,
        failure: Box<Failure>,
        out: &mut Vec<Effect>,
    ) {
        self.rest(key, number, out);
        let slot = &mut self.services[key.index()].slots[number];
        slot.run = Run::Failed;
        slot.failure = Some(failure);
    }

    /// Starts again by the policy: at once, after a wait, or not at all when it was too often.
    pub(super) fn again(
        &mut self,
        key: ServiceKey,
        number: usize,
        failure: Option<Box<Failure>>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let policy = self.services[key.index()].spec.restart.clone();
        let slot = &mut self.services[key.index()].slots[number];
        slot.recent.retain(|at| now.since(*at) < policy.window);
        if policy.max > 0 && slot.recent.len() >= policy.max as usize {
            let times = slot.recent.len() + 1;
            let window = policy.window.in_words();
            let mut reason = format_smolstr!("ended {times} times within {window}");
            let mut failure = failure.unwrap_or_else(|| Failure::new(Stage::Run, "ended").into());
            reason = format_smolstr!("{reason}, last: {}", failure.reason);
            failure.reason = reason;
            failure.stage = Stage::CrashLoop;
            self.failed(key, number, failure, out);
            return;
        }
        if policy.max > 0 {
            slot.recent.push(now);
        }
        slot.attempts = slot.attempts.saturating_add(1);
        slot.restarts = slot.restarts.saturating_add(1);
        slot.failure = failure;
        let attempts = slot.attempts;
        let delay = policy.delay(attempts, self.random_number());
        self.touch(key);
        if delay > Millis(0) {
            let timer = self.set_timer(TimerTarget::Backoff(instance(key, number)), delay, out);
            let until = now.plus(delay);
            self.services[key.index()].slots[number].run = Run::Backoff { timer, until };
        }
    }

    /// A start failed, and nothing of it is left.
    pub(super) fn start_failed(
        &mut self,
        key: ServiceKey,
        number: usize,
        cause: Failure,
        out: &mut Vec<Effect>,
    ) {
        let never = self.services[key.index()].spec.restart.when == RestartWhen::Never;
        let cause = Box::new(cause);
        let then = match cause.kind {
            FailureKind::Permanent | FailureKind::NotOurs => Then::Fail(cause),
            FailureKind::Unreachable | FailureKind::Transient if never => Then::Fail(cause),
            FailureKind::Unreachable | FailureKind::Transient => Then::Crash(cause),
        };
        self.follow(key, number, then, out);
    }

    /// The next number of the seeded generator (splitmix64).
    fn random_number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
