//! What is wrong with Compose projects, told before anything is started. The engine is a fake, as for containers; files
//! are read by the real `docker-compose`, and where there is none, these tests are skipped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use insta::assert_snapshot;

use crate::containers::{Answer, engine};
use crate::support::{Stack, program_folder};

const SITE: &str = "\
services:
  db: { image: db, pull_policy: never }
  site:
    image: site
    profiles: [front]
    depends_on: [db]
";

/// Another project has what this one wants.
const TAKEN: &[Answer] = &[
    ("/images/db/json", 200, r#"{"Id":"sha256:1"}"#),
    (
        "/containers/json",
        200,
        r#"[{"Id":"1","Names":["/old-db-1"],"Image":"db","Labels":{"com.docker.compose.project":"old"},
             "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":64998,"Type":"tcp"}]}]"#,
    ),
];

const HAS_DB: &[Answer] = &[("/images/db/json", 200, r#"{"Id":"sha256:1"}"#)];

/// What such an engine says of itself.
const PODMAN: &[Answer] = &[(
    "/version",
    200,
    r#"{"Version":"4.3.1","ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}"#,
)];

struct Scene {
    stack: Stack,
    engine: PathBuf,
    /// Where programs are looked for before all others.
    programs: Option<PathBuf>,
    command: &'static str,
}

impl Scene {
    /// With the real command; nothing where there is none.
    fn real(answers: &'static [Answer]) -> Option<Self> {
        let Some(folder) = program_folder("docker-compose") else {
            gantry_test::skip("wrong Compose projects", "docker-compose");
            return None;
        };
        let scene = Self {
            programs: Some(folder),
            command: "docker-compose",
            ..Self::without(answers)
        };
        scene.stack.write("compose.yaml", SITE);
        Some(scene)
    }

    /// With a program of this name that only prints this.
    fn printing(name: &'static str, prints: &str, answers: &'static [Answer]) -> Self {
        let scene = Self::without(answers);
        scene.stack.write("compose.yaml", SITE);
        let folder = scene.stack.path().join("programs");
        fs::create_dir(&folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{prints}'\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        Self {
            programs: Some(folder),
            command: name,
            ..scene
        }
    }

    fn without(answers: &'static [Answer]) -> Self {
        let stack = Stack::empty();
        Self {
            engine: engine(&stack.path(), answers),
            stack,
            programs: None,
            command: "",
        }
    }

    /// What an `up` of the stack with these lines says.
    fn up(&self, lines: &str) -> String {
        let engine = format!("unix://{}", self.engine.display());
        self.up_at(&engine, lines)
    }

    fn up_at(&self, engine: &str, lines: &str) -> String {
        let text = format!(
            "name = \"shop\"\n[services.shop.compose]\nfiles = \"compose.yaml\"\n\
             engine = \"{engine}\"\n{lines}\n"
        );
        self.stack.write("gantry.toml", &text);
        let mut command = self.stack.command(&["up", "-d"]);
        let path = match &self.programs {
            Some(folder) => format!("{}:/usr/bin:/bin", folder.display()),
            // No program at all: what is looked for cannot be there.
            None => "/nowhere".to_owned(),
        };
        command
            .env("PATH", path)
            .env("GANTRY_COMPOSE", self.command);
        self.stack.show(command)
    }
}

#[test]
fn what_is_wrong_in_the_files_is_told_in_composes_words() {
    let Some(scene) = Scene::real(&[]) else {
        return;
    };
    for (name, text) in [
        ("does_not_parse", "services:\n  db: { image: db\n"),
        ("unknown_key", "services:\n  db: { image: db, commnd: x }\n"),
        (
            "unset_variable",
            "services:\n  db: { image: \"db:${TAG:?which one?}\" }\n",
        ),
        (
            "nothing_needed",
            "services:\n  db: { image: db, depends_on: [cache] }\n",
        ),
    ] {
        scene.stack.write("compose.yaml", text);
        assert_snapshot!(name, scene.up(""));
    }
    fs::remove_file(scene.stack.path().join("compose.yaml")).expect("it is there");
    assert_snapshot!("no_such_file", scene.up(""));
}

#[test]
fn what_is_named_and_not_there_is_told_with_what_is() {
    let Some(scene) = Scene::real(HAS_DB) else {
        return;
    };
    for (name, lines) in [
        ("no_such_service", "services = \"dbb\""),
        ("no_such_profile", "profiles = \"frond\""),
        ("no_such_env_file", "env-files = \"shop.env\""),
        ("no_such_folder", "folder = \"elsewhere\""),
        (
            "no_such_part",
            "[services.x]\ndepends-on = \"shop/dbb\"\n[services.x.process]\ncommand = [\"sh\"]",
        ),
        ("no_such_key", "file = \"compose.yaml\""),
    ] {
        assert_snapshot!(name, scene.up(lines));
    }
}

#[test]
fn what_others_have_is_told_with_who_has_it() {
    let Some(scene) = Scene::real(TAKEN) else {
        return;
    };
    let holder = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = holder.local_addr().expect("its address").port();
    scene.stack.write(
        "compose.yaml",
        &format!(
            "services:\n  db:\n    image: db\n    pull_policy: never\n    container_name: old-db-1\n    \
             ports: ['64998:80', '127.0.0.1:{port}:81', '127.0.0.1:{port}:81/udp']\n  \
             cache: {{ image: cache, pull_policy: never }}\n"
        ),
    );
    let own_name = fs::read_to_string("/proc/self/comm").expect("a name");
    let said = scene.up("").replace(&port.to_string(), "[PORT]");
    let said = said.replace(own_name.trim(), "[PROGRAM]");
    assert_snapshot!("taken", said);
}

#[test]
fn a_command_that_does_not_do_is_told() {
    // As version 1 answers.
    let scene = Scene::printing("docker-compose", "1.29.2", &[]);
    assert_snapshot!("command_too_old", scene.up(""));
    let scene = Scene::printing("docker-compose", "hello", &[]);
    assert_snapshot!("command_of_another_kind", scene.up(""));
    let mut scene = Scene::without(&[]);
    assert_snapshot!("no_command", scene.up(""));
    scene.command = "docker_compose";
    assert_snapshot!("unknown_command", scene.up(""));
}

#[test]
fn what_podman_compose_cannot_do_is_told() {
    let version = "podman-compose version 1.3.0";
    let scene = Scene::printing("podman-compose", version, PODMAN);
    let lines = "env-files = [\"1.env\", \"2.env\"]\nfolder = \"programs\"";
    assert_snapshot!("podman_compose", scene.up(lines));
}

#[test]
fn an_engine_that_does_not_answer_is_told_once() {
    let Some(scene) = Scene::real(&[]) else {
        return;
    };
    let dead = scene.stack.path().join("dead.sock");
    drop(UnixListener::bind(&dead).expect("a socket"));
    assert_snapshot!(
        "dead_engine",
        scene.up_at(&format!("unix://{}", dead.display()), "")
    );
}
