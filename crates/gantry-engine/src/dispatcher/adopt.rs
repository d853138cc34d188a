//! What outlives a supervisor: taking over a model, writing it down, and finding again what runs.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::{
    Desired, Event, Memory, Millis, OperationId, ServiceKey, ServiceSpec, ServiceState,
};
use gantry_driver::{DriverError, Session, Target};
use gantry_stack::model::Stack;

use crate::definition::Definition;
use crate::dispatcher::{AGAIN, Dispatcher, Phase};
use crate::inbox::Incoming;
use crate::plan_view::Wanted;
use crate::saved::{self, SavedPlan, Saving};

/// How long a new supervisor waits for the first answers of probes before it serves.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// How long the client of a foreground stack has to come back to a new supervisor.
const COME_BACK: Duration = Duration::from_secs(10);

impl Dispatcher {
    /// The model says who the stack is.
    pub(crate) fn take_identity(&mut self, stack: &Stack) {
        self.identity.name = stack.name.to_string();
        self.identity.file.clone_from(&stack.file);
        self.identity.folder.clone_from(&stack.dir);
        self.sessions.stack = self.identity.for_drivers();
        self.introduce();
    }

    /// From now on this should be. What is kept of it is copied once the model is gone: what was made from it piece by
    /// piece lies between its pieces, and would keep all of their memory.
    pub(crate) fn take_over(
        &mut self,
        operation: OperationId,
        wanted: Wanted,
        timeout: Option<Millis>,
    ) {
        let Wanted {
            stack,
            definitions,
            changes,
            targets,
            ..
        } = wanted;
        drop(stack);
        let specs = definitions.iter();
        let specs = specs.map(|it| Arc::new(ServiceSpec::clone(&it.core)));
        let specs = specs.collect();
        let event = Event::Model {
            operation,
            specs,
            changes,
            targets,
            timeout,
        };
        self.apply(event);
        // Before the effects are carried out: they name revisions that only the world has given now.
        self.define(definitions);
        // A host that runs secrets' commands may have got new ones.
        self.secrets.clear();
        self.claim_strays();
    }

    /// Keep the specifications that the world took.
    fn define(&mut self, definitions: Vec<Arc<Definition>>) {
        for definition in definitions {
            let Some(key) = self.world.key(definition.name().as_str()) else {
                continue;
            };
            if let Some(taken) = self.world.spec(key)
                && taken.digest == definition.core.digest
                && let Some(revision) = self.world.revision(key)
            {
                let mut definition = Definition::clone(&definition);
                definition.share(taken);
                self.book.define(key, revision, Arc::new(definition));
            }
        }
    }

    /// Write down what must survive.
    pub(crate) fn save_now(&mut self) {
        self.save();
        self.saved();
    }

    /// Begin to write down what must survive. Nothing that relies on it may be done before [`Self::saved`].
    pub(crate) fn save(&mut self) {
        self.saved();
        let services = self.world.saved();
        let definitions = services
            .iter()
            .filter_map(|service| self.world.key(service.spec.name.as_str()))
            .filter_map(|key| self.book.latest(key).cloned())
            .collect();
        let identity = &self.identity;
        let plan = saved::Plan {
            stack: identity.name.clone(),
            file: identity.file.clone(),
            folder: identity.folder.clone(),
            key: identity.key.clone(),
            foreground: identity.foreground,
            down: self.phase != Phase::Serving,
            services,
            definitions,
        };
        self.saving = Some(Saving::begin(identity.dir.plan(), plan));
    }

    /// Wait until what must survive is written down.
    pub(crate) fn saved(&mut self) {
        if let Some(Err(error)) = self.saving.take().map(Saving::finish) {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            let reason = reason.unwrap_or_default();
            tracing::error!(%error, %reason, "the plan was not saved");
            self.note(
                None,
                format!("{error}: {reason}; a new supervisor would not know of this"),
            );
        }
    }

    /// The session that runs commands for everyone is always open: it also tells the keeper when the
    /// stack is down, even if nothing ever ran.
    pub(crate) async fn open_host(&mut self) {
        let Some(target) = self.sessions.host_target() else {
            return;
        };
        let opener = self.sessions.opener(&target, self.journal.handles());
        match opener.await {
            Ok(session) => self.sessions.put(target, session),
            Err(error) => self.opened(target, Err(error)),
        }
    }

