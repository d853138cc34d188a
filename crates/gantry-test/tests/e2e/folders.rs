//! What `up` makes of a build folder that has changed under a service that runs.

use std::fs;

use gantry_test::{Engine, Run, Sandbox};

use crate::support::{pids, restarts, service, stack_id, wait_until_printed};

/// Two services that are built, and one that is not.
fn sandbox(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut file = "name = \"folders\"\n".to_owned();
    for name in ["one", "two"] {
        let service = format!(
            "[services.{name}]\nstop = {{ grace = \"0s\" }}\n[services.{name}.container]\nengine = \"{}\"\n\
             build = \"{name}\"\n",
            engine.address()
        );
        file.push_str(&service);
        fs::create_dir(sandbox.path("stack").join(name)).expect("a folder");
        let dockerfile = format!(
            "FROM {}\nCOPY text /text\nCMD [\"sh\", \"-c\", \"cat /text; exec sleep 1000\"]\n",
            engine.image()
        );
        sandbox.write(format!("{name}/Dockerfile"), &dockerfile);
        sandbox.write(format!("{name}/text"), "first\n");
    }
    let plain = format!(
        "[services.plain]\nstop = {{ grace = \"0s\" }}\n[services.plain.container]\nengine = \"{}\"\nimage = \"{}\"\n\
         pull = \"never\"\ncommand = [\"sleep\", \"1000\"]\n",
        engine.address(),
        engine.image()
    );
    file.push_str(&plain);
    sandbox.write("gantry.toml", &file);
    sandbox
}

fn pid(sandbox: &Sandbox, service: &str) -> u64 {
    let id = format!("{service}.1");
    let all = pids(&sandbox.status());
    let found = all.into_iter().find(|(name, _)| *name == id);
    found.expect("it runs").1
}

fn only_what_changed_is_made_anew(engine: &Engine) {
    let sandbox = sandbox(engine);
    let up = |words: &[&str]| -> Run { sandbox.gantry([&["up", "-d"], words].concat()) };
    let none = up(&["--no-build"]);
    let said = &none.expect(3).stderr;
    assert!(said.contains("no image that was built for one"), "{said}");
    up(&[]).expect(0);
    wait_until_printed(&sandbox, "one", &["first"]);
    let before = ["one", "two", "plain"].map(|name| pid(&sandbox, name));

    // Nothing has changed.
    let plan = sandbox.gantry(["plan"]);
    assert!(plan.expect(0).stdout.starts_with("Nothing to do"));
    up(&[]).expect(0);
    assert_eq!(
        ["one", "two", "plain"].map(|name| pid(&sandbox, name)),
        before
    );

    sandbox.write("one/text", "second\n");
    let plan = sandbox.gantry(["plan"]);
    let told = &plan.expect(0).stdout;
    assert!(
        told.contains("recreate  one      its build folder changed"),
        "{told}"
    );
    assert!(!told.contains("two"), "{told}");
    // Who forbids it goes on with what there is.
    up(&["--no-build"]).expect(0);
    assert_eq!(pid(&sandbox, "one"), before[0]);
    up(&[]).expect(0);
    wait_until_printed(&sandbox, "one", &["first", "second"]);
    assert_ne!(pid(&sandbox, "one"), before[0]);
    assert_eq!(
        ["two", "plain"].map(|name| pid(&sandbox, name)),
        before[1..]
    );

    // A restart has taken it up by itself: nothing is left to do.
    sandbox.write("one/text", "third\n");
    sandbox.gantry(["restart", "one"]).expect(0);
    wait_until_printed(&sandbox, "one", &["first", "second", "third"]);
    let plan = sandbox.gantry(["plan"]);
    let told = &plan.expect(0).stdout;
    assert!(told.starts_with("Nothing to do"), "{told}");

    // A folder that cannot be built from ends nobody's life.
    fs::rename(sandbox.path("stack/two"), sandbox.path("stack/gone")).expect("it is moved");
    sandbox.gantry(["up", "-d"]).expect(0);
    assert_eq!(pid(&sandbox, "two"), before[1]);
    fs::rename(sandbox.path("stack/gone"), sandbox.path("stack/two")).expect("it is moved");

    // What is stopped meanwhile starts from what was built last, if nothing may be built.
    sandbox.gantry(["stop", "one"]).expect(0);
    sandbox.write("one/text", "fourth\n");
    up(&["--no-build"]).expect(0);
    wait_until_printed(&sandbox, "one", &["first", "second", "third", "third"]);
    assert_eq!(restarts(&sandbox.status()), 0);
    let id = stack_id(&sandbox);
    sandbox.gantry(["down", "--purge"]).expect(0);
    assert_eq!(engine.images_of(&id), [""; 0]);
}

