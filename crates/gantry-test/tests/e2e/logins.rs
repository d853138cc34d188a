//! Images of a registry that wants a password.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gantry_test::{Engine, Run, Sandbox};

use crate::own::Own;
use crate::registry::{Place, Registry};
use crate::support::printed;

/// `user` and `tell-nobody`, as the header and as files of logins have it.
const RIGHT: &str = "dXNlcjp0ZWxsLW5vYm9keQ==";
const HEADER: &str = "Basic dXNlcjp0ZWxsLW5vYm9keQ==";
/// `user` and `guessed`.
const WRONG: &str = "dXNlcjpndWVzc2Vk";

/// A stack with an image of that registry.
fn sandbox(engine: &Engine, registry: &Registry) -> Sandbox {
    let sandbox = Sandbox::new();
    let file = format!(
        "name = \"login\"\n[services.api]\njob = true\nrestart = {{ policy = \"never\" }}\n[services.api.container]\n\
         image = \"{}\"\nengine = \"{}\"\ncommand = [\"echo\", \"here\"]\n",
        registry.image("1"),
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
    sandbox
}

/// An `up` of a user whose clients keep this login for the registry, in one of their files.
fn up(sandbox: &Sandbox, registry: &Registry, file: &str, login: &str) -> Run {
    let text = format!(r#"{{"auths": {{"{}": {login}}}}}"#, registry.address);
    up_with(sandbox, file, &text)
}

fn up_with(sandbox: &Sandbox, file: &str, text: &str) -> Run {
    for name in ["config.json", "auth.json"] {
        // It may not be there yet.
        let _ = fs::remove_file(sandbox.path("stack").join(name));
    }
    sandbox.write(file, text);
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", sandbox.path("programs").display());
    let mut command = sandbox.command(["up", "-d"]);
    command
        .env("DOCKER_CONFIG", sandbox.path("stack"))
        .env("REGISTRY_AUTH_FILE", sandbox.path("stack/auth.json"))
        .env("PATH", path);
    command.output().expect("gantry runs").into()
}

/// A program that keeps logins, in the user's `PATH`.
fn helper(sandbox: &Sandbox, name: &str, script: &str) {
    let folder = sandbox.path("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
}

/// Everything that gantry itself has written.
fn written(folder: &Path, text: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            written(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            text.extend(bytes);
        }
    }
}

fn only_who_logs_in_gets_images(engine: &Engine, registry: &Registry, refused: i32) {
    let sandbox = sandbox(engine, registry);
    let said = up(&sandbox, registry, "config.json", "{}");
    let said = &said.expect(refused).stderr;
    assert!(said.contains("there is no login for it in"), "{said}");

    let kept = r#"{"credsStore": "desktop", "auths": {"ADDRESS": {}}}"#;
    let kept = kept.replace("ADDRESS", &registry.address);
    let said = up_with(&sandbox, "config.json", &kept);
    let said = &said.expect(refused).stderr;
    assert!(said.contains("docker-credential-desktop"), "{said}");

    helper(&sandbox, "desktop", "echo credentials not found; exit 1");
    let said = up_with(&sandbox, "config.json", &kept).stderr;
    assert!(said.contains("credentials not found"), "{said}");

    let wrong = format!(r#"{{"auth": "{WRONG}"}}"#);
    let said = up(&sandbox, registry, "config.json", &wrong);
    let said = &said.expect(refused).stderr;
    assert!(said.contains("config.json was used"), "{said}");

    let right = format!(r#"{{"auth": "{RIGHT}"}}"#);
    // The program is told for which registry on its input, as Docker does it.
    let answer = r#"{"ServerURL": "", "Username": "user", "Secret": "tell-nobody"}"#;
    helper(
        &sandbox,
        "desktop",
        &format!(
            "test \"$1\" = get && test \"$(cat)\" = {} && echo '{answer}'",
            registry.address
        ),
    );
    for file in ["config.json", "auth.json", "desktop"] {
        match file {
            "desktop" => up_with(&sandbox, "config.json", &kept).expect(0),
            file => up(&sandbox, registry, file, &right).expect(0),
        };
        assert_eq!(
            printed(&sandbox, "api").last().map(String::as_str),
            Some("here")
        );
        let mut text = Vec::new();
        written(&sandbox.home(), &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        for secret in ["tell-nobody", RIGHT, "guessed", WRONG] {
            assert!(!text.contains(secret), "{secret} is in gantry's own files");
        }
        for process in sandbox.processes() {
            assert!(
                !process.command.contains("tell-nobody"),
                "{}",
                process.command
            );
        }
        sandbox.gantry(["down", "--purge"]).expect(0);
        engine
            .say(&["rmi", &registry.image("1")])
            .expect("it is removed");
    }
}

#[test]
fn on_docker_only_who_logs_in_gets_images() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("a registry with a password", "a Docker engine");
    };
    let registry = Registry::at(Place::new(), &engine, Some(HEADER));
    // It asks the registry beforehand.
    only_who_logs_in_gets_images(&engine, &registry, 3);
}

#[test]
fn on_podman_only_who_logs_in_gets_images() {
    let place = Place::new();
    let Some((_own, engine)) = Own::podman(&[&place.address()]) else {
        return gantry_test::skip("a registry with a password", "root and Podman");
    };
    let registry = Registry::at(place, &engine, Some(HEADER));
    only_who_logs_in_gets_images(&engine, &registry, 1);
}