    /// Take up what an earlier supervisor wrote down, and look at what runs. Returns when everything
    /// was looked at, or cannot be now.
    pub(crate) async fn restore(&mut self, plan: SavedPlan) {
        self.restoring = true;
        self.apply(Event::Restored {
            services: plan.services,
        });
        self.carry_out_all().await;
        for mut definition in plan.definitions {
            if let Some(key) = self.world.key(definition.name().as_str())
                && let Some(revision) = self.world.revision(key)
                && let Some(spec) = self.world.spec(key)
            {
                definition.share(spec);
                self.book.define(key, revision, Arc::new(definition));
            }
        }
        let wanted = |key: ServiceKey| self.world.desired(key) == Some(Desired::Running);
        let starts = self.journal.all();
        let remembered: Vec<_> = starts
            .filter_map(|start| Some((self.key_of(&start.instance)?, start)))
            .filter(|(instance, _)| wanted(instance.service))
            .map(|(instance, start)| (instance, start.restarts, start.memory()))
            .collect();
        // What is down has given its ports back.
        let definitions: Vec<_> = self
            .book
            .all()
            .filter(|(key, _)| wanted(*key))
            .map(|(_, it)| Arc::clone(it))
            .collect();
        self.begun = !definitions.is_empty();
        for (instance, restarts, memory) in remembered {
            if restarts > 0 {
                self.book.put_restarts(instance, restarts);
            }
            if memory != Memory::default() {
                self.apply(Event::Remembered { instance, memory });
            }
        }
        self.carry_out_all().await;
        if let Err(error) = self.ports.draw(definitions.iter().map(AsRef::as_ref)) {
            tracing::error!(%error, "the ports that were drawn are not known");
        }
        let mut targets: Vec<(Target, Vec<ServiceKey>)> = Vec::new();
        for service in self.world.services() {
            let Ok(target) = self.target_of(service) else {
                continue;
            };
            match targets.iter_mut().find(|(other, _)| *other == target) {
                Some((_, services)) => services.push(service),
                None => targets.push((target, vec![service])),
            }
        }
        for (target, services) in targets {
            if let Some(session) = self.sessions.get(&target).cloned() {
                let result = session.observe().await;
                self.observed(services, result);
                self.settle().await;
            } else if plan.down {
                // Nothing of it was left: nobody need wait for a backend that may be away by now.
                self.observed(services, Ok(Vec::new()));
                self.settle().await;
            } else {
                // A backend may be slow, or away: what it has is unknown until it answers.
                self.open(&target);
                self.unseen.push((target, services));
            }
        }
        self.hand_over().await;
        // Whoever asks first gets what is, not what this supervisor does not know yet.
        let known = async { while !self.knows_all() && self.turn().await {} };
        let _ = tokio::time::timeout(FIRST_LOOK, known).await;
        self.restoring = false;
        self.calm.ended();
        for service in self.world.services() {
            if self.world.desired(service) == Some(Desired::Stopped) {
                self.release(service);
            }
        }
        if self.identity.foreground {
            let outbox = self.outbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(COME_BACK).await;
                let _ = outbox.send(Incoming::Forsaken);
            });
        }
    }

    /// What ended in this turn and was given up is noted, so that the next supervisor leaves it alone.
    pub(crate) fn note_given_up(&mut self) {
        for instance in std::mem::take(&mut self.ended) {
            if let Some(id) = self.world.instance_id(instance)
                && let Some(failure) = self.world.memory(instance).failed
            {
                self.journal.note_gave_up(&id, &failure);
            }
        }
    }

    /// Whether everything was found, and what runs is ready as far as is known.
    fn knows_all(&self) -> bool {
        let services = self.world.services().into_iter();
        let mut views = services.filter_map(|key| self.world.service(key));
        views.all(|view| {
            let mut runs = view.instances.iter().filter(|it| it.pid.is_some());
            view.state != ServiceState::Unknown && runs.all(|instance| instance.ready)
        })
    }

    /// Open a session; the answer comes as [`Incoming::Opened`].
    pub(crate) fn open(&mut self, target: &Target) {
        let opener = self.sessions.opener(target, self.journal.handles());
        let (outbox, target) = (self.outbox.clone(), target.clone());
        tokio::spawn(async move {
            let result = opener.await;
            let _ = outbox.send(Incoming::Opened { target, result });
        });
    }

    pub(crate) fn opened(&mut self, target: Target, result: Result<Arc<dyn Session>, DriverError>) {
        let mut services = self.services_in(&target);
        let before = self.unseen.iter().filter(|(other, _)| *other == target);
        services.extend(before.flat_map(|(_, services)| services));
        services.sort_unstable();
        services.dedup();
        match result {
            Ok(session) => {
                self.unseen.retain(|(other, _)| *other != target);
                self.sessions.put(target, Arc::clone(&session));
                self.look(session, services);
            }
            Err(error) => {
                tracing::warn!(%target, %error, "failed to open a session");
                self.queue.push_back(Event::BackendLost {
                    services,
                    reason: error.to_string().into(),
                });
                let opener = self.sessions.opener(&target, self.journal.handles());
                let outbox = self.outbox.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(AGAIN).await;
                    let result = opener.await;
                    let _ = outbox.send(Incoming::Opened { target, result });
                });
            }
        }
    }
}
