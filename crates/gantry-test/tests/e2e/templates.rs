//! A `config.yml` of template services on real engines, in both of its generations.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use gantry_test::{Engine, Run, Sandbox, wait_until};
use serde_json::Value;

use crate::support::{PATIENCE, example, get, printed, service, stack_id};

/// The list of what is deployed: a service of the frame, one of an application, and one of the project.
const ALL: &str = "[FRAME.jupyter, applications.als.mongo, pipelines]";
const WITHOUT_PIPELINES: &str = "[FRAME.jupyter, applications.als.mongo]";

/// The older generation: a file that imports another one, and applications with files of their own.
const OLDER: &[(&str, &str)] = &[
    (
        "config.yml",
        "import: src/framework/config.yml\n\
         build_dir: ./build\n\
         project_root: .\n\
         container_runtime: RUNTIME\n\
         applications: [als]\n\
         deployed_services: LIST\n\
         services:\n  pipelines: { path: services/pipelines }\n",
    ),
    (
        "src/framework/config.yml",
        "framework:\n  services:\n    jupyter: { path: services/jupyter, copy_src: true }\n",
    ),
    (
        "src/applications/als/config.yml",
        "services:\n  mongo: { path: services/als/mongo, port: 8080, page: hello }\n",
    ),
];

/// The newer generation: one file.
const NEWER: &[(&str, &str)] = &[(
    "config.yml",
    "project_name: agent\n\
     build_dir: ./build\n\
     container_runtime: RUNTIME\n\
     deployed_services: LIST\n\
     osprey:\n  services:\n    jupyter: { path: services/jupyter, copy_src: true }\n\
     applications:\n  als:\n    services:\n      mongo: { path: services/als/mongo, port: 8080, page: hello }\n\
     services:\n  pipelines: { path: services/pipelines }\n",
)];

/// What a service waits for in another template.
const BEHIND: &str = "{ mongo: { condition: service_healthy } }";

/// What both have.
const FILES: &[(&str, &str)] = &[
    ("src/app.py", "print()\n"),
    (
        "services/docker-compose.yml.j2",
        "networks:\n  control-room:\n",
    ),
    (
        "services/jupyter/docker-compose.yml.j2",
        "services:\n\
         \x20 jupyter:\n\
         \x20   container_name: jupyter-SUFFIX\n\
         \x20   image: IMAGE\n\
         \x20   pull_policy: never\n\
         \x20   command: [sh, /work/run.sh]\n\
         \x20   environment: { KEY: '${KEY:-none}' }\n\
         \x20   labels: { at: '{{ gantry.deployed_at }}' }\n\
         \x20   depends_on: BEHIND\n\
         \x20   volumes: ['./jupyter:/work:ro']\n\
         \x20   networks: [control-room]\n",
    ),
    (
        "services/jupyter/run.sh",
        "trap 'exit 0' TERM\n\
         echo \"$KEY: mongo says $(ASK)\"\n\
         while :; do sleep 0.1; done\n",
    ),
    ("services/jupyter/note", "one\n"),
    (
        "services/als/mongo/docker-compose.yml.j2",
        "{% set mongo = applications.als.services.mongo %}services:\n\
         \x20 mongo:\n\
         \x20   container_name: mongo-SUFFIX\n\
         \x20   image: IMAGE\n\
         \x20   pull_policy: never\n\
         \x20   environment: { TEXT: '{{ mongo.page }}' }\n\
         \x20   command: [sh, -c, 'mkdir -p /data/site; echo $$TEXT > /data/site/page; exec httpd -f -p {{ mongo.port }} -h /data/site']\n\
         \x20   stop_signal: KILL\n\
         \x20   healthcheck: { test: [CMD, wget, -q, -O, '-', 'http://127.0.0.1:{{ mongo.port }}/page'], interval: 200ms, retries: 50 }\n\
         \x20   volumes: ['data:/data']\n\
         \x20   networks: [control-room]\n\
         volumes:\n  data:\n",
    ),
    (
        "services/pipelines/docker-compose.yml.j2",
        "services:\n\
         \x20 pipelines:\n\
         \x20   container_name: pipelines-SUFFIX\n\
         \x20   build: ./pipelines\n\
         \x20   networks: [control-room]\n",
    ),
    (
        "services/pipelines/Dockerfile",
        "FROM IMAGE\nCOPY word /word\nCMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; cat /word; while :; do sleep 0.1; done\"]\n",
    ),
    ("services/pipelines/word", "first\n"),
    (".env", "KEY=secret\n"),
];

