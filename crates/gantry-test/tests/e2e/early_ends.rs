//! What ends before it is ready follows its restart policy, however it runs.

use std::time::Duration;

use gantry_test::{Engine, Sandbox};
use serde_json::{Value, json};

use crate::support::service;

/// Services that end at once, each with a probe that would never pass, or is not there.
fn file(mode: &str, lines: &str) -> String {
    let mut file = "name = \"early\"\n".to_owned();
    let services = [
        ("never", "exit 3", "never", true),
        ("failing", "exit 3", "on-failure", true),
        ("unprobed", "exit 3", "on-failure", false),
        ("well", "exit 0", "on-failure", true),
        ("always", "exit 0", "always", true),
    ];
    for (name, command, policy, probed) in services {
        let probe = if probed {
            "readiness = { file = \"/nowhere/at/all\" }\n"
        } else {
            ""
        };
        let service = format!(
            "[services.{name}]\nrestart = {{ policy = \"{policy}\", backoff = \"10ms..20ms\", max = 2 }}\n{probe}\
             [services.{name}.{mode}]\ncommand = [\"sh\", \"-c\", \"echo here; {command}\"]\n{lines}\n"
        );
        file.push_str(&service);
    }
    file
}

/// The exit code of an `up`, and how every service stands after it.
fn ends(mode: &str, lines: &str) -> Value {
    let sandbox = Sandbox::new();
    sandbox.write("gantry.toml", &file(mode, lines));
    let mut ends = serde_json::Map::new();
    for name in ["never", "failing", "unprobed", "well", "always"] {
        let run = sandbox.gantry(["up", "-d", "--timeout", "60s", name]);
        let end = gantry_test::wait_until(
            Duration::from_mins(1),
            "it is over",
            || sandbox.status(),
            |status| {
                let state = service(status, name)["state"].as_str();
                matches!(state, Some("failed" | "completed"))
            },
        );
        let one = service(&end, name);
        // Without a probe it was as it should be until it was heard that it has ended.
        let code = (name != "unprobed").then_some(run.code);
        ends.insert(
            name.to_owned(),
            json!({
                "code": code, "state": one["state"], "restarts": one["restarts"],
                "stage": one["failure"]["stage"], "exit": one["failure"]["exit"],
                "reason": one["failure"]["reason"],
            }),
        );
    }
    sandbox.gantry(["down"]).expect(0);
    Value::Object(ends)
}

fn containers_end_as_processes_do(engine: &Engine) {
    let lines = format!(
        "image = \"{}\"\nengine = \"{}\"\npull = \"never\"",
        engine.image(),
        engine.address()
    );
    let processes = ends("process", "");
    assert_eq!(processes["failing"]["state"], "failed", "{processes:#}");
    assert_eq!(processes["failing"]["restarts"], 2, "{processes:#}");
    assert_eq!(processes["never"]["restarts"], 0, "{processes:#}");
    let containers = ends("container", &lines);
    assert_eq!(containers, processes, "{containers:#}\n{processes:#}");
}

#[test]
fn on_docker_containers_end_as_processes_do() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("early ends", "a Docker engine");
    };
    containers_end_as_processes_do(&engine);
}

#[test]
fn on_podman_containers_end_as_processes_do() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("early ends", "a Podman engine");
    };
    containers_end_as_processes_do(&engine);
}
