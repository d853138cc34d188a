use camino::Utf8Path;
use gantry_core::Condition;
use serde_json::json;

use super::*;
use crate::layer::Layer;
use crate::template::{EnvValue, Secret};

/// A stack in a folder of its own.
struct Stack(tempfile::TempDir);

impl Stack {
    fn new(toml: &str) -> Self {
        let stack = Self(tempfile::tempdir().unwrap());
        stack.write("gantry.toml", toml);
        stack
    }

    fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn options(&self) -> LoadOptions {
        LoadOptions {
            folder: self.folder().to_owned(),
            ..LoadOptions::default()
        }
    }

    fn load(&self) -> Loaded {
        load(&self.options()).unwrap_or_else(|report| panic!("{report}"))
    }
}

fn service<'l>(loaded: &'l Loaded, name: &str) -> &'l Service {
    &loaded.stack.services[name]
}

fn edges(service: &Service) -> Vec<(&str, Condition, bool)> {
    let edges = service.depends_on.iter();
    edges
        .map(|edge| (edge.service.as_str(), edge.condition, edge.implied))
        .collect()
}

#[test]
fn a_service_of_one_command_has_all_the_defaults() {
    let stack = Stack::new("[services.a.process]\ncommand = [\"sleep\", 1]\n");
    let loaded = stack.load();
    let a = service(&loaded, "a");
    assert_eq!(a.mode().as_str(), "process");
    assert_eq!(
        a.run.spec,
        json!({"command": ["sleep", "1"], "folder": stack.folder()})
    );
    let expected = Service {
        run: a.run.clone(),
        modes: a.modes.clone(),
        origin: a.origin.clone(),
        ..Service::default()
    };
    assert_eq!(*a, expected);
    assert_eq!(a.origin.as_ref().unwrap().line, 1);
    // Without a name, the folder's.
    assert!(!loaded.stack.name.is_empty());
}

#[test]
fn references_to_what_is_drawn_later_are_edges() {
    let stack = Stack::new(
        r#"
name = "shop"
[vars]
store = "{{ services.db.host }}:{{ services.db.ports.sql }}"
password = { from-env = "PASSWORD" }
[services.db]
ports = { sql = 0, fixed = 5432 }
[services.db.process]
command = ["db"]
[services.api]
env = { STORE = "tcp://{{ vars.store }}", PASSWORD = "{{ vars.password }}" }
[services.api.process]
command = ["api", "{{ services.db.ports.fixed }}"]
[services.reader]
env = { HOST = "{{ services.db.host }}", NAME = "{{ services.db.name }}" }
[services.reader.process]
command = ["reader", "{{ services.db.ports.fixed }}"]
[services.late]
depends-on = [{ service = "db", condition = "started" }]
env = { STORE = "{{ vars.store }}" }
[services.late.process]
command = ["late"]
"#,
    );
    let loaded = stack.load();
    assert_eq!(
        edges(service(&loaded, "api")),
        [("db", Condition::Ready, true)]
    );
    assert_eq!(edges(service(&loaded, "reader")), []);
    // What was written stands.
    assert_eq!(
        edges(service(&loaded, "late")),
        [("db", Condition::Started, false)]
    );
    let env = &service(&loaded, "api").env;
    assert_eq!(
        env["PASSWORD"],
        EnvValue::Secret(Secret::Env("PASSWORD".into()))
    );
    assert_eq!(
        serde_json::to_value(&env["STORE"]).unwrap(),
        json!({"$template": [
            "tcp://", {"ref": "services.db.host"}, ":", {"ref": "services.db.ports.sql"}
        ]})
    );
}

#[test]
fn who_is_waited_for_until_completed_is_a_job() {
    let stack = Stack::new(
        r#"
[services.migrate.process]
command = ["migrate"]
[services.api]
depends-on = [{ service = "migrate", condition = "completed" }]
[services.api.process]
command = ["api"]
"#,
    );
    let loaded = stack.load();
    assert!(service(&loaded, "migrate").job);
    assert!(!service(&loaded, "api").job);
}

#[test]
fn variables_keep_their_kind() {
    let stack = Stack::new(
        r#"
[vars]
copies = 3
base = "/srv"
data = "{{ vars.base }}/{{ stack.name }}"
argv = ["api", "--verbose"]
braces = "{{{{ x }}"
[services.api]
replicas = "{{ vars.copies }}"
start-timeout = "${WAIT:-5}s"
auto-start = "${AUTO:-false}"
env = { DATA = "{{ vars.data }}", TEMPLATE = "{{ vars.braces }}", RAW = "${RAW}" }
[services.api.process]
command = "{{ vars.argv }}"
folder = "{{ vars.data }}/x"
"#,
    );
    stack.write(
        "gantry.toml",
        &format!(
            "name = \"shop\"\n{}",
            std::fs::read_to_string(stack.folder().join("gantry.toml")).unwrap()
        ),
    );
    let mut options = stack.options();
    options.environment = vec![("RAW".into(), "{{ vars.copies }}".into())];
    let loaded = load(&options).unwrap_or_else(|report| panic!("{report}"));
    let api = service(&loaded, "api");
    assert_eq!(
        (api.replicas, api.start_timeout.0, api.auto_start),
        (3, 5000, false)
    );
    assert_eq!(api.env["DATA"], EnvValue::from("/srv/shop"));
    assert_eq!(api.env["TEMPLATE"], EnvValue::from("{{ x }}"));
    // What the environment puts in is never read as a reference.
    assert_eq!(api.env["RAW"], EnvValue::from("{{ vars.copies }}"));
    assert_eq!(
        api.run.spec,
        json!({"command": ["api", "--verbose"], "folder": "/srv/shop/x"})
    );
}