struct Project {
    sandbox: Sandbox,
    engine: Engine,
    command: &'static str,
    runtime: &'static str,
    frame: &'static str,
    files: Vec<(&'static str, &'static str)>,
    suffix: String,
}

impl Project {
    fn new(
        engine: &Engine,
        command: &'static str,
        generation: &[(&'static str, &'static str)],
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let project = Self {
            sandbox: Sandbox::new(),
            engine: engine.clone(),
            command,
            runtime: engine.name(),
            frame: if generation.len() == 1 {
                "osprey"
            } else {
                "framework"
            },
            files: generation.iter().chain(FILES).copied().collect(),
            suffix: format!("{}-{number}", std::process::id()),
        };
        for (name, _) in &project.files {
            project.put(name, str::to_owned);
        }
        project
    }

    /// Writes one of its files anew, with a change.
    fn put(&self, name: &str, change: impl FnOnce(&str) -> String) {
        let (_, text) = self
            .files
            .iter()
            .find(|(file, _)| *file == name)
            .expect("a file");
        let text = change(text);
        let text = text.replace("LIST", ALL);
        let text = text.replace("FRAME", self.frame);
        let text = text.replace("IMAGE", self.engine.image());
        // podman-compose would make what is needed anew, and a Podman without its plug-in for names has none.
        let (behind, ask) = match self.command {
            "podman-compose" => ("[]", "echo hello"),
            _ => (BEHIND, "wget -q -O - http://mongo:8080/page"),
        };
        let text = text.replace("BEHIND", behind).replace("ASK", ask);
        let text = text.replace("SUFFIX", &self.suffix);
        self.sandbox
            .write(name, &text.replace("RUNTIME", self.runtime));
    }

    fn gantry(&self, words: &[&str]) -> Run {
        let mut command = self
            .sandbox
            .command([&["-f", "config.yml"], words].concat());
        command
            .env("GANTRY_COMPOSE", self.command)
            .env("DOCKER_HOST", self.engine.address())
            .env("CONTAINER_HOST", self.engine.address())
            .env_remove("CONTAINER_RUNTIME");
        command.output().expect("gantry runs").into()
    }

    fn status(&self) -> Value {
        self.gantry(&["status", "-o", "json"]).expect(0).json()
    }

    /// What an `up` would do, and with which service.
    fn plan(&self) -> Vec<(String, String)> {
        let plan = self.gantry(&["plan", "-o", "json"]).expect(0).json();
        let steps = plan["steps"].as_array().cloned().unwrap_or_default();
        let word = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let short = |name: String| name.rsplit('.').next().unwrap_or_default().to_owned();
        steps
            .iter()
            .map(|step| (word(step, "action"), short(word(step, "service"))))
            .collect()
    }

    /// The whole name of a service.
    fn named(&self, short: &str) -> String {
        match short {
            "jupyter" => format!("{}.jupyter", self.frame),
            "mongo" => "applications.als.mongo".to_owned(),
            other => other.to_owned(),
        }
    }

    /// The ids of the containers, by their names without the suffix.
    fn containers(&self) -> BTreeMap<String, String> {
        let filter = format!("label=gantry.stack={}", stack_id(&self.sandbox));
        let format = "{{.Names}} {{.ID}}";
        let listed = self
            .engine
            .say(&["ps", "-a", "--format", format, "--filter", &filter]);
        let listed = listed.expect("a list");
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        let suffix = format!("-{}", self.suffix);
        pairs
            .map(|(name, id)| (name.replace(&suffix, ""), id.to_owned()))
            .collect()
    }

    /// What a service has printed.
    fn printed(&self, short: &str) -> Vec<String> {
        let logs = self.gantry(&["logs", &self.named(short), "-o", "json"]);
        let lines = logs.expect(0).stdout.lines();
        let text = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("a record");
            line["text"].as_str().expect("a text").to_owned()
        };
        lines.map(text).collect()
    }

    #[track_caller]
    fn wait_until_printed(&self, short: &str, line: &str) {
        wait_until(
            PATIENCE,
            "it is in the log",
            || self.printed(short),
            |lines| lines.last().is_some_and(|last| last == line),
        );
    }

    #[track_caller]
    fn expect_nothing_left_but_volumes(&self) {
        let left = self.engine.things_of(&stack_id(&self.sandbox));
        assert!(left.iter().all(|name| name.ends_with("_data")), "{left:?}");
        self.sandbox.expect_nothing_left();
    }
}

