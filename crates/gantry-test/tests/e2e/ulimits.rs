//! Limits of each process in a container.

use gantry_test::{Engine, Sandbox};

use crate::support::{restarts, wait_until_printed};

/// What a shell in a container says of its limits, soft ones first.
const ASK: &str = "ulimit -n; ulimit -Hn; ulimit -c; grep processes /proc/self/limits | tr -s ' ' | cut -d ' ' -f 4; echo asked; exec sleep 1000";

fn file(engine: &Engine, limits: &str) -> String {
    format!(
        "name = \"limits\"\n[services.api]\nstop = {{ grace = \"0s\" }}\nresources = {{ open-files = 100 }}\n\
         [services.api.container]\nimage = \"{}\"\nengine = \"{}\"\npull = \"never\"\nulimits = {{ {limits} }}\n\
         command = [\"sh\", \"-c\", \"{ASK}\"]\n",
        engine.image(),
        engine.address()
    )
}

fn limits_are_those_of_the_file(engine: &Engine) {
    let sandbox = Sandbox::new();
    let first = "nofile = { soft = 700, hard = 900 }, core = 0, nproc = 8000";
    sandbox.write("gantry.toml", &file(engine, first));
    sandbox.gantry(["up", "-d"]).expect(0);
    let mut said = vec!["700", "900", "0", "8000", "asked"];
    wait_until_printed(&sandbox, "api", &said);

    // What is absent is not limited, or as all modes have it.
    let second = "core = \"unlimited\", nproc = 7000";
    sandbox.write("gantry.toml", &file(engine, second));
    let plan = sandbox.gantry(["plan"]);
    let told = &plan.expect(0).stdout;
    assert!(told.contains("ulimits.nofile"), "{told}");
    assert!(told.contains("ulimits.core.soft"), "{told}");
    sandbox.gantry(["up", "-d"]).expect(0);
    said.extend(["100", "100", "unlimited", "7000", "asked"]);
    wait_until_printed(&sandbox, "api", &said);
    assert_eq!(restarts(&sandbox.status()), 0);
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn on_docker_limits_are_those_of_the_file() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("limits of processes", "a Docker engine");
    };
    limits_are_those_of_the_file(&engine);
}

#[test]
fn on_podman_limits_are_those_of_the_file() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("limits of processes", "a Podman engine");
    };
    limits_are_those_of_the_file(&engine);
}