const TWO_MODES: &str = r#"
[services.api.process]
command = ["api"]
[services.api.remote]
host = "api.example.org"
[services.db.process]
command = ["db"]
"#;

#[test]
fn modes_are_chosen_by_flag_environment_service_and_stack_in_this_order() {
    let mode_of = |head: &str, own: &str, environment: &str, flags: &[&str]| {
        let stack = Stack::new(&format!("{head}\n[services.api]\n{own}{TWO_MODES}"));
        let mut options = stack.options();
        options.modes = flags.iter().map(|flag| (*flag).to_owned()).collect();
        options.environment = vec![("GANTRY_MODE".into(), environment.into())];
        load(&options).map(|loaded| {
            assert_eq!(service(&loaded, "db").mode().as_str(), "process");
            service(&loaded, "api").mode().to_string()
        })
    };
    let (process, remote) = ("mode = \"process\"", "mode = \"remote\"");
    assert!(mode_of("", "", "", &[]).is_err());
    assert_eq!(mode_of(process, "", "", &[]).unwrap(), "process");
    assert_eq!(mode_of(process, remote, "", &[]).unwrap(), "remote");
    assert_eq!(mode_of(process, process, "remote", &[]).unwrap(), "remote");
    assert_eq!(mode_of("", "", "process", &["remote"]).unwrap(), "remote");
    assert_eq!(
        mode_of("", "", "", &["api=process", "remote"]).unwrap(),
        "process"
    );
    assert!(mode_of("", "", "", &["db=remote", "process"]).is_err());
    assert!(mode_of("", "", "", &["helm"]).is_err());
}

#[test]
fn profiles_leave_out_what_nobody_asked_for_or_needs() {
    let stack = Stack::new(
        r#"
[services.a.process]
command = ["a"]
[services.web]
profiles = ["web", "all"]
depends-on = ["cache"]
[services.web.process]
command = ["web"]
[services.cache]
profiles = ["cache"]
[services.cache.process]
command = ["cache"]
[services.debug]
profiles = ["debug"]
[services.debug.process]
command = ["debug"]
"#,
    );
    let names = |profiles: &[&str], services: &[&str]| {
        let mut options = stack.options();
        options.profiles = profiles.iter().map(|name| (*name).to_owned()).collect();
        options.services = services.iter().map(|name| (*name).to_owned()).collect();
        let loaded = load(&options).unwrap_or_else(|report| panic!("{report}"));
        let names = loaded.stack.services.keys().map(ToString::to_string);
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&[], &[]), "a");
    assert_eq!(names(&["web"], &[]), "a web cache");
    assert_eq!(names(&[], &["debug"]), "a debug");
    assert_eq!(names(&["*"], &[]), "a web cache debug");
}

#[test]
fn the_environment_comes_from_stack_files_and_service() {
    let stack = Stack::new(
        r#"
name = "shop"
env = { LEVEL = "stack", ONE = "stack" }
[services.a]
env-files = ["parts/a.env"]
env = { THREE = "service" }
[services.a.process]
command = ["a"]
"#,
    );
    stack.write("parts/a.env", "ONE=file\nTHREE=file\nFOUR=\"{{ x }}\"\n");
    let loaded = stack.load();
    let env = &service(&loaded, "a").env;
    let value = |name: &str| match &env[name] {
        EnvValue::Text(text) => text.as_literal().unwrap().to_owned(),
        EnvValue::Secret(_) => panic!(),
    };
    assert_eq!(
        ["LEVEL", "ONE", "THREE", "FOUR"].map(value),
        ["stack", "file", "service", "{{ x }}"]
    );
}

#[test]
fn paths_begin_at_the_file_in_which_they_are_written() {
    let stack =
        Stack::new("imports = [\"parts/db.toml\"]\n[services.db.process]\nfiles = [\"top\"]\n");
    stack.write(
        "parts/db.toml",
        "[services.db.process]\ncommand = [\"./db\"]\nfolder = \"../data\"\nuser = 0\numask = \"027\"\n",
    );
    let loaded = stack.load();
    let folder = stack.folder();
    assert_eq!(
        service(&loaded, "db").run.spec,
        json!({
            "command": ["./db"],
            "folder": folder.join("data"),
            "user": "0",
            "umask": 0o027,
            "files": [folder.join("top")],
        })
    );
}

#[test]
fn every_value_says_where_it_came_from() {
    let stack = Stack::new(
        "name = \"shop\"\n[vars]\ntag = 1\n[services.a]\nenv = { TOKEN = { from-command = [\"pass\", \"token\"] } }\n\
         [services.a.process]\ncommand = [\"a\"]\n",
    );
    let mut options = stack.options();
    options.assignments = vec!["services.a.replicas=2".into()];
    let loaded = load(&options).unwrap_or_else(|report| panic!("{report}"));
    let origins = loaded.origins();
    let of = |path: &str| {
        let found = origins.iter().filter(|one| one.path == path);
        let found: Vec<_> = found
            .map(|one| (one.value.as_str(), one.line, one.layer))
            .collect();
        found
    };
    assert_eq!(of("vars.tag"), [("1", Some(3), Layer::File)]);
    assert_eq!(of("services.a.env.TOKEN"), [("•••", Some(5), Layer::File)]);
    assert_eq!(of("services.a.replicas"), [("2", Some(1), Layer::Flag)]);
    assert!(!format!("{origins:?}").contains("pass"));
}

#[test]
fn the_model_survives_the_wire() {
    let stack = Stack::new(
        TWO_MODES
            .replace("[services.api.remote]\nhost = \"api.example.org\"\n", "")
            .as_str(),
    );
    let loaded = stack.load();
    let json = serde_json::to_string(&loaded.stack).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::model::Stack>(&json).unwrap(),
        loaded.stack
    );
}
