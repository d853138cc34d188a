//! How long it takes to decide: a plan for ten thousand services, and bringing them up.
//!
//! The promises: the plan with its graph in 20 ms, and far less than 100 ms of thinking for all the
//! events of an `up`.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gantry_core::{
    Command, Condition, Dependency, Effect, Event, Graph, Millis, ModeName, OperationId,
    ServiceName, ServiceSpec, StopHow, Targets, World, plan,
};

const SERVICES: usize = 10_000;
const EDGES: usize = 3;

/// A stack in which each service needs three of the two hundred before it.
fn stack() -> Vec<ServiceSpec> {
    let mut random = 1_u64;
    let mut below = |end: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap_or(0) % end
    };
    let name = |number: usize| ServiceName::new(format!("service-{number}")).expect("a name");
    let mode = ModeName::new("process");
    let mut specs = Vec::with_capacity(SERVICES);
    for number in 0..SERVICES {
        let mut spec = ServiceSpec::new(name(number), mode.clone());
        if number > 200 {
            for _ in 0..EDGES {
                let on = name(number - 1 - below(200));
                spec.depends_on.push(Dependency::new(on, Condition::Ready));
            }
        }
        specs.push(spec);
    }
    specs
}

/// Brings the stack up and down again, answering every effect at once.
fn up_and_down(specs: Vec<ServiceSpec>) -> World {
    let mut world = World::new(1);
    let at = Millis(0);
    let mut effects = Vec::new();
    let operation = OperationId(1);
    let targets = Targets::AutoStart;
    let model = Event::Model {
        operation,
        specs: specs.into_iter().map(Into::into).collect(),
        changes: Vec::new(),
        targets,
        timeout: None,
    };
    world.apply(at, model, &mut effects);
    answer(&mut world, at, &mut effects);
    let operation = OperationId(2);
    let command = Command::Down {
        how: StopHow::Graceful,
    };
    world.apply(
        at,
        Event::Command {
            operation,
            command,
            timeout: None,
        },
        &mut effects,
    );
    answer(&mut world, at, &mut effects);
    assert!(world.is_at_rest(), "it is down again");
    world
}

fn answer(world: &mut World, at: Millis, effects: &mut Vec<Effect>) {
    let mut next = 0;
    while next < effects.len() {
        let event = match &effects[next] {
            Effect::Start { id, instance, .. } => Some(Event::Started {
                effect: *id,
                instance: *instance,
                pid: Some(1),
            }),
            Effect::Stop { id, instance, .. } => Some(Event::Stopped {
                effect: *id,
                instance: *instance,
                exit: None,
            }),
            _ => None,
        };
        next += 1;
        if let Some(event) = event {
            world.apply(at, event, effects);
        }
    }
    effects.clear();
}

fn benches(criterion: &mut Criterion) {
    let specs = stack();
    criterion.bench_function("graph/10000 services, 30000 edges", |bencher| {
        bencher.iter(|| Graph::of(&specs).expect("a graph").order());
    });
    criterion.bench_function("plan/10000 services, 30000 edges", |bencher| {
        bencher.iter(|| plan(&[], &specs, &[], &Targets::AutoStart).expect("a plan"));
    });
    criterion.bench_function("world/10000 services up and down", |bencher| {
        bencher.iter_batched(|| specs.clone(), up_and_down, BatchSize::LargeInput);
    });
}

criterion_group!(group, benches);
criterion_main!(group);
