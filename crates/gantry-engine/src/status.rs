//! The state of the stack, as `status` shows it: the contract that other tools rely on.

use std::borrow::Cow;

use gantry_api::{
    BriefInstance, BriefService, BriefStatus, ChildStatus, Endpoint, InstanceStatus, ServiceStatus,
    Status,
};
use gantry_core::spec::part_name;
use gantry_core::{
    ChildView, InstanceId, InstanceKey, InstanceView, Kind, Millis, ServiceKey, WaitsFor,
};
use gantry_driver::Vantage;
use serde::{Serialize, Serializer};

use crate::clock::Clock;
use crate::dispatcher::Dispatcher;
use crate::wire;

/// Said of what runs under a guard that is not the one that it was started under.
const UNGUARDED: &str = "unguarded until its next start: the guard was killed";

/// About how many bytes a service takes in a status of few words.
const BRIEF: usize = 128;

/// All services in few words, one at a time.
struct Briefly<'a>(&'a Dispatcher);

impl Serialize for Briefly<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let services = self.0.world.services().into_iter();
        serializer.collect_seq(services.filter_map(|key| self.0.brief_of(key)))
    }
}

impl Dispatcher {
    /// The whole stack.
    pub(crate) fn status(&self) -> Status {
        let services = self.world.services().into_iter();
        Status {
            version: gantry_api::VERSION,
            stack: self.identity.name.clone(),
            file: self.identity.file.clone(),
            supervisor: Some(self.identity.supervisor.clone()),
            strays: self.stray_names(),
            services: services
                .filter_map(|key| self.service_status(key))
                .collect(),
        }
    }

    /// The whole stack in few words, as JSON.
    pub(crate) fn brief_status(&self) -> Vec<u8> {
        let status = BriefStatus {
            version: gantry_api::VERSION,
            stack: self.identity.name.as_str().into(),
            file: Cow::Borrowed(self.identity.file.as_path()),
            supervisor: Some(Cow::Borrowed(&self.identity.supervisor)),
            strays: self.stray_names().into(),
            services: Briefly(self),
        };
        let expected = self.world.services().len() * BRIEF;
        let mut json = Vec::with_capacity(expected);
        serde_json::to_writer(&mut json, &status).expect("a status is JSON");
        json
    }

