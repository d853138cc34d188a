//! Containers of real engines, beside native processes.

use gantry_test::{Engine, Sandbox, User, wait_until};

use crate::support::{
    PATIENCE, kill_supervisor, pids, printed, restarts, service, stack_id, wait_until_printed,
};

/// A process, two containers and a process, each of which looks for the one before.
const MIXED: &str = r#"
name = "mixed"
[services.back]
ports = { http = 0 }
readiness = { http = { port = "http", path = "/" } }
[services.back.process]
command = ["busybox", "httpd", "-f", "-p", "{{ ports.http }}", "-h", "www"]

[services.web]
depends-on = ["back"]
ports = { http = 80 }
env = { BACK = "{{ services.back.addresses.http }}" }
readiness = { http = { port = "http", path = "/" } }
stop = { grace = "2s" }
[services.web.container]
image = "IMAGE"
engine = "ENGINE"
pull = "never"
command = ["sh", "-c", "mkdir /www; wget -q -O /www/index.html http://$$BACK/; exec httpd -f -p 80 -h /www"]

[services.peer]
env = { WEB = "{{ services.web.url }}" }
[services.peer.container]
image = "IMAGE"
engine = "ENGINE"
pull = "never"
command = ["sh", "-c", "echo $$WEB; wget -q -O - $$WEB; trap 'exit 0' TERM; while :; do sleep 0.1; done"]

[services.last]
depends-on = ["peer"]
env = { WEB = "{{ services.web.url }}" }
[services.last.process]
command = ["sh", "-c", "busybox wget -q -O - $$WEB; exec sleep 1000"]
"#;

/// A sandbox with that file, and the page that its process serves.
fn sandbox(engine: &Engine) -> Sandbox {
    let sandbox = Sandbox::new();
    let file = MIXED
        .replace("IMAGE", engine.image())
        .replace("ENGINE", engine.address());
    sandbox.write("gantry.toml", &file);
    std::fs::create_dir(sandbox.path("stack/www")).expect("www");
    std::fs::write(sandbox.path("stack/www/index.html"), "from the process\n").expect("a page");
    sandbox
}

fn processes_and_containers_find_each_other(engine: &Engine) {
    let sandbox = sandbox(engine);
    sandbox.gantry(["up", "-d"]).expect(0);
    let status = sandbox.status();
    let url = service(&status, "web")["endpoints"][0]["url"].as_str();
    let url = url.expect("a URL").to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let page = "from the process";
    wait_until_printed(&sandbox, "peer", &["http://web:80", page]);
    wait_until_printed(&sandbox, "last", &[page]);

    // The supervisor's death is nothing to them.
    let before = pids(&status);
    kill_supervisor(&sandbox);
    let status = wait_until(
        PATIENCE,
        "all is found again",
        || sandbox.status(),
        |status| pids(status) == before,
    );
    assert_eq!(restarts(&status), 0, "{status:#}");
    wait_until_printed(&sandbox, "peer", &["http://web:80", page]);

    // The death of a container is told, with its last words, and mended.
    let id = stack_id(&sandbox);
    engine
        .say(&["kill", &format!("gantry-{id}-peer-1")])
        .expect("it is killed");
    let status = wait_until(
        PATIENCE,
        "it is started again",
        || sandbox.status(),
        |status| restarts(status) == 1 && service(status, "peer")["ready"] == true,
    );
    assert_eq!(service(&status, "web")["restarts"], 0);
    let events = sandbox.gantry(["events", "peer", "-o", "json"]);
    let events = &events.expect(0).stdout;
    assert!(events.contains("exit code 137"), "{events}");
    // An engine may tell a little later what is printed.
    let heard = || printed(&sandbox, "peer").len();
    wait_until(PATIENCE, "all was heard", heard, |lines| *lines >= 4);
    assert_eq!(heard(), 4);

    assert_eq!(engine.things_of(&id).len(), 3);
    sandbox.gantry(["down"]).expect(0);
    assert_eq!(engine.things_of(&id), Vec::<String>::new());
}

#[test]
fn on_docker_processes_and_containers_find_each_other() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("processes beside containers", "a Docker engine");
    };
    processes_and_containers_find_each_other(&engine);
}

#[test]
fn on_podman_processes_and_containers_find_each_other() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("processes beside containers", "a Podman engine");
    };
    processes_and_containers_find_each_other(&engine);
}

