//! Plays a schedule: the part of the supervisor that is not the world, and the clients.

mod act;
mod hear;
mod perform;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::backend::Backend;
use super::checks::Checker;
use super::stack::Stack;
use super::{Schedule, Violation};
use crate::effect::Effect;
use crate::event::Event;
use crate::ids::{InstanceId, InstanceKey, Millis, OperationId, ServiceName, TimerId};
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

    /// The rules that hold after every step.
    fn check(&self) -> Result<(), String> {
        self.world.audit()
    }
}

/// One of those there are.
pub(super) fn pick<T>(all: &[T], which: usize) -> Option<&T> {
    all.get(which % all.len().max(1))
}
