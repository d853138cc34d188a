//! Secrets that a command tells.

use gantry_test::Sandbox;

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
