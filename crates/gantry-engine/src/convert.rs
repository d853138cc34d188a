//! From the model that a client sends to what the engine works with.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gantry_core::{Condition, Dependency, Kind, ServiceName, ServiceSpec};
use gantry_driver::{Capabilities, LogPolicy, Overflow, Owner, Resources, SpecKey, StopPolicy};
use gantry_stack::model::{self, Conflict, Probe, ProbeCheck, Stack};
use serde_json::{Value, json};

use crate::beside::Beside;
use crate::definition::{Definition, ForeignConflict, ProbeDefinition, Role};
use crate::sessions::Drivers;

/// So many services are worth a second processor: nothing of the stack runs yet that could use it.
const MANY: usize = 256;

/// All services of a stack, in the order of its file.
pub(crate) fn definitions(
    stack: &Stack,
    key: &SpecKey,
    seal: &(dyn Fn(&Value) -> Value + Sync),
    drivers: &Drivers,
) -> Vec<Arc<Definition>> {
    let services: Vec<_> = stack.services.iter().collect();
    let of = |services: &[(&ServiceName, &model::Service)]| {
        let services = services.iter();
        let of = |(name, service): &(&ServiceName, &model::Service)| {
            of(stack, name, service, key, seal, drivers).into()
        };
        services.map(of).collect::<Vec<Arc<Definition>>>()
    };
    if services.len() < MANY {
        return of(&services);
    }
    let (first, rest) = services.split_at(services.len() / 2);
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || of(rest));
        let mut all = of(first);
        all.extend(match other {
            Ok(other) => other.join().expect("it does the same as the other half"),
            // No thread is to be had.
            Err(_) => of(rest),
        });
        all
    })
}

/// One of them.
fn of(
    stack: &Stack,
    name: &ServiceName,
    service: &model::Service,
    key: &SpecKey,
    seal: &dyn Fn(&Value) -> Value,
    drivers: &Drivers,
) -> Definition {
    let mut core = ServiceSpec::new(name.clone(), service.mode().clone());
    core.kind = if service.job {
        Kind::Job
    } else {
        Kind::Service
    };
    core.auto_start = service.auto_start;
    core.order = service.order;
    let driver = drivers.of(service.mode());
    let capabilities = driver.map(|driver| driver.capabilities());
    let backend_has = |owner: fn(&Capabilities) -> Owner| {
        capabilities.is_some_and(|it| owner(it) == Owner::Backend)
    };
    // Copies that the backend keeps are its children, not our instances.
    core.replicas = if backend_has(|it| it.replicas) {
        1
    } else {
        service.replicas
    };
    core.probed_ready = !service.startup.is_empty()
        || !service.readiness.is_empty()
        || backend_has(|it| it.readiness);
    core.hooks = service.hooks.present();
    core.probed_live = !service.liveness.is_empty();
    core.start_timeout = service.start_timeout;
    core.restart = service.restart.to_core();
    core.depends_on = dependencies(service);
    core.conflicts_with = conflicts(service);
    let mut definition = Definition {
        core: core.into(),
        description: service.description.clone().unwrap_or_default(),
        spec: (&service.run.spec).into(),
        env: (&json!(service.env)).into(),
        ports: service.ports.clone().into(),
        host_ports: driver
            .and_then(|driver| driver.host_ports(&service.run.spec, &service.ports))
            .map(Box::new),
        stop: StopPolicy {
            signal: service.stop.signal.clone(),
            grace: service.stop.grace.to_duration(),
            command: None,
        }
        .into(),
        beside: (&Beside::unresolved(service)).into(),
        logs: logs(&service.logs).into(),
        resources: resources(&service.resources).into(),
        folder: stack.dir.clone(),
        probes: probes(service),
        foreign_conflicts: foreign(service),
        paths: Vec::new(),
    };
    let digest = key.digest(&given(service, &definition, seal));
    Arc::make_mut(&mut definition.core).digest = digest;
    definition
}

