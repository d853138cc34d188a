//! What only the mock does.

use futures::StreamExt;
use gantry_core::{Digest, EffectId, ExitStatus, Generation, InstanceId, Revision, StopHow};
use serde_json::json;

use super::*;
use crate::{DriverEvent, EventStream, Recorded, StartRequest, StopRequest};

async fn open(driver: &MockDriver, group: &str) -> (Arc<dyn Session>, EventStream) {
    let (sink, stream) = EventSink::channel();
    let target = driver.target(&json!({ "group": group })).unwrap();
    let session = driver.open(context("s"), target, sink).await.unwrap();
    (session, stream)
}

fn one() -> InstanceId {
    InstanceId::new(ServiceName::new("one").unwrap(), 0)
}

fn start(effect: u64, generation: u32, spec: Value) -> StartRequest {
    StartRequest {
        effect: EffectId(effect),
        instance: one(),
        generation: Generation(generation),
        from: Recorded {
            revision: Revision(1),
            digest: Digest::default(),
            spec: Arc::new(spec),
            settings: Arc::new(Settings::default()),
        },
        recreate: false,
        make: crate::Make::default(),
    }
}

fn stop(effect: u64, generation: u32, how: StopHow) -> StopRequest {
    StopRequest {
        effect: EffectId(effect),
        instance: one(),
        generation: Generation(generation),
        how,
        from: None,
    }
}

/// The names of the events that come until everything is quiet.
async fn heard(stream: &mut EventStream) -> Vec<String> {
    let mut names = Vec::new();
    let quiet = Duration::from_secs(5);
    while let Ok(Some(event)) = tokio::time::timeout(quiet, stream.next()).await {
        let text = format!("{event:?}");
        names.push(text.split(' ').next().unwrap_or("").to_owned());
    }
    names
}

#[tokio::test(start_paused = true)]
async fn the_backend_starts_it_again_by_itself() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "").await;
    session.start(vec![start(
        1,
        1,
        json!({"run-for": 1000, "restarts-itself": 100}),
    )]);
    tokio::time::sleep(Duration::from_millis(3500)).await;
    session.stop(vec![stop(2, 1, StopHow::Graceful)]);
    assert_eq!(
        heard(&mut stream).await,
        [
            "Started",
            "Restarted",
            "Restarted",
            "Restarted",
            "Exited",
            "Stopped"
        ]
    );
    assert_eq!(driver.starts("s", &one()), 1);
    assert!(driver.alive("s").is_empty());
}

#[tokio::test(start_paused = true)]
async fn children_come_late() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "").await;
    let spec = json!({"children": ["a"], "late-children": [{"name": "b", "after": 500}]});
    session.start(vec![start(1, 1, spec)]);
    assert_eq!(heard(&mut stream).await, ["Started", "Child", "Child"]);
    let seen = session.observe().await.unwrap();
    let names: Vec<_> = seen[0]
        .children
        .iter()
        .map(|child| child.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_when_the_backend_goes_is_lost_and_what_comes_later_waits() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "g").await;
    session.start(vec![start(
        1,
        1,
        json!({"start-delay": 1000, "group": "g"}),
    )]);
    tokio::time::sleep(Duration::from_millis(10)).await;
    driver.lose("g", "the cable is out");
    assert!(session.observe().await.is_err());
    session.stop(vec![stop(2, 1, StopHow::Kill)]);
    assert_eq!(heard(&mut stream).await, ["Unreachable", "Lost"]);
    assert_eq!(driver.alive("s"), [one()], "it came to life unseen");
    driver.regain("g");
    assert_eq!(heard(&mut stream).await, ["Reachable", "Exited", "Stopped"]);
}

#[tokio::test(start_paused = true)]
async fn groups_are_apart() {
    let driver = MockDriver::new();
    let (here, _here) = open(&driver, "here").await;
    let (there, mut heard_there) = open(&driver, "there").await;
    driver.lose("here", "a test says so");
    there.start(vec![start(1, 1, json!({"group": "there"}))]);
    assert_eq!(heard(&mut heard_there).await, ["Started"]);
    assert!(here.observe().await.is_err());
    assert_eq!(there.observe().await.unwrap().len(), 1);
    driver.regain("here");
    assert!(here.observe().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kill_may_be_resisted() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "").await;
    session.start(vec![start(
        1,
        1,
        json!({"ignore-stop": true, "resist-kill": 2000}),
    )]);
    session.stop(vec![stop(2, 9, StopHow::Graceful)]);
    // The stop overtook the start.
    assert_eq!(heard(&mut stream).await, ["Cancelled", "Stopped"]);
    session.start(vec![start(
        3,
        10,
        json!({"ignore-stop": true, "resist-kill": 2000}),
    )]);
    tokio::time::sleep(Duration::from_millis(1)).await;
    session.stop(vec![stop(4, 10, StopHow::Kill)]);
    assert_eq!(
        heard(&mut stream).await,
        ["Started", "StopResisted", "Exited", "Stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_first_starts_fail() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "").await;
    let spec = json!({"start-error": "not yet", "start-errors": 2});
    for (generation, end) in [(1, "StartFailed"), (2, "StartFailed"), (3, "Started")] {
        session.start(vec![start(u64::from(generation), generation, spec.clone())]);
        assert_eq!(heard(&mut stream).await, [end]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_test_decides_how_it_ends_and_injects_what_it_likes() {
    let driver = MockDriver::new();
    let (session, mut stream) = open(&driver, "").await;
    session.start(vec![start(1, 1, json!({}))]);
    tokio::time::sleep(Duration::from_millis(1)).await;
    driver.set_ready("s", &one(), true, "");
    driver.print("s", &one(), "a line");
    driver.exit("s", &one(), ExitStatus::Unknown("nobody saw it".into()));
    driver.inject(
        "s",
        &DriverEvent::Unreachable {
            reason: "made up".into(),
        },
    );
    assert_eq!(
        heard(&mut stream).await,
        ["Started", "Ready", "Exited", "Unreachable"]
    );
}
