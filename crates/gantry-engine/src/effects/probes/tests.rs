use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gantry_core::{Generation, InstanceKey, ServiceKey};
use gantry_driver::Said;
use gantry_probe::{Address, Check, Outcome, Thresholds, tcp::TcpCheck};
use tokio::time::Instant;

use super::{BackendWord, PreparedProbe, Probes, Verdict};
use crate::definition::Role;

const INSTANCE: InstanceKey = InstanceKey {
    service: ServiceKey(0),
    slot: 0,
};

fn probe(role: Role, failures: u32) -> PreparedProbe {
    PreparedProbe {
        role,
        check: Check::Tcp(TcpCheck {
            address: Address::local(1),
        }),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(1),
        thresholds: Thresholds {
            failures,
            successes: 1,
        },
        delay: Duration::ZERO,
    }
}

async fn answer(probes: &mut Probes, healthy: bool, evidence: &str) -> Vec<Verdict> {
    let id = probes.next().await.expect("a probe");
    assert!(probes.due(id).is_some());
    let outcome = Outcome {
        healthy,
        evidence: evidence.into(),
        took: Duration::ZERO,
    };
    probes.note(id, &outcome).expect("watched").1
}

#[tokio::test(start_paused = true)]
async fn startup_comes_before_the_others_and_only_once() {
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Startup, 1), probe(Role::Readiness, 1)]);
    probes.watch(INSTANCE, Generation(1), &list, (true, true));
    let begin = Instant::now();
    let not = |text: &str| vec![Verdict::NotReady(text.into())];
    assert_eq!(answer(&mut probes, false, "booting").await, not("booting"));
    assert_eq!(begin.elapsed(), Duration::from_millis(20));
    assert_eq!(answer(&mut probes, false, "booting").await, []);
    assert_eq!(answer(&mut probes, true, "booted").await, []);
    assert_eq!(answer(&mut probes, false, "503").await, not("503"));
    assert_eq!(answer(&mut probes, true, "200").await, [Verdict::Ready]);
    // From here on only readiness is asked, at its interval.
    let begin = Instant::now();
    assert_eq!(answer(&mut probes, false, "503").await, not("503"));
    assert!(begin.elapsed() >= Duration::from_secs(9));
    assert_eq!(answer(&mut probes, true, "200").await, [Verdict::Ready]);
}

#[tokio::test(start_paused = true)]
async fn liveness_begins_when_it_is_ready_and_counts_after_its_first_success() {
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Readiness, 1), probe(Role::Liveness, 2)]);
    probes.watch(INSTANCE, Generation(1), &list, (true, true));
    assert_eq!(answer(&mut probes, true, "200").await, [Verdict::Ready]);
    probes.watch(INSTANCE, Generation(1), &list, (false, true));
    for _ in 0..5 {
        assert_eq!(answer(&mut probes, false, "an old file").await, []);
    }
    assert_eq!(
        answer(&mut probes, true, "a new file").await,
        [Verdict::Live]
    );
    assert_eq!(answer(&mut probes, false, "stuck").await, []);
    let dead = vec![Verdict::NotLive("stuck".into())];
    assert_eq!(answer(&mut probes, false, "stuck").await, dead);
}

