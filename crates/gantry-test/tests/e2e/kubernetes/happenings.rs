//! What a cluster tells of pods is among the events, once each, and in the chart of the start.

use std::collections::HashSet;

use gantry_test::wait_until;
use serde_json::Value;

use super::{PATIENCE, SERVES, Stack, web};
use crate::support::kill_supervisor;

/// What was told of pods: which pod, and what.
fn told(stack: &Stack) -> Vec<(String, String)> {
    let events = stack.gantry(&["events", "web", "-o", "json"]);
    let lines = events.expect(0).stdout.lines();
    let events = lines.map(|line| serde_json::from_str(line).expect("an event"));
    let of_pods = events.filter(|event: &Value| event["kind"] == "backend");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    of_pods
        .map(|event| (text(&event["child"]), text(&event["message"])))
        .collect()
}

/// Whether each of these was told of one pod.
fn has_come_up(told: &[(String, String)], is_pod: impl Fn(&str) -> bool) -> bool {
    let said = |reason: &str| {
        let mut told = told.iter();
        told.any(|(pod, text)| is_pod(pod) && text.starts_with(reason))
    };
    ["Scheduled: ", "Pulled: ", "Created: ", "Started: "]
        .into_iter()
        .all(said)
}

fn expect_once(told: &[(String, String)]) {
    let different: HashSet<_> = told.iter().collect();
    assert_eq!(different.len(), told.len(), "told twice: {told:#?}");
}

#[test]
fn what_a_cluster_tells_of_pods_is_told_once() {
    let test = "kubernetes::happenings::what_a_cluster_tells_of_pods_is_told_once";
    let probed = web(SERVES).replace(
        "          command:",
        "          readinessProbe: { periodSeconds: 1, exec: { command: [sh, -c, 'test -e /tmp/again || { touch /tmp/again; exit 1; }'] } }\n          command:",
    );
    let Some(stack) = Stack::new(test, &probed) else {
        return;
    };
    stack.gantry(&["up", "-d"]).expect(0);
    let first = wait_until(
        PATIENCE,
        "its pod's events are told",
        || told(&stack),
        |told| {
            has_come_up(told, |_| true)
                && told.iter().any(|(_, text)| text.starts_with("Unhealthy: "))
        },
    );
    expect_once(&first);
    let pod = first[0].0.clone();
    assert!(pod.starts_with("pod/web-"), "{first:#?}");

    let chart = stack.gantry(&["timeline", "-o", "json"]);
    let chart: Value = serde_json::from_str(&chart.expect(0).stdout).expect("one object");
    let events = chart["services"][0]["events"].as_array().expect("events");
    let mut reasons = events.iter().filter_map(|event| event["message"].as_str());
    assert!(
        reasons
            .next()
            .is_some_and(|text| text.starts_with("Scheduled: ")),
        "{chart:#}"
    );
    assert!(
        reasons.any(|text| text.starts_with("Started: ")),
        "{chart:#}"
    );
    let times: Vec<_> = events.iter().map(|event| event["at_ms"].as_u64()).collect();
    assert!(times.is_sorted(), "{chart:#}");
    assert_eq!(chart["critical_chain"][0]["service"], "web", "{chart:#}");

    // Another supervisor does not tell it again, and goes on where the other one was.
    kill_supervisor(&stack.sandbox);
    let stranger = ["run", "stranger", "--image=busybox:1.36", "--restart=Never"];
    let stranger = stranger.iter().chain(&["--", "sleep", "100"]).copied();
    stack.kubectl(&stranger.collect::<Vec<_>>()).expect(0);
    let name = pod.trim_start_matches("pod/");
    stack.kubectl(&["delete", "pod", name]).expect(0);
    let all = wait_until(
        PATIENCE,
        "the next pod's events are told",
        || told(&stack),
        |told| has_come_up(told, |other| other != pod),
    );
    assert_eq!(all[..first.len()], first);
    expect_once(&all);
    assert!(
        !all.iter().any(|(pod, _)| pod.contains("stranger")),
        "{all:#?}"
    );
    stack
        .kubectl(&["delete", "pod", "stranger", "--now"])
        .expect(0);
    stack.gantry(&["down"]).expect(0);
}
