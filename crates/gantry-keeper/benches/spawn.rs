//! A hundred processes through the keeper: from the first request until the last is known to run. With
//! all that belongs to it: pipes, control groups, the ledger, the events.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gantry_keeper::protocol::{EventBody, LogPolicy, Request};

mod guard;

use guard::{Guard, spawn};

const COUNT: u32 = 100;

fn once(guard: &mut Guard, generation: u32) -> Duration {
    let begin = Instant::now();
    // In one write, as a supervisor does.
    let starts = (1..=COUNT).map(|number| {
        let name = format!("a.{number}");
        spawn(&name, generation, &["sleep", "1000"], LogPolicy::default())
    });
    guard.client.tell(starts).expect("starts");
    let started = |body: &EventBody| matches!(body, EventBody::Spawned { .. });
    guard.until(COUNT as usize, started);
    let took = begin.elapsed();
    for number in 1..=COUNT {
        let request = Request::Stop {
            instance: format!("a.{number}").parse().expect("a name"),
            generation,
            signal: 9,
            grace_ms: 0,
        };
        guard.client.ask(request).expect("a stop");
    }
    let stopped = |body: &EventBody| matches!(body, EventBody::Stopped { .. });
    guard.until(COUNT as usize, stopped);
    took
}

fn bench(criterion: &mut Criterion) {
    let mut guard = Guard::start();
    let mut generation = 0;
    let mut group = criterion.benchmark_group("keeper");
    group.throughput(Throughput::Elements(COUNT.into()));
    group.sample_size(10);
    group.bench_function("100 starts", |it| {
        it.iter_custom(|rounds| {
            let rounds = (0..rounds).map(|_| {
                generation += 1;
                once(&mut guard, generation)
            });
            rounds.sum()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