#[tokio::test(start_paused = true)]
async fn all_probes_of_a_role_must_pass_and_an_old_answer_is_ignored() {
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Readiness, 1), probe(Role::Readiness, 1)]);
    probes.watch(INSTANCE, Generation(1), &list, (true, false));
    assert_eq!(answer(&mut probes, true, "one").await, []);
    assert_eq!(answer(&mut probes, true, "two").await, [Verdict::Ready]);
    let id = probes.next().await.expect("a probe");
    probes.watch(
        INSTANCE,
        Generation(2),
        &Arc::from(&list[..1]),
        (true, false),
    );
    assert!(probes.due(id).is_none());
    assert!(probes.note(id, &Outcome::unhealthy("late")).is_none());
    probes.unwatch(INSTANCE);
    assert!(probes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_told_is_not_asked_and_counts_when_its_turn_has_come() {
    let mut probes = Probes::default();
    let told = |role, check| PreparedProbe {
        check,
        ..probe(role, 1)
    };
    let list: Arc<[_]> = Arc::new([
        told(Role::Startup, Check::Fd(3)),
        told(Role::Readiness, Check::Notify),
        told(Role::Liveness, Check::Notify),
    ]);
    probes.watch(INSTANCE, Generation(1), &list, (true, true));
    assert!(probes.next().await.is_none(), "nobody asks");
    let mut said = Said::default();
    let not = |text: &str| vec![Verdict::NotReady(text.into())];
    let tell = |probes: &mut Probes, said: &Said| probes.tell(INSTANCE, Generation(1), said);
    assert_eq!(
        tell(&mut probes, &said),
        not("it has not written a line to descriptor 3")
    );
    // Before it has started, what it says of readiness waits.
    said.ready = true;
    said.watched = true;
    said.misses = 5;
    assert_eq!(tell(&mut probes, &said), []);
    said.misses = 0;
    said.line = gantry_driver::Line::Written;
    assert_eq!(tell(&mut probes, &said), [Verdict::Ready, Verdict::Live]);
    assert_eq!(tell(&mut probes, &said), []);
    said.misses = 1;
    let dead = vec![Verdict::NotLive(
        "it did not say WATCHDOG=1 within 10s".into(),
    )];
    assert_eq!(tell(&mut probes, &said), dead);
    said.misses = 0;
    said.stopping = true;
    assert_eq!(
        tell(&mut probes, &said),
        [vec![Verdict::Live], not("it said STOPPING=1")]
            .concat()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
    assert_eq!(probes.tell(INSTANCE, Generation(2), &said), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_says_counts_together_with_the_probes() {
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Readiness, 1), probe(Role::Liveness, 1)]);
    let says = |probes: &mut Probes, word| probes.tell_backend(INSTANCE, Generation(1), &word);
    probes.watch(INSTANCE, Generation(1), &list, (true, true));
    assert_eq!(says(&mut probes, BackendWord::Awaited), []);
    let id = probes.next().await.expect("the probe of readiness");
    probes.due(id).expect("it is watched");
    let (_, verdicts) = probes
        .note(id, &Outcome::healthy("answers"))
        .expect("it is watched");
    assert_eq!(verdicts, [], "the backend has not spoken");
    assert_eq!(says(&mut probes, BackendWord::Ready), [Verdict::Ready]);
    assert_eq!(says(&mut probes, BackendWord::Ready), []);
    let unwell = BackendWord::NotReady("unhealthy".into());
    let told = vec![Verdict::NotReady("unhealthy".into())];
    assert_eq!(says(&mut probes, unwell.clone()), told);
    assert_eq!(says(&mut probes, unwell), []);
    assert_eq!(says(&mut probes, BackendWord::Ready), [Verdict::Ready]);
    let of_another = probes.tell_backend(INSTANCE, Generation(2), &BackendWord::Awaited);
    assert_eq!(of_another, []);
}

#[tokio::test(start_paused = true)]
async fn without_probes_of_readiness_the_backend_decides_alone_and_lets_liveness_begin() {
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Liveness, 1)]);
    let says = |probes: &mut Probes, word| probes.tell_backend(INSTANCE, Generation(1), &word);
    probes.watch(INSTANCE, Generation(1), &list, (true, true));
    assert_eq!(says(&mut probes, BackendWord::Awaited), []);
    assert!(probes.next().await.is_none(), "it is not up yet");
    assert_eq!(says(&mut probes, BackendWord::Ready), [Verdict::Ready]);
    let id = probes.next().await.expect("the probe of liveness");
    assert_eq!(id.number(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_probes_wake_us_a_few_times() {
    const MANY: u32 = 1_000;
    let mut probes = Probes::default();
    let list: Arc<[_]> = Arc::new([probe(Role::Liveness, 1)]);
    for service in 0..MANY {
        let instance = InstanceKey {
            service: ServiceKey(service),
            slot: 0,
        };
        probes.watch(instance, Generation(1), &list, (false, true));
    }
    let mut moments = HashSet::new();
    for _ in 0..2 * MANY {
        let id = probes.next().await.expect("a probe");
        assert!(probes.due(id).is_some());
        moments.insert(Instant::now());
        let outcome = Outcome {
            healthy: true,
            evidence: String::new(),
            took: Duration::ZERO,
        };
        probes.note(id, &outcome).expect("watched");
    }
    // Twice in some 20 seconds, and every half second at most.
    assert!(moments.len() <= 42, "{} moments", moments.len());
    assert!(moments.len() > 20, "not all at once: {}", moments.len());
}
