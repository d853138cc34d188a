//! Exit codes are a promise to scripts; each failure names the service and the cause.

use std::time::{Duration, Instant};

use gantry_test::Sandbox;

#[track_caller]
fn expect_words(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn a_service_that_fails_gives_1() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"fails\"\n[services.good.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.broken]\nrestart = { policy = \"never\" }\nreadiness = { file = \"never-there\" }\n\
         [services.broken.process]\ncommand = [\"sh\", \"-c\", \"echo the disk is upside down >&2; exit 7\"]\n",
    );
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(1);
    expect_words(&run.stderr, &["broken", "7", "the disk is upside down"]);
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn a_wrong_stack_file_gives_2() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"wrong\"\n[services.api]\ndepend-on = [\"db\"]\nreplicas = \"many\"\n\
         [services.api.process]\ncommand = [\"sleep\", \"1000\"]\n",
    );
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(2);
    expect_words(
        &run.stderr,
        &["gantry.toml", "depend-on", "depends-on", "replicas"],
    );

    let run = sandbox.gantry(["validate", "-o", "json"]);
    let errors = run.expect(2).json()["errors"]
        .as_array()
        .cloned()
        .expect("errors is an array");
    assert_eq!(errors.len(), 2, "all errors at once: {errors:#?}");
    for error in &errors {
        assert!(
            error["file"]
                .as_str()
                .is_some_and(|file| file.ends_with("gantry.toml"))
        );
        assert!(error["line"].is_u64() && error["column"].is_u64() && error["message"].is_string());
    }
    assert_eq!(errors[0]["line"], 3);
    expect_words(&errors[0].to_string(), &["depend-on", "depends-on"]);
    sandbox.expect_nothing_left();
}

#[test]
fn wrong_usage_gives_2() {
    let sandbox = Sandbox::new();
    sandbox.gantry(["frobnicate"]).expect(2);
    sandbox.gantry(["up", "--frobnicate"]).expect(2);
    // No stack file in the folder or above.
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(2);
    expect_words(&run.stderr, &["gantry.toml"]);
}

#[test]
fn a_missing_program_gives_3() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        "name = \"missing\"\n[services.good.process]\ncommand = [\"sleep\", \"1000\"]\n\
         [services.ghost.process]\ncommand = [\"no-such-program-anywhere\"]\n",
    );
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(3);
    expect_words(&run.stderr, &["ghost", "no-such-program-anywhere", "PATH"]);
    // Pre-flight comes before anything starts.
    let left = sandbox.processes();
    assert!(
        left.iter().all(|process| process.command != "sleep 1000"),
        "{left:?}"
    );
}

#[test]
fn a_port_in_use_gives_3_and_names_its_holder() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("an address").port();
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        &format!(
            "name = \"taken\"\n[services.web]\nports = {{ http = {port} }}\n\
             [services.web.process]\ncommand = [\"sleep\", \"1000\"]\n"
        ),
    );
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(3);
    expect_words(
        &run.stderr,
        &["web", &port.to_string(), &std::process::id().to_string()],
    );
}

#[test]
fn one_that_does_not_get_ready_gives_4() {
    let sandbox = Sandbox::new();
    let file = |limit: &str| {
        format!(
            "name = \"slow\"\n[services.slow]\nports = {{ http = 0 }}\nreadiness = {{ tcp = \"http\" }}\n\
             {limit}\n[services.slow.process]\ncommand = [\"sleep\", \"1000\"]\n"
        )
    };
    sandbox.write("gantry.toml", &file("start-timeout = \"400ms\""));
    let begin = Instant::now();
    let run = sandbox.gantry(["up", "-d"]);
    run.expect(4);
    expect_words(&run.stderr, &["slow", "connect", "refused"]);
    assert!(begin.elapsed() < Duration::from_secs(5));
    sandbox.gantry(["down"]).expect(0);

    sandbox.write("gantry.toml", &file(""));
    let begin = Instant::now();
    let run = sandbox.gantry(["up", "-d", "--timeout", "400ms"]);
    run.expect(4);
    expect_words(&run.stderr, &["slow", "refused"]);
    assert!(begin.elapsed() < Duration::from_secs(5));
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}