#[test]
fn somebody_elses_container_is_left_alone_and_named() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("a foreign container", "a Docker engine");
    };
    let sandbox = sandbox(&engine);
    sandbox.gantry(["up", "-d", "back"]).expect(0);
    let name = format!("gantry-{}-peer-1", stack_id(&sandbox));
    engine
        .say(&["create", "--name", &name, engine.image(), "true"])
        .expect("it is made");
    let up = sandbox.gantry(["up", "-d"]);
    let still = engine.say(&["inspect", "--format", "{{.Name}}", &name]);
    engine
        .say(&["rm", &name])
        .expect("it is there to be removed");
    assert!(still.is_some());
    let said = &up.expect(1).stderr;
    assert!(
        said.contains(&name) && said.contains("not this stack's"),
        "{said}"
    );
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn only_the_container_that_changed_is_made_anew() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("changes of containers", "a Docker engine");
    };
    let sandbox = Sandbox::new();
    let file = |log: &str, more: &str| {
        let container = |more: &str| {
            format!(
                "image = \"{}\"\nengine = \"{}\"\npull = \"never\"\ncommand = [\"sleep\", \"1000\"]\n{more}\n",
                engine.image(),
                engine.address()
            )
        };
        let file = format!(
            "name = \"changed\"\n[services.api]\nstop = {{ grace = \"0s\" }}\n\
             env = {{ LOG = \"{log}\", TOKEN = {{ from-file = \"token\" }} }}\n[services.api.container]\n{}\
             [services.other]\nstop = {{ grace = \"0s\" }}\n[services.other.container]\n{}",
            container(more),
            container("")
        );
        sandbox.write("gantry.toml", &file);
    };
    sandbox.write("token", "very-secret");
    file("info", "");
    sandbox.gantry(["up", "-d"]).expect(0);
    let before = pids(&sandbox.status());
    file("debug", "shm-size = \"32MiB\"\ncap-drop = \"NET_RAW\"");
    let plan = sandbox.gantry(["plan"]);
    let said = &plan.expect(0).stdout;
    assert!(
        said.contains("recreate  api      its shm-size, cap-drop and env.LOG changed"),
        "{said}"
    );
    assert!(!said.contains("very-secret"), "{said}");
    sandbox.gantry(["up", "-d"]).expect(0);
    let after = pids(&sandbox.status());
    let of = |pids: &[(String, u64)], id: &str| {
        let found = pids.iter().find(|(found, _)| found == id);
        found.map(|(_, pid)| *pid)
    };
    assert_ne!(of(&before, "api.1"), of(&after, "api.1"));
    assert_eq!(of(&before, "other.1"), of(&after, "other.1"));
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn rotated_logs_of_containers_are_compressed_and_read_all_the_same() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("logs of containers", "a Docker engine");
    };
    let sandbox = Sandbox::new();
    let file = format!(
        "name = \"packed\"\n[services.api]\nstop = {{ grace = \"0s\" }}\n\
         logs = {{ max-size = \"4KiB\", keep = 100, compress = true }}\n[services.api.container]\n\
         image = \"{}\"\nengine = \"{}\"\npull = \"never\"\n\
         command = [\"sh\", \"-c\", \"seq 500; exec sleep 1000\"]\n",
        engine.image(),
        engine.address()
    );
    sandbox.write("gantry.toml", &file);
    sandbox.gantry(["up", "-d"]).expect(0);
    let log = sandbox
        .home()
        .join("stacks")
        .join(stack_id(&sandbox))
        .join("services/api/1/log");
    let packed = || {
        let files = std::fs::read_dir(&log).into_iter().flatten().flatten();
        let paths = files.map(|file| file.path());
        let packed = paths.filter(|path| path.extension().is_some_and(|it| it == "gz"));
        packed.count()
    };
    wait_until(PATIENCE, "files are compressed", packed, |count| *count > 1);
    let all: Vec<String> = (1..=500).map(|number| number.to_string()).collect();
    wait_until_printed(&sandbox, "api", &all);
    sandbox.gantry(["down"]).expect(0);
}

#[test]
fn a_socket_that_may_not_be_used_is_told() {
    if !rustix::process::geteuid().is_root() {
        return gantry_test::skip("a socket of somebody else", "root");
    }
    let sandbox = Sandbox::of(User::Ordinary);
    let socket = sandbox.path("stack/engine.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let file = format!(
        "name = \"shop\"\n[services.api.container]\nimage = \"x\"\nengine = \"unix://{}\"\n",
        socket.display()
    );
    sandbox.write("gantry.toml", &file);
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(3).stderr;
    for words in [
        "no permission to use its socket",
        "Docker's has a group, `docker`",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_an_engine_lacks_is_said_before_anything_starts() {
    let sandbox = Sandbox::new();
    let file = |engine: &str, image: &str| {
        format!(
            "name = \"lacks\"\n[services.a.container]\nimage = \"{image}\"\npull = \"never\"\n\
             engine = \"{engine}\"\n"
        )
    };
    sandbox.write("gantry.toml", &file("unix:///nowhere/engine.sock", "x"));
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(3).stderr;
    assert!(
        said.contains("no engine answers at unix:///nowhere/engine.sock"),
        "{said}"
    );
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("a missing image", "a Docker engine");
    };
    sandbox.write("gantry.toml", &file(engine.address(), "no-such-image:1"));
    let up = sandbox.gantry(["up", "-d"]);
    let said = &up.expect(3).stderr;
    assert!(
        said.contains("Docker does not have the image no-such-image:1"),
        "{said}"
    );
}