/// Things of somebody else, who uses the names that the tool had which these files were written for.
struct Stranger {
    engine: Engine,
    name: String,
}

impl Stranger {
    fn new(engine: &Engine, command: &str) -> Self {
        let name = format!(
            "stranger-{}-{}",
            std::process::id(),
            command.replace(' ', "-")
        );
        let label = "com.docker.compose.project=services";
        for made in [
            &["network", "create", "--label", label, &name][..],
            &["volume", "create", "--label", label, &name],
            &[
                "create",
                "--name",
                &name,
                "--label",
                label,
                engine.image(),
                "true",
            ],
        ] {
            engine.say(made).expect("it is made");
        }
        Self {
            engine: engine.clone(),
            name,
        }
    }

    /// Removes them, which fails if one is not there.
    fn expect_untouched(&self) {
        for removed in [
            &["rm", &self.name][..],
            &["network", "rm", &self.name],
            &["volume", "rm", &self.name],
        ] {
            self.engine.say(removed).expect("it is still there");
        }
    }
}

fn on(
    engine: Option<Engine>,
    command: &'static str,
    what: &str,
    generation: &[(&'static str, &'static str)],
    test: fn(&Project),
) {
    let Some(engine) = engine.filter(|engine| engine.has_compose(command)) else {
        return gantry_test::skip(what, command);
    };
    let stranger = Stranger::new(
        &engine,
        &format!("{command}-{what}-{}", generation.len()).replace(' ', "-"),
    );
    let project = Project::new(&engine, command, generation);
    test(&project);
    project.gantry(&["down", "--purge"]).expect(0);
    stranger.expect_untouched();
}

/// Up, what is changed while it runs, and down.
fn lives(project: &Project) {
    project.gantry(&["up", "-d"]).expect(0);
    let status = project.status();
    for short in ["jupyter", "mongo", "pipelines"] {
        let name = project.named(short);
        assert_eq!(service(&status, &name)["ready"], true, "{status:#}");
    }
    project.wait_until_printed("jupyter", "secret: mongo says hello");
    project.wait_until_printed("pipelines", "first");
    let first = project.containers();
    assert_eq!(first.len(), 3, "{first:?}");

    // A file that is mounted is seen as soon as it is rendered, and nothing is started again for it.
    let note = || {
        let jupyter = format!("jupyter-{}", project.suffix);
        project.engine.say(&["exec", &jupyter, "cat", "/work/note"])
    };
    assert_eq!(note().as_deref(), Some("one"));
    project.put("services/jupyter/note", |_| "two\n".to_owned());
    project.gantry(&["render"]).expect(0);
    assert_eq!(note().as_deref(), Some("two"));
    let up = project.gantry(&["up", "-d"]);
    assert!(up.expect(0).stderr.contains("Nothing to do"), "{up:?}");
    assert_eq!(project.containers(), first);

    // What a template became is another matter, for this service alone.
    let last = project.files.len() - FILES.len() - 1;
    project.put(project.files[last].0, |text| text.replace("hello", "bye"));
    assert_eq!(project.plan(), [("restart", "mongo")].map(owned));
    project.gantry(&["up", "-d"]).expect(0);
    let second = project.containers();
    assert_ne!(second["mongo"], first["mongo"]);
    assert_eq!(second["jupyter"], first["jupyter"]);
    assert_eq!(second["pipelines"], first["pipelines"]);

    // A restart makes containers anew.
    let restart = ["restart", &project.named("jupyter")];
    project.gantry(&restart).expect(0);
    if project.command != "podman-compose" {
        project.wait_until_printed("jupyter", "secret: mongo says bye");
    }
    let third = project.containers();
    assert_ne!(third["jupyter"], first["jupyter"]);
    assert_eq!(third["pipelines"], first["pipelines"]);
    project.gantry(&["restart"]).expect(0);
    assert!(
        project
            .containers()
            .iter()
            .all(|(name, id)| third[name] != *id)
    );

    project.gantry(&["down"]).expect(0);
    project.expect_nothing_left_but_volumes();
}

