use serde_json::json;

use super::*;

const BEGIN: &str = "2026-11-21T10:00:00.4Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn scope() -> Scope {
    Scope::beside("shop", "", "Event")
}

/// An event about the pod of this uid.
fn event(uid: &str, version: u64, time: &str, message: &str) -> Value {
    json!({
        "metadata": { "resourceVersion": version.to_string() },
        "involvedObject": { "kind": "Pod", "name": format!("web-{uid}"), "uid": uid },
        "type": "Normal",
        "reason": "Pulled",
        "message": message,
        "lastTimestamp": time,
    })
}

fn there(happenings: &mut Happenings, event: Value) -> bool {
    happenings.take(&scope(), &Change::There(event))
}

/// Pods a and b belong to a start that began at this time.
fn told(happenings: &mut Happenings, begun: &str) -> Vec<String> {
    let ripe = happenings.ripe(|about| {
        ["a", "b"].contains(&about.uid.as_str()).then(|| Owner {
            instance: InstanceId::new("web".parse().expect("a name"), 0),
            generation: Generation(1),
            begun: at(begun),
        })
    });
    let texts = ripe.into_iter().map(|event| match event {
        DriverEvent::Happened { child, text, .. } => format!("{child} {text}"),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

#[test]
fn an_event_is_told_once_and_again_when_it_counts_up() {
    let mut happenings = Happenings::new(at(BEGIN));
    assert!(there(
        &mut happenings,
        event("a", 5, "2026-11-21T10:00:02Z", "one\n line")
    ));
    assert_eq!(told(&mut happenings, BEGIN), ["pod/web-a Pulled: one line"]);
    assert!(told(&mut happenings, BEGIN).is_empty());
    let mut again = event("a", 9, "2026-11-21T10:00:05Z", "one");
    again["count"] = 2.into();
    again["type"] = "Warning".into();
    assert!(!there(&mut happenings, again.clone()));
    there(&mut happenings, again);
    assert_eq!(
        told(&mut happenings, BEGIN),
        ["pod/web-a Pulled: one (2 times)"]
    );
}

#[test]
fn a_watch_that_begins_anew_tells_only_what_was_missed() {
    let mut happenings = Happenings::new(at(BEGIN));
    let time = "2026-11-21T10:00:02Z";
    there(&mut happenings, event("a", 7, time, "first"));
    assert_eq!(told(&mut happenings, BEGIN).len(), 1);
    let all = [(7, "first"), (12, "third"), (9, "second")];
    happenings.take(&scope(), &Change::Begin);
    there(&mut happenings, event("a", 12, time, "third"));
    // It breaks off, and begins once more.
    assert!(told(&mut happenings, BEGIN).is_empty());
    happenings.take(&scope(), &Change::Begin);
    for (version, message) in all {
        there(&mut happenings, event("a", version, time, message));
    }
    happenings.take(&scope(), &Change::Whole);
    let mut found = told(&mut happenings, BEGIN);
    found.sort();
    assert_eq!(
        found,
        ["pod/web-a Pulled: second", "pod/web-a Pulled: third"]
    );
    there(&mut happenings, event("a", 12, time, "third"));
    assert!(told(&mut happenings, BEGIN).is_empty());
}

#[test]
fn only_what_happened_since_the_start_is_told() {
    let mut happenings = Happenings::new(at(BEGIN));
    let begun = "2026-11-21T10:05:00.7Z";
    for (version, time) in [
        (1, "2026-11-21T10:04:59Z"),
        (2, "2026-11-21T10:05:00.6Z"),
        (3, "2026-11-21T10:05:00Z"),
        (4, "2026-11-21T10:05:00.8Z"),
    ] {
        there(&mut happenings, event("a", version, time, time));
    }
    let found = told(&mut happenings, begun);
    // Of one that is told in whole seconds nobody knows whether it was before.
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!found.iter().any(|text| text.contains(":59Z")));
}

#[test]
fn what_an_earlier_session_may_have_told_is_not_told_again() {
    let mut happenings = Happenings::new(at(BEGIN));
    let earlier = "2026-11-21T09:00:00Z";
    happenings.take(&scope(), &Change::Begin);
    for (version, time) in [
        (1, "2026-11-21T09:59:59Z"),
        (2, "2026-11-21T10:00:00Z"),
        (3, "2026-11-21T10:00:00.3Z"),
        (4, "2026-11-21T10:00:00.5Z"),
        (5, "2026-11-21T10:00:01Z"),
    ] {
        there(
            &mut happenings,
            event("a", version, time, &version.to_string()),
        );
    }
    happenings.take(&scope(), &Change::Whole);
    assert_eq!(
        told(&mut happenings, earlier),
        ["pod/web-a Pulled: 4", "pod/web-a Pulled: 5"]
    );
    // What comes from then on was not there, whatever its time.
    there(&mut happenings, event("a", 6, "2026-11-21T10:00:00Z", "6"));
    assert_eq!(told(&mut happenings, earlier), ["pod/web-a Pulled: 6"]);
}

#[test]
fn an_event_waits_for_its_pod_and_few_wait_for_nobodys() {
    let mut happenings = Happenings::new(at(BEGIN));
    let time = "2026-11-21T10:00:02Z";
    there(&mut happenings, event("c", 1, time, "early"));
    assert!(told(&mut happenings, BEGIN).is_empty());
    assert_eq!(happenings.waiting.len(), 1);
    for version in 2..1_000 {
        there(
            &mut happenings,
            event("x", version, "2026-11-21T10:00:01Z", ""),
        );
    }
    assert_eq!(happenings.waiting.len(), ROOM);
    // The newest of them stay.
    assert!(
        happenings
            .waiting
            .iter()
            .any(|it| it.text == "Pulled: early")
    );
}

#[test]
fn other_kinds_are_none_of_its_business() {
    let mut happenings = Happenings::new(at(BEGIN));
    let mut of_a_set = event("a", 1, "2026-11-21T10:00:02Z", "");
    of_a_set["involvedObject"]["kind"] = "ReplicaSet".into();
    there(&mut happenings, of_a_set);
    assert!(happenings.waiting.is_empty());
    let pods = Scope::beside("shop", "", "Pod");
    assert!(!happenings.take(&pods, &Change::There(json!({}))));
}

#[test]
fn a_whole_second_is_taken_for_the_instant_in_it_that_is_nearest_to_now() {
    let mut happenings = Happenings::new(Timestamp::now() - SignedDuration::from_hours(1));
    let now = Timestamp::now();
    let second = Timestamp::from_second(now.as_second()).expect("a time");
    there(&mut happenings, event("a", 1, &second.to_string(), ""));
    let one = &happenings.waiting[0];
    let least = now.min(second + PART);
    assert!(
        one.at >= least && one.at <= second + PART,
        "{} {now}",
        one.at
    );
}

#[test]
fn who_made_an_object_is_its_controller() {
    let pod = json!({ "metadata": { "namespace": "shop", "ownerReferences": [
        { "apiVersion": "v1", "kind": "Node", "name": "one" },
        { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "controller": true },
    ] } });
    let key = maker(&pod).expect("a maker");
    assert_eq!(
        (key.short().as_str(), key.group.as_str()),
        ("replicaset/web-1", "apps")
    );
    assert_eq!(maker(&json!({ "metadata": {} })), None);
}