    fn brief_of(&self, key: ServiceKey) -> Option<BriefService<'_>> {
        let glance = self.world.glance(key)?;
        let instances = self.world.instances(key);
        let instances = instances.map(|(instance, it)| BriefInstance {
            ready: it.ready,
            warnings: self.warnings_of(instance).into(),
        });
        Some(BriefService {
            name: glance.spec.name.as_str().into(),
            job: glance.spec.kind == Kind::Job,
            state: wire::state(glance.state),
            ready: glance.ready,
            restarts: self.restarts_of(key, glance.restarts),
            uptime_s: glance.started_at.map(|since| self.seconds_since(since)),
            endpoints: self.endpoints(key).into(),
            message: self.message_of(key, &glance.message).into(),
            instances: instances.collect(),
            children: children(glance.children).into(),
        })
    }

    fn warnings_of(&self, instance: InstanceKey) -> &[String] {
        let run = self.book.run(instance);
        run.map_or(&[], |run| &run.warnings)
    }

    /// How often its instances were started again after they ended by themselves; `own` of these under this
    /// supervisor.
    fn restarts_of(&self, key: ServiceKey, own: u32) -> u32 {
        let instances = self.world.instances(key);
        let before = instances.map(|(instance, _)| self.book.restarts_before(instance));
        own + before.sum::<u32>()
    }

    /// One service.
    pub(crate) fn service_status(&self, key: ServiceKey) -> Option<ServiceStatus> {
        let view = self.world.service(key)?;
        let spec = self.world.spec(key)?;
        let definition = self.book.latest(key);
        let name = |key: ServiceKey| self.world.name(key).map(ToString::to_string);
        let mut waits_for: Vec<String> = view
            .waits_for
            .iter()
            .filter_map(|it| self.waited(it))
            .collect();
        waits_for.dedup();
        let mut running = view.instances.iter().filter_map(|instance| instance.pid);
        let pid = running.next().filter(|_| running.next().is_none());
        let failure = view
            .instances
            .iter()
            .find_map(|instance| instance.failure.as_ref());
        let instances = view.instances.iter();
        Some(ServiceStatus {
            name: spec.name.to_string(),
            description: definition
                .map(|it| it.description.clone())
                .unwrap_or_default(),
            mode: spec.mode.to_string(),
            job: spec.kind == Kind::Job,
            state: wire::state(view.state),
            desired: wire::desired(view.desired),
            revision: view.revision.0,
            ready: view.ready,
            live: view.live,
            pid,
            instances: instances
                .map(|instance| self.instance_status(&spec.name, instance))
                .collect(),
            restarts: self.restarts_of(key, view.restarts),
            started_at: view.started_at.and_then(Clock::timestamp),
            uptime_s: view.started_at.map(|since| self.seconds_since(since)),
            depends_on: spec
                .depends_on
                .iter()
                .map(|edge| edge.name().to_string())
                .collect(),
            waits_for,
            blocked_by: view.blocked_by.and_then(name),
            endpoints: self.endpoints(key),
            message: self.message_of(key, &view.message),
            failure: failure.map(wire::failure),
            children: children(&view.children),
            usage: None,
        })
    }

    /// Who is waited for: a service, or a part of one.
    fn waited(&self, waits: &WaitsFor) -> Option<String> {
        let (service, part) = match waits {
            WaitsFor::Condition { service, part, .. } => (service, part.as_ref()),
            WaitsFor::Conflict { service } | WaitsFor::Dependent { service } => (service, None),
        };
        Some(part_name(self.world.name(*service)?, part).to_string())
    }

    fn instance_status(
        &self,
        service: &gantry_core::ServiceName,
        view: &InstanceView,
    ) -> InstanceStatus {
        let id = InstanceId::new(service.clone(), view.key.slot);
        let run = self.book.run(view.key);
        let unguarded = run.is_some_and(|run| run.unguarded) && view.pid.is_some();
        let message = view
            .resists
            .as_ref()
            .or(view.evidence.as_ref())
            .map(ToString::to_string)
            .or_else(|| view.failure.as_ref().map(ToString::to_string))
            .or_else(|| view.pid.and_then(|_| self.own_words(view.key)));
        InstanceStatus {
            id: id.to_string(),
            state: wire::state(view.state),
            ready: view.ready,
            live: view.live,
            pid: view.pid,
            started_at: view.started_at.and_then(Clock::timestamp),
            restarts: self.book.restarts_before(view.key) + view.restarts,
            exit: view.last_exit.as_ref().map(wire::exit),
            generation: view.generation.0,
            retry_at: view.retry_at.and_then(Clock::timestamp),
            membership: run
                .and_then(|run| run.membership.as_ref())
                .map(ToString::to_string),
            unguarded,
            message: message
                .or_else(|| unguarded.then(|| UNGUARDED.to_owned()))
                .unwrap_or_default(),
            warnings: self.warnings_of(view.key).to_vec(),
            usage: None,
        }
    }

    /// A service's state in one line: where the world has nothing to add to it, what an instance that runs says
    /// itself; else that one is not guarded.
    fn message_of(&self, key: ServiceKey, message: &str) -> String {
        if !message.is_empty() {
            return message.to_owned();
        }
        let instances = self.world.instances(key);
        let mut running = instances.filter(|(_, it)| it.runs).map(|(key, _)| key);
        if let Some(own) = running.clone().find_map(|it| self.own_words(it)) {
            return own;
        }
        let unguarded = |it| self.book.run(it).is_some_and(|run| run.unguarded);
        if running.any(unguarded) {
            UNGUARDED.to_owned()
        } else {
            String::new()
        }
    }

    /// What an instance that runs says that it is doing.
    fn own_words(&self, instance: InstanceKey) -> Option<String> {
        let said = self.book.run(instance)?.said.as_ref()?;
        match (&said.status, said.reloading) {
            (Some(status), true) => Some(format!("reloading: {status}")),
            (Some(status), false) => Some(status.to_string()),
            (None, true) => Some("reloading".to_owned()),
            (None, false) => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of uptime are few")]
    fn seconds_since(&self, since: Millis) -> f64 {
        self.clock.now().since(since).0 as f64 / 1000.0
    }

    /// Where its ports are, as seen from this machine, and what else leads to it.
    fn endpoints(&self, key: ServiceKey) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        let Some(definition) = self.book.latest(key) else {
            return endpoints;
        };
        let replicas = definition.core.replicas;
        if !definition.ports.is_default() {
            for slot in 0..replicas {
                let id = InstanceId::new(definition.name().clone(), slot);
                let Some(reach) = self.reach(&id, definition, &Vantage::host()) else {
                    continue;
                };
                for (name, port) in &reach.ports {
                    let own = definition.ports().get(name).unwrap_or(port);
                    let (scheme, Some(address)) =
                        (definition.scheme_of(name, *own), reach.address(name))
                    else {
                        continue;
                    };
                    endpoints.push(Endpoint {
                        name: name.to_string(),
                        url: format!("{scheme}://{address}"),
                        instance: (replicas > 1).then(|| id.to_string()),
                    });
                }
            }
        }
        for (instance, _) in self.world.instances(key) {
            let ways = self.book.addresses(instance).iter();
            endpoints.extend(ways.map(|way| Endpoint {
                name: way.name.to_string(),
                url: way.url.clone(),
                instance: None,
            }));
        }
        endpoints
    }
}

fn children(children: &[ChildView]) -> Vec<ChildStatus> {
    let child = |child: &ChildView| ChildStatus {
        name: child.name.to_string(),
        state: child.state.to_string(),
        ready: child.ready,
        completed: child.completed,
        message: child.message.as_ref().map(ToString::to_string),
    };
    children.iter().map(child).collect()
}