/// What leaves the list, and comes back to it.
fn leaves_the_list(project: &Project) {
    project.gantry(&["up", "-d"]).expect(0);
    let all = project.containers();
    project.put("config.yml", |text| text.replace("LIST", WITHOUT_PIPELINES));
    assert_eq!(project.plan(), [("remove", "pipelines")].map(owned));
    // Until then it runs.
    assert_eq!(project.containers(), all);
    project.gantry(&["up", "-d"]).expect(0);
    let mut rest = all.clone();
    rest.remove("pipelines");
    assert_eq!(project.containers(), rest);
    assert!(
        !project
            .sandbox
            .path("stack/build/services/pipelines")
            .exists()
    );

    // What a `down` takes along is what was started, whatever the list says by then.
    project.put("config.yml", str::to_owned);
    project.gantry(&["up", "-d"]).expect(0);
    assert_eq!(project.containers().len(), 3);
    project.put("config.yml", |text| text.replace("LIST", "[]"));
    project.gantry(&["render"]).expect(0);
    project.gantry(&["down"]).expect(0);
    project.expect_nothing_left_but_volumes();

    // An empty list means none.
    project.put("config.yml", str::to_owned);
    project.gantry(&["up", "-d"]).expect(0);
    project.put("config.yml", |text| text.replace("LIST", "[]"));
    project.gantry(&["up", "-d"]).expect(0);
    assert_eq!(project.containers().len(), 0);
    project.gantry(&["down"]).expect(0);
}

/// Clean, and rebuild.
fn is_made_anew(project: &Project) {
    project.gantry(&["up", "-d"]).expect(0);
    project.wait_until_printed("pipelines", "first");
    project.put("services/pipelines/word", |_| "second\n".to_owned());
    project.gantry(&["up", "-d"]).expect(0);
    project.gantry(&["rebuild", "-d"]).expect(0);
    project.wait_until_printed("pipelines", "second");
    project.wait_until_printed("jupyter", "secret: mongo says hello");

    // What cannot come up again is not taken down.
    let running = project.containers();
    project.put("services/pipelines/docker-compose.yml.j2", |text| {
        text.replace("SUFFIX", "{{ nothing }}")
    });
    project.gantry(&["rebuild", "-d"]).expect(2);
    assert_eq!(project.containers(), running);

    project.put("services/pipelines/docker-compose.yml.j2", str::to_owned);

    // Volumes and images go by flags alone.
    let volume = volumes(project);
    assert_eq!(volume.len(), 1, "{volume:?}");
    let mongo = format!("mongo-{}", project.suffix);
    let mark = |verb: &str| project.engine.say(&["exec", &mongo, verb, "/data/mark"]);
    mark("touch").expect("it is written");
    project.gantry(&["rebuild", "-d"]).expect(0);
    mark("ls").expect("it is still there");
    project.gantry(&["rebuild", "-d", "--volumes"]).expect(0);
    assert_eq!(mark("ls"), None);
    assert_eq!(volumes(project), volume);
    project.gantry(&["clean"]).expect(0);
    assert!(!images(project).is_empty());
    assert_eq!(volumes(project), volume);
    project.gantry(&["clean", "--images"]).expect(0);
    assert_eq!((volumes(project), images(project)), (volume, Vec::new()));
    project.gantry(&["clean", "--volumes"]).expect(0);
    assert_eq!(volumes(project), [""; 0]);
    let build = project.sandbox.path("stack/build/services");
    assert!(!build.join("jupyter").exists() && !build.join("docker-compose.yml").exists());
    project.expect_nothing_left_but_volumes();
}

fn owned(step: (&str, &str)) -> (String, String) {
    (step.0.to_owned(), step.1.to_owned())
}

/// The volumes that were made for a project that is down, or is up.
fn volumes(project: &Project) -> Vec<String> {
    let mut things = project.engine.things_of(&stack_id(&project.sandbox));
    things.retain(|name| name.ends_with("_data"));
    things
}

fn images(project: &Project) -> Vec<String> {
    project.engine.images_of(&stack_id(&project.sandbox))
}

#[test]
fn an_older_project_lives_with_docker_compose() {
    on(
        Engine::docker(),
        "docker compose",
        "templates",
        OLDER,
        lives,
    );
}

#[test]
fn a_newer_project_lives_with_docker_compose() {
    on(
        Engine::docker(),
        "docker compose",
        "templates",
        NEWER,
        lives,
    );
}

