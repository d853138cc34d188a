//! What it costs to write down that something happened.

use camino::Utf8Path;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gantry_keeper::bench::Ledger;
use gantry_keeper::protocol::{Event, EventBody, ProcessId, Proof};

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = Utf8Path::from_path(folder.path()).expect("UTF-8");
    let mut ledger = Ledger::open(&dir.join("ledger")).expect("a ledger");
    let event = Event {
        sequence: 123_456,
        at_us: 1_795_000_000_000_000,
        body: EventBody::Spawned {
            instance: "service.1".parse().expect("a name"),
            generation: 1,
            process: ProcessId {
                pid: 12_345,
                start_time: 123_456,
                boot_id: "b7cf2b9c-9d7e-4f0e-8a52-2a1f53a2c7f1".into(),
            },
            proof: Proof::Cgroup,
            not_applied: Vec::new(),
        },
    };
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    group.bench_function("append", |it| {
        it.iter(|| ledger.append(&event).expect("a line"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
