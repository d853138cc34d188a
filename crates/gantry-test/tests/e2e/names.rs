//! Containers with names of the user's own.

use gantry_test::{Engine, Sandbox, wait_until};

use crate::support::{PATIENCE, kill_supervisor, pids, restarts, stack_id};

fn write(sandbox: &Sandbox, engine: &Engine, name: &str) {
    let file = format!(
        "name = \"named\"\n[services.api]\nstop = {{ grace = \"0s\" }}\n[services.api.container]\n\
         image = \"{}\"\nengine = \"{}\"\npull = \"never\"\ncommand = [\"sleep\", \"1000\"]\nname = \"{name}\"\n",
        engine.image(),
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
}

/// The names of a stack's containers and networks.
fn names(engine: &Engine, sandbox: &Sandbox) -> Vec<String> {
    engine.things_of(&stack_id(sandbox))
}

fn a_name_is_one_stacks(engine: &Engine) {
    // Other tests use the same engine, now or after a failure.
    let sandbox = Sandbox::new();
    let name = |end: &str| {
        let folder = sandbox.home().to_string_lossy().to_lowercase();
        let known = folder.chars().filter(char::is_ascii_alphanumeric);
        format!("n{}-{end}", known.collect::<String>())
    };
    let (first, second) = (name("first"), name("second"));
    write(&sandbox, engine, &first);
    sandbox.gantry(["up", "-d"]).expect(0);
    assert!(names(engine, &sandbox).contains(&first));

    // It is the instance's wherever it is looked for.
    let said = sandbox.gantry(["exec", "-T", "api", "--", "echo", "here"]);
    assert_eq!(said.expect(0).stdout, "here\n");
    let before = pids(&sandbox.status());
    kill_supervisor(&sandbox);
    let found = |status: &serde_json::Value| pids(status) == before;
    wait_until(PATIENCE, "it is found again", || sandbox.status(), found);
    engine.say(&["kill", &first]).expect("it is killed");
    let again = |status: &serde_json::Value| restarts(status) == 1 && !pids(status).is_empty();
    wait_until(PATIENCE, "it is started again", || sandbox.status(), again);
    sandbox.gantry(["restart", "api"]).expect(0);

    // Somebody else is refused, and told who has it.
    let other = Sandbox::new();
    write(&other, engine, &first);
    let up = other.gantry(["up", "-d"]);
    let said = &up.expect(3).stderr;
    assert!(said.contains(&first), "{said}");
    let holder = format!("is the stack {}'s", stack_id(&sandbox));
    assert!(said.contains(&holder), "{said}");

    // A new name leaves nothing of the old one.
    write(&sandbox, engine, &second);
    sandbox.gantry(["up", "-d"]).expect(0);
    let there = names(engine, &sandbox);
    assert!(
        there.contains(&second) && !there.contains(&first),
        "{there:?}"
    );

    // A stranger has the old one now.
    engine
        .say(&["create", "--name", &first, engine.image(), "true"])
        .expect("it is made");
    let up = other.gantry(["up", "-d"]);
    engine.say(&["rm", &first]).expect("it is there still");
    let said = &up.expect(3).stderr;
    assert!(said.contains("is not gantry's"), "{said}");
    sandbox.gantry(["down"]).expect(0);
    assert_eq!(names(engine, &sandbox), Vec::<String>::new());
}

#[test]
fn on_docker_a_name_is_one_stacks() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("names of containers", "a Docker engine");
    };
    a_name_is_one_stacks(&engine);
}

#[test]
fn on_podman_a_name_is_one_stacks() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("names of containers", "a Podman engine");
    };
    a_name_is_one_stacks(&engine);
}
