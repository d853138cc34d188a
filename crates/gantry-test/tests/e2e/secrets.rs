//! Secrets that a command tells, or the environment.

use gantry_test::{Run, Sandbox};

#[test]
fn the_command_runs_in_the_stacks_folder_from_the_first_up_on() {
    let sandbox = Sandbox::new();
    sandbox.write("token.txt", "open sesame\n");
    sandbox.write(
        "gantry.toml",
        r#"
name = "shop"

[services.api]
env.TOKEN = { from-command = ["cat", "token.txt"] }
process.command = ["sh", "-c", "echo $$GANTRY_STACK has a word of $$(printf %s \"$$TOKEN\" | wc -c); exec sleep 1000"]
readiness.log = "has a word"
"#,
    );
    sandbox.gantry(["up", "-d"]).expect(0);
    let logs = sandbox.gantry(["logs", "api"]);
    assert!(logs.stdout.contains("shop has a word of 11"), "{logs:?}");
    sandbox.gantry(["down"]).expect(0);
    sandbox.expect_nothing_left();
}

#[test]
fn variables_are_those_of_the_up_that_is_run() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "gantry.toml",
        r#"
name = "shop"

[services.api]
env.TOKEN = { from-env = "GANTRY_TEST_TOKEN" }
process.command = ["sh", "-c", "echo has $$TOKEN; exec sleep 1000"]
readiness.log = "has"
"#,
    );
    let run = |words: &[&str], token: Option<&str>| {
        let mut command = sandbox.command(words);
        match token {
            Some(token) => command.env("GANTRY_TEST_TOKEN", token),
            None => command.env_remove("GANTRY_TEST_TOKEN"),
        };
        Run::from(gantry_test::output(&mut command))
    };
    run(&["up", "-d"], Some("one")).expect(0);
    let same = run(&["plan"], Some("one"));
    assert!(same.stdout.contains("Nothing to do"), "{same:?}");
    let other = run(&["plan"], Some("two"));
    assert!(other.stdout.contains("its secrets changed"), "{other:?}");
    assert!(!other.stdout.contains("two"), "{other:?}");
    run(&["up", "-d"], Some("two")).expect(0);
    // A restart has what the last `up` was given.
    run(&["restart", "api"], None).expect(0);
    let logs = run(&["logs", "api", "--raw"], None);
    assert_eq!(logs.stdout, "has one\nhas two\nhas two\n");
    let gone = run(&["up", "-d"], None);
    gone.expect(1);
    assert!(gone.stderr.contains("it is not set"), "{gone:?}");
    run(&["down"], None).expect(0);
    sandbox.expect_nothing_left();
}
