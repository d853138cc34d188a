//! Stopping, looking, and forgetting.

use std::sync::Arc;

use gantry_core::{
    EffectId, Event, Failure, Generation, InstanceKey, Revision, ServiceKey, Stage, StopHow,
};
use gantry_driver::{DriverError, Observed, Session, StopRequest, Target};

use crate::dispatcher::{AGAIN, Dispatcher};
use crate::inbox::Incoming;

impl Dispatcher {
    pub(crate) fn stop(
        &mut self,
        id: EffectId,
        instance: InstanceKey,
        generation: Generation,
        revision: Revision,
        how: StopHow,
    ) {
        self.probes.unwatch(instance);
        self.parked
            .retain(|start| start.instance != instance || start.generation > generation);
        let unwanted = self
            .parked_updates
            .extract_if(.., |update| update.instance == instance);
        self.queue
            .extend(unwanted.map(|update| Event::UpdateFailed {
                effect: update.id,
                instance,
                cause: Failure::new(Stage::Update, "it is being stopped"),
            }));
        self.parked_watches
            .retain(|watch| watch.instance != instance);
        let known = self.book.run(instance);
        let known = known.filter(|run| run.generation == generation);
        let known = known.and_then(|run| run.prepared.as_ref());
        let known = known.map(|packet| (packet.target.clone(), packet.recorded()));
        // Found by a supervisor that did not need to know what it was started from: now it does. A
        // driver can also stop without that.
        let known = known.or_else(|| {
            let prepared = self.prepare(instance, revision).ok()?;
            Some((prepared.target.clone(), prepared.recorded.clone()))
        });
        let (target, from) = match known {
            Some((target, from)) => (Ok(target), Some(from)),
            None => (self.target_of(instance.service), None),
        };
        let (Ok(target), Some(name)) = (target, self.world.instance_id(instance)) else {
            // Nothing of it can run in a mode that is not built in.
            self.queue.push_back(Event::Stopped {
                effect: id,
                instance,
                exit: None,
            });
            return;
        };
        let request = StopRequest {
            effect: id,
            instance: name,
            generation,
            how,
            from,
        };
        self.sessions.stop(target, request);
    }

    pub(crate) fn target_of(&self, service: ServiceKey) -> Result<Target, String> {
        let definition = self.book.latest(service);
        let definition = definition.ok_or_else(|| "it is not known any more".to_owned())?;
        self.sessions.target(definition)
    }

    /// Look at the backends of these services, and report.
    pub(crate) fn observe(&mut self, services: &[ServiceKey]) {
        let mut by_target: Vec<(Target, Vec<ServiceKey>)> = Vec::new();
        for &service in services {
            let Ok(target) = self.target_of(service) else {
                self.queue.push_back(Event::Observed {
                    services: vec![service],
                    instances: Vec::new(),
                });
                continue;
            };
            match by_target.iter_mut().find(|(other, _)| *other == target) {
                Some((_, services)) => services.push(service),
                None => by_target.push((target, vec![service])),
            }
        }
        for (target, services) in by_target {
            let Some(session) = self.sessions.get(&target).cloned() else {
                self.open(&target);
                continue;
            };
            self.look(session, services);
        }
    }

    /// Look what a session has of these services.
    pub(crate) fn look(&self, session: Arc<dyn Session>, services: Vec<ServiceKey>) {
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            let result = session.observe().await;
            let _ = outbox.send(Incoming::Observed { services, result });
        });
    }

    pub(crate) fn observed(
        &mut self,
        services: Vec<ServiceKey>,
        result: Result<Vec<Observed>, DriverError>,
    ) {
        match result {
            Ok(observed) => self.take_observed(observed, services),
            Err(error) => {
                self.queue.push_back(Event::BackendLost {
                    services: services.clone(),
                    reason: error.to_string().into(),
                });
                // Nothing is concluded, and it is looked again until there is an answer.
                let outbox = self.outbox.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(AGAIN).await;
                    let _ = outbox.send(Incoming::LookAgain(services));
                });
            }
        }
    }

    /// A service left the file, and nothing of it is left.
    pub(crate) fn forget(&mut self, service: ServiceKey) {
        let name = self.world.name(service).cloned();
        if let (Some(name), Ok(target)) = (&name, self.target_of(service))
            && let Some(session) = self.sessions.get(&target)
        {
            let instances = (0..=u16::MAX).map_while(|slot| {
                let key = InstanceKey { service, slot };
                let run = self.book.run(key)?;
                Some((
                    gantry_core::InstanceId::new(name.clone(), slot),
                    run.generation,
                ))
            });
            session.forget(instances.collect());
        }
        if let Some(name) = name {
            self.journal.forget(|instance| instance.service == name);
            self.ports.forget(name.as_str());
        }
        self.book.remove(service);
    }
}
