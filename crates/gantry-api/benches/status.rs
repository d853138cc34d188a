//! The body of `GET /v1/status` of large stacks: written by the supervisor at each `gantry status`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gantry_api::{
    Desired, Endpoint, InstanceStatus, ServiceStatus, State, Status, Supervisor, VERSION,
};
use jiff::Timestamp;

fn service(number: u32, at: Timestamp) -> ServiceStatus {
    let name = format!("service-{number}");
    let pid = Some(10_000 + number);
    ServiceStatus {
        mode: "process".into(),
        state: State::Running,
        desired: Desired::Running,
        revision: 1,
        ready: true,
        live: true,
        pid,
        instances: vec![InstanceStatus {
            id: format!("{name}.1"),
            state: State::Running,
            ready: true,
            live: true,
            pid,
            started_at: Some(at),
            generation: 1,
            membership: Some("cgroup".into()),
            ..InstanceStatus::default()
        }],
        started_at: Some(at),
        uptime_s: Some(12.345),
        depends_on: vec![format!("service-{}", number / 2)],
        endpoints: vec![Endpoint {
            name: "http".into(),
            url: format!("http://127.0.0.1:{}", 20_000 + number),
            instance: None,
        }],
        name,
        ..ServiceStatus::default()
    }
}

fn bench(criterion: &mut Criterion) {
    let at = Timestamp::from_second(1_795_000_000).expect("a time");
    let mut group = criterion.benchmark_group("status");
    for count in [1_000, 10_000] {
        let status = Status {
            version: VERSION,
            stack: "large".into(),
            file: "/srv/large/gantry.toml".into(),
            supervisor: Some(Supervisor {
                pid: 1_000,
                version: "1.0.0".into(),
                since: at,
            }),
            strays: Vec::new(),
            services: (1..=count).map(|number| service(number, at)).collect(),
        };
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(BenchmarkId::new("written", count), |it| {
            it.iter(|| serde_json::to_vec(&status).expect("a status is JSON"));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