#[test]
fn a_newer_project_lives_with_podman_compose() {
    on(
        Engine::podman(),
        "podman-compose",
        "templates",
        NEWER,
        lives,
    );
}

#[test]
fn what_leaves_the_list_is_stopped_by_docker_compose() {
    on(
        Engine::docker(),
        "docker compose",
        "a shorter list",
        OLDER,
        leaves_the_list,
    );
}

#[test]
fn what_leaves_the_list_is_stopped_by_podman_compose() {
    on(
        Engine::podman(),
        "podman-compose",
        "a shorter list",
        OLDER,
        leaves_the_list,
    );
}

#[test]
fn a_project_is_cleaned_and_rebuilt_by_docker_compose() {
    on(
        Engine::docker(),
        "docker compose",
        "a rebuild",
        NEWER,
        is_made_anew,
    );
}

#[test]
fn a_project_is_cleaned_and_rebuilt_by_podman_compose() {
    on(
        Engine::podman(),
        "podman-compose",
        "a rebuild",
        NEWER,
        is_made_anew,
    );
}

/// A command that would make another service's containers anew is not let near them.
#[test]
fn podman_compose_starts_nothing_behind_another_template() {
    let Some(engine) = Engine::podman().filter(|engine| engine.has_compose("podman-compose"))
    else {
        return gantry_test::skip("a need of another template", "podman-compose");
    };
    let project = Project::new(&engine, "podman-compose", NEWER);
    project.put("services/jupyter/docker-compose.yml.j2", |text| {
        text.replace("BEHIND", BEHIND)
    });
    let up = project.gantry(&["up", "-d"]);
    let said = &up.expect(1).stderr;
    assert!(said.contains("it needs mongo of another service"), "{said}");
    let status = project.status();
    assert_eq!(service(&status, "applications.als.mongo")["ready"], true);
    assert_eq!(service(&status, "applications.als.mongo")["restarts"], 0);
    project.gantry(&["down", "--purge"]).expect(0);
}

/// Two projects of the same files, side by side.
#[test]
fn a_second_project_is_never_touched() {
    let Some(engine) = Engine::docker().filter(|engine| engine.has_compose("docker compose"))
    else {
        return gantry_test::skip("two projects", "docker compose");
    };
    let one = Project::new(&engine, "docker compose", OLDER);
    let other = Project::new(&engine, "docker compose", OLDER);
    for project in [&one, &other] {
        project.gantry(&["up", "-d"]).expect(0);
    }
    let kept = other.containers();
    one.gantry(&["rebuild", "-d"]).expect(0);
    one.gantry(&["clean", "--purge"]).expect(0);
    assert_eq!(other.containers(), kept);
    other.wait_until_printed("jupyter", "secret: mongo says hello");
    other.gantry(&["restart"]).expect(0);
    other.gantry(&["down", "--purge"]).expect(0);
}

#[test]
fn the_example_runs() {
    let Some(engine) = Engine::docker().filter(|engine| engine.has_compose("docker compose"))
    else {
        return gantry_test::skip("the example of templates", "docker compose");
    };
    let sandbox = Sandbox::new();
    let files = [
        "gantry.toml",
        "services/docker-compose.yml.j2",
        "services/web/docker-compose.yml.j2",
        "services/web/site/index.html",
        "services/reader/docker-compose.yml.j2",
        "src/reader/read.sh",
    ];
    sandbox.copy_files(&example("templates"), &files);
    // Below those that are given to whoever asks for any.
    let first = 20_000 + u16::try_from(std::process::id() % 8_000).expect("it is small");
    let port = (first..first + 1_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
        .to_string();
    let gantry = |words: &[&str]| -> Run {
        let mut command = sandbox.command(words);
        command
            .env("GANTRY_ENGINE", engine.address())
            .env("GANTRY_COMPOSE", "docker compose")
            .env("BASE", engine.image())
            .env("PORT", &port);
        command.output().expect("gantry runs").into()
    };
    gantry(&["up", "-d"]).expect(0);
    let (status, body) = get(&format!("127.0.0.1:{port}"), "/").expect("an answer");
    assert_eq!(status, 200);
    let read = || printed(&sandbox, "reader");
    let page = body.trim_end().to_owned();
    wait_until(PATIENCE, "it is read by name", read, |lines| {
        lines.contains(&page) && lines.contains(&"one two".to_owned())
    });
    gantry(&["down", "--purge"]).expect(0);
    sandbox.expect_nothing_left();
}
