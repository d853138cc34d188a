//! After the noise: everything works as it should from now on, so the stack must come to rest.

use std::fmt::Write as _;

use super::action::Action;
use super::runner::Runner;
use crate::event::{ChangeEffect, Event};
use crate::ids::{InstanceKey, Millis};
use crate::spec::Kind;
use crate::state::{Desired, ServiceState};

/// So many rounds are enough for any stack of a schedule.
const ROUNDS: usize = 400;

impl Runner {
    pub(super) fn calm(&mut self) -> Result<(), String> {
        self.reconnect()?;
        self.settle()?;
        self.check_rest()?;
        // Every state can be left: down from wherever it is, and up again from there.
        self.ask(Action::Down { kill: false })?;
        self.settle()?;
        self.check_down()?;
        self.ask(Action::Up {
            variant: 0,
            named: None,
            hurry: false,
        })?;
        self.settle()?;
        self.check_rest()?;
        self.check_up()?;
        self.ask(Action::Down { kill: true })?;
        self.settle()?;
        self.check_down()
    }

    /// Lets everything happen in its order until nothing more happens.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let mut quiet = true;
            while !self.backend.work.is_empty() {
                quiet = false;
                let work = self.backend.work.remove(0);
                self.note(|| format!("  does {work:?}"));
                let news = self.backend.carry_out(work, self.now, false)?;
                self.backend.news.extend(news);
            }
            while !self.backend.news.is_empty() {
                quiet = false;
                self.news(0)?;
            }
            quiet &= !self.probe()?;
            quiet &= !self.finish_jobs();
            self.world.audit()?;
            if quiet {
                let Some(&due) = self.timers.values().min() else {
                    return Ok(());
                };
                self.wait(Millis(due.0.saturating_sub(self.now.0)))?;
            }
        }
        Err(format!("it does not come to rest: {}", self.describe()))
    }

    /// Every watched instance turns out to be ready. Says whether one had not been.
    fn probe(&mut self) -> Result<bool, String> {
        let mut news = false;
        for (at, generation) in self.backend.watched.clone() {
            let Some(service) = self.world.key(at.service.as_str()) else {
                continue;
            };
            let instance = InstanceKey {
                service,
                slot: at.slot,
            };
            let Some(view) = self.world.service(service) else {
                continue;
            };
            let view = view.instances.into_iter().find(|view| view.key == instance);
            if view.is_some_and(|view| !view.ready && view.generation == generation) {
                let job = self
                    .world
                    .spec(service)
                    .is_some_and(|spec| spec.kind == Kind::Job);
                news |= !job;
                self.tell(Event::Ready {
                    instance,
                    generation,
                })?;
            }
        }
        Ok(news)
    }

    /// Every job that runs ends well. Says whether there was one.
    fn finish_jobs(&mut self) -> bool {
        let is_job = |name: &str| {
            let key = self.world.key(name);
            key.and_then(|key| self.world.spec(key))
                .is_some_and(|spec| spec.kind == Kind::Job)
        };
        let jobs: Vec<_> = self
            .backend
            .processes
            .iter()
            .filter(|(at, process)| !process.left && is_job(at.service.as_str()))
            .map(|(at, _)| at.clone())
            .collect();
        for at in &jobs {
            self.backend.exit(at, 0, false, false);
        }
        !jobs.is_empty()
    }

    /// Everything is as desired, or is not and says why; nothing is under way for ever.
    fn check_rest(&self) -> Result<(), String> {
        for key in self.world.services() {
            let Some(view) = self.world.service(key) else {
                continue;
            };
            let well = match (view.desired, view.state) {
                (Desired::Stopped, state) => state == ServiceState::Stopped,
                (Desired::Running, ServiceState::Running) => {
                    let job = self
                        .world
                        .spec(key)
                        .is_some_and(|spec| spec.kind == Kind::Job);
                    view.ready || job
                }
                (Desired::Running, ServiceState::Completed) => true,
                (Desired::Running, ServiceState::Failed | ServiceState::Degraded) => {
                    !view.message.is_empty()
                }
                (Desired::Running, ServiceState::Blocked) => {
                    view.blocked_by.is_some() && !view.message.is_empty()
                }
                // Scaled to nothing.
                (Desired::Running, ServiceState::Stopped) => view.instances.is_empty(),
                // The other one is wanted too, since a cancelled operation or an old file said so.
                _ => false,
            };
            if !well {
                let name = self.world.name(key);
                return Err(format!("{name:?} came to rest badly: {}", self.describe()));
            }
        }
        self.check_revisions()?;
        if let Some((id, _)) = self.checker.operations.iter().find(|(_, ended)| !**ended) {
            return Err(format!("operation {id} never ended: {}", self.describe()));
        }
        Ok(())
    }

    /// What a change has to replace is not running any more.
    fn check_revisions(&self) -> Result<(), String> {
        for key in self.world.services() {
            let Some(view) = self.world.service(key) else {
                continue;
            };
            let Some(name) = self.world.name(key) else {
                continue;
            };
            let replaces = self.stack.effect(name) >= ChangeEffect::Restart;
            let old = view.instances.iter().find(|instance| {
                instance.state == ServiceState::Running && instance.revision < view.revision
            });
            if let Some(old) = old.filter(|_| replaces) {
                return Err(format!("{name} still runs revision {}", old.revision));
            }
        }
        Ok(())
    }

    fn check_down(&self) -> Result<(), String> {
        self.check_rest()?;
        if let Some(at) = self.backend.processes.keys().next() {
            return Err(format!("{at} still runs after down"));
        }
        if !self.timers.is_empty() {
            return Err("a timer is left after down".to_string());
        }
        if !self.world.is_at_rest() {
            return Err(format!("the world is not at rest: {}", self.describe()));
        }
        Ok(())
    }

    /// Nothing went wrong since the last down, so nothing may have failed.
    fn check_up(&self) -> Result<(), String> {
        for key in self.world.services() {
            let Some(view) = self.world.service(key) else {
                continue;
            };
            let well = matches!(
                view.state,
                ServiceState::Running | ServiceState::Completed | ServiceState::Stopped
            );
            if !well {
                return Err(format!("it does not come up again: {}", self.describe()));
            }
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for key in self.world.services() {
            let (Some(view), Some(name)) = (self.world.service(key), self.world.name(key)) else {
                continue;
            };
            let (state, desired) = (view.state, view.desired);
            let _ = write!(
                text,
                "{name} is {state} (desired {desired}, {}); ",
                view.message
            );
        }
        text
    }
}
