//! What the world wants done, and what the backend is asked for it.

use super::Runner;
use crate::effect::Effect;
use crate::ids::{InstanceId, InstanceKey};
use crate::simulation::backend::Work;
use crate::simulation::checks::check_conflicts;

impl Runner {
    pub(super) fn perform(&mut self, effect: Effect) -> Result<(), String> {
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
            Effect::Transition(_)
            | Effect::Message(_)
            | Effect::Save
            | Effect::OutOfTime { .. }
            | Effect::OperationEnded { .. } => {}
        }
        Ok(())
    }
}
