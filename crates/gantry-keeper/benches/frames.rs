//! What a thousand starts cost on the wire between supervisor and keeper: the requests, and the events
//! that answer them, by the one who writes and by the one who reads.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gantry_keeper::protocol::{
    Command, Event, EventBody, FrameBody, FrameReader, InstanceName, LogPolicy, Message, ProcessId,
    Proof, Request, RequestFrame, Spawn, encode,
};

const STARTS: u32 = 1_000;

/// As many events as a keeper sends at once.
const BATCH: usize = 32;

fn requests() -> Vec<RequestFrame> {
    let name = |number| InstanceName::new("service", number).expect("a name");
    let request = |number: u32| RequestFrame {
        id: number.into(),
        request: Request::Spawn(Spawn {
            instance: name(number),
            generation: 1,
            command: Box::new(Command {
                argv: vec!["/usr/bin/service".into(), "--port".into(), "8080".into()],
                inherit_env: true,
                env: (0..6)
                    .map(|number| (format!("GANTRY_VARIABLE_{number}"), "a value".into()))
                    .collect(),
                cwd: "/srv/service".into(),
                ..Command::default()
            }),
            log: LogPolicy::default(),
        }),
    };
    (1..=STARTS).map(request).collect()
}

fn events() -> Vec<Message> {
    let event = |number: u32| Event {
        sequence: number.into(),
        at_us: 1_795_000_000_000_000,
        body: EventBody::Spawned {
            instance: InstanceName::new("service", number).expect("a name"),
            generation: 1,
            process: ProcessId {
                pid: number,
                start_time: 123_456,
                boot_id: "b7cf2b9c-9d7e-4f0e-8a52-2a1f53a2c7f1".into(),
            },
            proof: Proof::Cgroup,
            not_applied: Vec::new(),
        },
    };
    let all: Vec<Event> = (1..=STARTS).map(event).collect();
    let batch = |events: &[Event]| Message::Events {
        events: events.to_vec(),
    };
    all.chunks(BATCH).map(batch).collect()
}

fn frames<T: serde::Serialize>(all: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for one in all {
        encode(one, &mut bytes).expect("a frame");
    }
    bytes
}

fn count<T: FrameBody>(bytes: &[u8]) -> usize {
    let mut reader = FrameReader::new();
    let mut count = 0;
    for piece in bytes.chunks(16 * 1024) {
        reader.push(piece);
        while reader.next::<T>().expect("whole frames").is_some() {
            count += 1;
        }
    }
    count
}

fn bench(criterion: &mut Criterion) {
    let (requests, events) = (requests(), events());
    let (asked, told) = (frames(&requests), frames(&events));
    assert_eq!(count::<RequestFrame>(&asked), requests.len());
    assert_eq!(count::<Message>(&told), events.len());
    let mut group = criterion.benchmark_group("1000 starts");
    group.throughput(Throughput::Elements(STARTS.into()));
    group.bench_function("requests written", |it| it.iter(|| frames(&requests)));
    group.bench_function("requests read", |it| {
        it.iter(|| count::<RequestFrame>(&asked));
    });
    group.bench_function("events written", |it| it.iter(|| frames(&events)));
    group.bench_function("events read", |it| it.iter(|| count::<Message>(&told)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
