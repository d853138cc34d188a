//! Executors: each effect of the world is carried out here, and reports back as an event.

mod hooks;
pub(crate) mod probes;
pub(crate) mod reload;
mod start;
mod stop;
mod tell;
pub(crate) mod timers;
mod watch;

use gantry_core::Effect;

pub(crate) use hooks::{HookRun, Hooks};
pub(crate) use start::{Start, Update};
pub(crate) use watch::ParkedWatch;

use crate::dispatcher::Dispatcher;

impl Dispatcher {
    /// Carry out one effect. Nothing here waits but for the plan to be written: what takes time is a task that reports
    /// back.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        // Starts are gathered, and go out when the plan is written.
        let waits = matches!(
            effect,
            Effect::Start { .. }
                | Effect::SetTimer { .. }
                | Effect::CancelTimer { .. }
                | Effect::Transition(_)
                | Effect::Message(_)
        );
        if !waits {
            self.saved();
        }
        match effect {
            Effect::Start {
                id,
                instance,
                generation,
                revision,
                recreate,
            } => self.start(Start {
                id,
                instance,
                generation,
                revision,
                recreate,
            }),
            Effect::Stop {
                id,
                instance,
                generation,
                revision,
                how,
            } => self.stop(id, instance, generation, revision, how),
            Effect::RunHook {
                id,
                instance,
                generation,
                revision,
                hook,
            } => self.run_hook(HookRun {
                id,
                instance,
                generation,
                revision,
                hook,
            }),
            Effect::CancelHook { id } => self.cancel_hook(id),
            Effect::Update {
                id,
                instance,
                generation,
                revision,
            } => self.update(Update {
                id,
                instance,
                generation,
                revision,
            }),
            Effect::WatchProbes {
                instance,
                generation,
                revision,
                ready,
                live,
            } => self.watch(instance, generation, revision, ready, live),
            Effect::UnwatchProbes { instance, .. } => self.probes.unwatch(instance),
            Effect::OutOfTime {
                instance,
                generation,
            } => self.out_of_time(instance, generation),
            Effect::Observe { services } => self.observe(&services),
            Effect::SetTimer { id, after } => self.timers.set(id, after),
            Effect::CancelTimer { id } => self.timers.cancel(id),
            Effect::Transition(transition) => self.tell(&transition),
            Effect::Message(told) => self.tell_more(&told),
            Effect::Removed { service } => self.forget(service),
            // What comes after relies on it.
            Effect::Save => self.save(),
            Effect::OperationEnded { operation, outcome } => {
                self.operation_ended(operation, &outcome);
            }
        }
    }
}