/// All that a running instance would notice. What the core compares by itself, or takes up without
/// a restart, is not here.
fn given(
    service: &model::Service,
    definition: &Definition,
    seal: &dyn Fn(&Value) -> Value,
) -> Value {
    json!({
        "spec": seal(&service.run.spec),
        "env": seal(&json!(service.env)),
        "ports": definition.ports,
        "host-ports": definition.host_ports,
        "stop": definition.stop,
        "stop-command": Beside::unresolved(service)["stop"],
        "logs": definition.logs,
        "resources": definition.resources,
        "folder": definition.folder,
        "probes": definition.probes,
    })
}

/// The edges; two to the same service, or the same part of one, with different conditions become the stricter one.
fn dependencies(service: &model::Service) -> Vec<Dependency> {
    let mut all: Vec<Dependency> = Vec::with_capacity(service.depends_on.len());
    for edge in &service.depends_on {
        let edge = edge.to_core();
        let strictness = |condition| match condition {
            Condition::Started => 0,
            Condition::Ready => 1,
            Condition::Completed => 2,
        };
        let same = |other: &&mut Dependency| other.on == edge.on && other.part == edge.part;
        match all.iter_mut().find(same) {
            Some(other) => {
                other.follow |= edge.follow;
                if strictness(edge.condition) > strictness(other.condition) {
                    other.condition = edge.condition;
                }
            }
            None => all.push(edge),
        }
    }
    all
}

fn conflicts(service: &model::Service) -> Vec<ServiceName> {
    let names = service.conflicts_with.iter();
    let names = names.filter_map(|conflict| match conflict {
        Conflict::Service(name) => Some(name.clone()),
        Conflict::Process(_) | Conflict::Port(_) => None,
    });
    names.collect()
}

fn foreign(service: &model::Service) -> Vec<ForeignConflict> {
    let all = service.conflicts_with.iter();
    let all = all.filter_map(|conflict| match conflict {
        Conflict::Service(_) => None,
        Conflict::Process(name) => Some(ForeignConflict::Process(name.clone())),
        Conflict::Port(port) => Some(ForeignConflict::Port(*port)),
    });
    all.collect()
}

fn logs(logs: &model::Logs) -> LogPolicy {
    LogPolicy {
        max_size: logs.max_size,
        max_age: logs.max_age.map(|age| Duration::from_millis(age.0)),
        keep: logs.keep,
        max_total: logs.max_total,
        compress: logs.compress,
        overflow: match logs.overflow {
            model::Overflow::Block => Overflow::Block,
            model::Overflow::Drop => Overflow::Drop,
        },
    }
}

fn resources(resources: &model::Resources) -> Resources {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of processors is small and positive, and a cast saturates"
    )]
    let thousandths = |cpus: f64| (cpus * 1000.0).round() as u64;
    Resources {
        memory: resources.memory,
        cpu_millis: resources.cpus.map(thousandths),
        pids: resources.pids,
        open_files: resources.open_files,
        io_weight: resources.io_weight,
    }
}

fn probes(service: &model::Service) -> Vec<ProbeDefinition> {
    let roles = [
        (Role::Startup, &service.startup),
        (Role::Readiness, &service.readiness),
        (Role::Liveness, &service.liveness),
    ];
    let all = roles
        .into_iter()
        .flat_map(|(role, probes)| probes.iter().map(move |probe| definition(role, probe)));
    all.collect()
}

fn definition(role: Role, probe: &Probe) -> ProbeDefinition {
    ProbeDefinition {
        role,
        kind: kind(&probe.check).as_str().into(),
        check: json!(probe.check),
        interval: probe.interval.to_duration(),
        timeout: probe.timeout.to_duration(),
        failures: probe.failures,
        successes: probe.successes,
        delay: probe.delay.to_duration(),
    }
}

fn kind(check: &ProbeCheck) -> gantry_probe::Kind {
    use gantry_probe::Kind;
    match check {
        ProbeCheck::Http(_) => Kind::Http,
        ProbeCheck::Tcp(_) => Kind::Tcp,
        ProbeCheck::Command(_) => Kind::Command,
        ProbeCheck::File(_) => Kind::File,
        ProbeCheck::Log(_) => Kind::Log,
        ProbeCheck::Grpc(_) => Kind::Grpc,
        ProbeCheck::Notify(_) => Kind::Notify,
        ProbeCheck::Fd(_) => Kind::Fd,
    }
}
