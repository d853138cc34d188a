//! Starting, and changing what runs.

use std::sync::Arc;

use gantry_core::{EffectId, Event, Failure, Generation, InstanceKey, Revision, Stage};
use gantry_driver::{StartRequest, UpdateRequest};
use gantry_stack::template::Secret;

use crate::book::{Prepared, Run};
use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::journal;
use crate::resolve::{Fetched, Unprepared, fetch};

/// One start that the world asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) id: EffectId,
    pub(crate) instance: InstanceKey,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
    pub(crate) recreate: bool,
}

/// One change as it runs that the world asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Update {
    pub(crate) id: EffectId,
    pub(crate) instance: InstanceKey,
    pub(crate) generation: Generation,
    pub(crate) revision: Revision,
}

impl Dispatcher {
    pub(crate) fn start(&mut self, start: Start) {
        let Start {
            id,
            instance,
            generation,
            revision,
            ..
        } = start;
        self.renew_ports(instance, revision);
        match self.prepare(instance, revision) {
            Ok(prepared) => self.send_start(start, &prepared),
            Err(Unprepared::Waits(secrets)) => {
                self.parked.retain(|other| other.instance != instance);
                self.parked.push(start);
                self.fetch(secrets);
            }
            Err(Unprepared::Failed(cause)) => {
                tracing::debug!(?instance, %generation, %cause, "not started");
                self.queue.push_back(Event::StartFailed {
                    effect: id,
                    instance,
                    cause: *cause,
                });
            }
        }
    }

    fn send_start(&mut self, start: Start, prepared: &Prepared) {
        let Some(instance) = self.world.instance_id(start.instance) else {
            return;
        };
        self.journal.note(journal::Start::new(
            instance.clone(),
            start.generation,
            start.revision,
            self.restarts(start.instance),
            self.world.memory(start.instance),
        ));
        let make = self.making.get(&instance.service).copied();
        let request = StartRequest {
            effect: start.id,
            instance,
            generation: start.generation,
            from: prepared.recorded.clone(),
            recreate: start.recreate,
            make: make.unwrap_or_default(),
        };
        self.sessions.start(prepared.target.clone(), request);
        let backend = self.first_word(start.instance, start.revision);
        let packet = Box::new(self.book.packet(start.instance.service, prepared));
        self.book.put_run(
            start.instance,
            Run {
                generation: start.generation,
                revision: start.revision,
                prepared: Some(packet),
                membership: None,
                unguarded: false,
                since: None,
                said: None,
                backend,
                warnings: Vec::new(),
            },
        );
    }

    /// How often an instance was started again after it ended by itself, under all supervisors.
    pub(crate) fn restarts(&self, instance: InstanceKey) -> u32 {
        let own = self
            .world
            .instance(instance)
            .map_or(0, |view| view.restarts);
        self.book.restarts_before(instance) + own
    }

    /// A port that was drawn may have been taken by a stranger since.
    pub(super) fn renew_ports(&mut self, instance: InstanceKey, revision: Revision) {
        let (Some(definition), Some(id)) = (
            self.book.definition(instance.service, revision).cloned(),
            self.world.instance_id(instance),
        ) else {
            return;
        };
        match self.ports.renew(&id, &definition) {
            Ok(notes) => {
                for note in notes {
                    self.note(Some(&id), note);
                }
            }
            // The start will fail by itself, and say what it lacks.
            Err(error) => self.note(Some(&id), error.to_string()),
        }
    }

    pub(crate) fn update(&mut self, update: Update) {
        let Update {
            id,
            instance,
            generation,
            revision,
        } = update;
        let prepared = match self.prepare(instance, revision) {
            Ok(prepared) => prepared,
            Err(Unprepared::Waits(secrets)) => {
                let before = self.parked_updates.iter();
                let before: Vec<_> = before
                    .filter(|other| other.instance == instance)
                    .copied()
                    .collect();
                self.parked_updates
                    .retain(|other| other.instance != instance);
                for other in before {
                    // The newer one takes its place.
                    let cause = Failure::new(Stage::Update, "it was changed again meanwhile");
                    self.queue.push_back(Event::UpdateFailed {
                        effect: other.id,
                        instance,
                        cause,
                    });
                }
                self.parked_updates.push(update);
                return self.fetch(secrets);
            }
            Err(Unprepared::Failed(cause)) => {
                self.queue.push_back(Event::UpdateFailed {
                    effect: id,
                    instance,
                    cause: *cause,
                });
                return;
            }
        };
        let Some(name) = self.world.instance_id(instance) else {
            return;
        };
        self.journal.note(journal::Start::new(
            name.clone(),
            generation,
            revision,
            self.restarts(instance),
            self.world.memory(instance),
        ));
        let back_to = self.backs.remove(&name.service);
        let patience = self.world.spec(instance.service).map(|it| it.start_timeout);
        let request = UpdateRequest {
            effect: id,
            instance: name,
            generation,
            to: prepared.recorded.clone(),
            back_to,
            patience: patience.unwrap_or_default(),
        };
        self.sessions.update(prepared.target.clone(), request);
        let packet = Box::new(self.book.packet(instance.service, &prepared));
        if let Some(run) = self.book.run_mut(instance) {
            run.revision = revision;
            run.prepared = Some(packet);
        }
    }

    /// Tell the session that the time for a change is over.
    pub(crate) fn out_of_time(&self, instance: InstanceKey, generation: Generation) {
        let run = self.book.run(instance);
        let target = run.and_then(|run| Some(&run.prepared.as_ref()?.target));
        let session = target.and_then(|target| self.sessions.get(target));
        if let (Some(session), Some(name)) = (session, self.world.instance_id(instance)) {
            session.out_of_time(&name, generation);
        }
    }

    /// Get these secrets, then try again what waits for them.
    pub(crate) fn fetch(&mut self, secrets: Vec<Secret>) {
        let secrets = self.secrets.take_unfetched(secrets);
        if secrets.is_empty() {
            return;
        }
        let (host, outbox) = (Arc::clone(&self.sessions.host), self.outbox.clone());
        let folder = self.identity.folder.clone();
        tokio::spawn(async move {
            let fetched = fetch(secrets, &folder, host.as_ref()).await;
            let _ = outbox.send(Incoming::Fetched(fetched));
        });
    }

    pub(crate) fn fetched(&mut self, fetched: Vec<Fetched>) {
        self.secrets.put(fetched);
        for start in std::mem::take(&mut self.parked) {
            self.start(start);
        }
        for update in std::mem::take(&mut self.parked_updates) {
            self.update(update);
        }
        self.begin_parked_hooks();
        for watch in std::mem::take(&mut self.parked_watches) {
            self.watch(
                watch.instance,
                watch.generation,
                watch.revision,
                watch.ready,
                watch.live,
            );
        }
    }
}