/// What an image is built from besides its folder: here another image of the same name.
fn a_new_base_counts_for_who_asks(engine: &Engine) {
    let sandbox = sandbox(engine);
    let base = format!("{}-base:1", stack_name(&sandbox));
    let make_base = |text: &str| {
        let change = format!("ENV SAID={text}");
        let container = engine
            .say(&["create", engine.image(), "true"])
            .expect("made");
        let committed = engine.say(&["commit", "--change", &change, &container, &base]);
        engine.say(&["rm", &container]).expect("it is removed");
        committed.expect("an image");
    };
    make_base("old");
    let dockerfile =
        format!("FROM {base}\nCMD [\"sh\", \"-c\", \"echo $SAID; exec sleep 1000\"]\n");
    sandbox.write("one/Dockerfile", &dockerfile);
    sandbox.gantry(["up", "-d"]).expect(0);
    wait_until_printed(&sandbox, "one", &["old"]);
    let two = pid(&sandbox, "two");
    sandbox.gantry(["up", "-d", "--build"]).expect(0);
    wait_until_printed(&sandbox, "one", &["old"]);
    make_base("new");
    sandbox.gantry(["up", "-d"]).expect(0);
    wait_until_printed(&sandbox, "one", &["old"]);
    sandbox.gantry(["up", "-d", "--build"]).expect(0);
    wait_until_printed(&sandbox, "one", &["old", "new"]);
    assert_eq!(pid(&sandbox, "two"), two);

    // What cannot be built is told, and what runs goes on.
    let one = pid(&sandbox, "one");
    sandbox.write(
        "one/Dockerfile",
        &format!("FROM {base}\nRUN echo no luck; exit 3\n"),
    );
    let failed = sandbox.gantry(["up", "-d", "--build"]);
    let said = &failed.expect(1).stderr;
    assert!(said.contains("failed to build its image from"), "{said}");
    assert!(said.contains("| no luck"), "{said}");
    assert_eq!(pid(&sandbox, "one"), one);
    assert_eq!(service(&sandbox.status(), "one")["state"], "running");
    sandbox.gantry(["down", "--purge"]).expect(0);
    engine
        .say(&["rmi", "--force", &base])
        .expect("it is removed");
}

/// A name that no other test has.
fn stack_name(sandbox: &Sandbox) -> String {
    let folder = sandbox.home().to_string_lossy().to_lowercase();
    let known = folder.chars().filter(char::is_ascii_alphanumeric);
    known.collect()
}

#[test]
fn on_docker_only_what_changed_is_made_anew() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("folders that change", "a Docker engine");
    };
    only_what_changed_is_made_anew(&engine);
}

#[test]
fn on_podman_only_what_changed_is_made_anew() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("folders that change", "a Podman engine");
    };
    only_what_changed_is_made_anew(&engine);
}

#[test]
fn on_docker_a_new_base_counts_for_who_asks() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("bases that change", "a Docker engine");
    };
    a_new_base_counts_for_who_asks(&engine);
}

#[test]
fn on_podman_a_new_base_counts_for_who_asks() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("bases that change", "a Podman engine");
    };
    a_new_base_counts_for_who_asks(&engine);
}
