//! The object that `gantry status -o json` prints: other tools rely on its fields.

use gantry_test::Sandbox;
use serde_json::Value;

use crate::support::{service, services};

const STATES: [&str; 12] = [
    "stopped",
    "waiting",
    "blocked",
    "starting",
    "running",
    "stopping",
    "failed",
    "backoff",
    "completed",
    "updating",
    "degraded",
    "unknown",
];

const FILE: &str = r#"
name = "contract"
[services.db]
ports = { sql = 0 }
[services.db.process]
command = ["sleep", "1000"]
[services.web]
depends-on = ["db"]
replicas = 2
[services.web.process]
command = ["sleep", "1000"]
[services.job]
job = true
[services.job.process]
command = ["true"]
"#;

#[track_caller]
fn check_shape(status: &Value, running: bool) {
    assert_eq!(status["stack"], "contract");
    assert!(
        status["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("gantry.toml"))
    );
    let supervisor = &status["supervisor"];
    if running {
        assert!(
            supervisor["pid"].is_u64() && supervisor["version"].is_string(),
            "{supervisor}"
        );
        is_time(&supervisor["since"]);
    } else {
        assert!(supervisor.is_null(), "{supervisor}");
    }
    for service in services(status) {
        check_service(service, running);
    }
}

#[track_caller]
fn check_service(service: &Value, running: bool) {
    let object = service.as_object().expect("a service is an object");
    for field in [
        "name",
        "mode",
        "state",
        "desired",
        "revision",
        "ready",
        "live",
        "pid",
        "instances",
        "restarts",
        "started_at",
        "uptime_s",
        "depends_on",
        "waits_for",
        "endpoints",
        "message",
    ] {
        assert!(
            object.contains_key(field),
            "{field} is missing in {service:#}"
        );
    }
    assert_eq!(service["mode"], "process");
    assert!(
        STATES.contains(&service["state"].as_str().expect("state")),
        "{service:#}"
    );
    assert!(service["restarts"].is_u64() && service["depends_on"].is_array());
    assert!(service["waits_for"].is_array() && service["endpoints"].is_array());
    for instance in service["instances"]
        .as_array()
        .expect("instances is an array")
    {
        for field in [
            "id",
            "state",
            "ready",
            "pid",
            "started_at",
            "restarts",
            "exit",
        ] {
            assert!(
                instance.get(field).is_some(),
                "{field} is missing in {instance:#}"
            );
        }
    }
    if running && service["state"] == "running" {
        is_time(&service["started_at"]);
        assert!(service["uptime_s"].is_number(), "{service:#}");
    }
}

/// RFC 3339, as in `2026-11-21T10:00:00.5Z`.
#[track_caller]
fn is_time(value: &Value) {
    let text = value.as_str().unwrap_or_default();
    let digits = |range: std::ops::Range<usize>| {
        text.get(range)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let marks = text.get(4..5) == Some("-") && text.get(10..11) == Some("T");
    assert!(
        digits(0..4) && digits(11..13) && marks,
        "{value} is no RFC 3339 time"
    );
}

#[test]
fn has_the_fields_of_the_contract() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", FILE);
    check_shape(&sandbox.status(), false);

    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    check_shape(&status, true);
    let names: Vec<_> = services(&status)
        .iter()
        .map(|service| service["name"].clone())
        .collect();
    let place = |name: &str| {
        names
            .iter()
            .position(|other| other == name)
            .expect("a service")
    };
    assert!(place("db") < place("web"), "start order: {names:?}");
    assert_eq!(
        service(&status, "web")["depends_on"],
        serde_json::json!(["db"])
    );
    assert_eq!(
        service(&status, "web")["instances"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(service(&status, "web")["instances"][0]["id"], "web.1");
    assert_eq!(service(&status, "job")["state"], "completed");
    let endpoint = &service(&status, "db")["endpoints"][0];
    assert_eq!(endpoint["name"], "sql");
    assert!(
        endpoint["url"]
            .as_str()
            .is_some_and(|url| url.contains("127.0.0.1:")),
        "{endpoint}"
    );

    sandbox.gantry(["stop", "web"]).expect(0);
    let status = sandbox.status();
    check_shape(&status, true);
    assert_eq!(service(&status, "web")["state"], "stopped");
    assert_eq!(service(&status, "web")["desired"], "stopped");

    sandbox.gantry(["down"]).expect(0);
    check_shape(&sandbox.status(), false);
    sandbox.expect_nothing_left();
}

#[test]
fn stop_refuses_while_a_dependent_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", FILE);
    sandbox.gantry(["up", "-d"]).expect(0);
    let refused = sandbox.gantry(["stop", "db"]);
    refused.expect(1);
    assert!(refused.stderr.contains("web"), "{}", refused.stderr);
    assert_eq!(service(&sandbox.status(), "db")["state"], "running");
    sandbox.gantry(["stop", "db", "--cascade"]).expect(0);
    let status = sandbox.status();
    assert_eq!(service(&status, "db")["state"], "stopped");
    assert_eq!(service(&status, "web")["state"], "stopped");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
