use std::sync::Arc;

use gantry_core::{Digest, Revision, ServiceName};
use serde_json::{Value, json};

use super::*;

fn stack() -> StackIdentity {
    StackIdentity {
        name: "shop".into(),
        id: "shop-00000000".into(),
        state_dir: "/state".into(),
        base_dir: "/home/me/shop".into(),
    }
}

fn instance() -> InstanceId {
    InstanceId::new(ServiceName::new("api").unwrap(), 1)
}

fn recorded(spec: Value, settings: Settings) -> Recorded {
    Recorded {
        revision: Revision(1),
        digest: Digest::default(),
        spec: Arc::new(spec),
        settings: Arc::new(settings),
    }
}

fn command_of(from: &Recorded) -> keeper::Command {
    let spec = Spec::read(&from.spec).unwrap();
    service(&stack(), &instance(), spec, &from.settings)
}

fn settings() -> Settings {
    Settings {
        folder: "/home/me/shop".into(),
        env: [("A".to_owned(), "1".to_owned()), ("B".into(), "1".into())].into(),
        ports: [("http-admin".into(), 8080)].into_iter().collect(),
        ..Settings::default()
    }
}

fn value<'a>(command: &'a keeper::Command, name: &str) -> Option<&'a str> {
    let mut found = command.env.iter().filter(|(of, _)| of == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} is there twice");
    value
}

#[test]
fn the_environment_is_the_service_s_then_the_mode_s_then_ours() {
    let spec = json!({"command": ["a"], "env": {"B": "2", "GANTRY_INSTANCE": "forged"}});
    let command = command_of(&recorded(spec, settings()));
    assert!(command.inherit_env);
    assert_eq!(value(&command, "A"), Some("1"));
    assert_eq!(value(&command, "B"), Some("2"));
    assert_eq!(value(&command, "GANTRY_STACK"), Some("shop"));
    assert_eq!(value(&command, "GANTRY_SERVICE"), Some("api"));
    assert_eq!(value(&command, "GANTRY_INSTANCE"), Some("api.2"));
    assert_eq!(value(&command, "GANTRY_PORT_HTTP_ADMIN"), Some("8080"));
    assert_eq!(value(&command, "PATH"), None);
}

#[test]
fn a_clean_environment_has_a_path_and_nothing_else_that_was_not_written() {
    let spec = json!({"command": ["a"], "inherit-env": false});
    let command = command_of(&recorded(spec, settings()));
    assert!(!command.inherit_env);
    assert_eq!(value(&command, "PATH"), Some(DEFAULT_PATH));
    assert_eq!(command.env.len(), 7);

    let spec = json!({"command": ["a"], "inherit-env": false, "env": {"PATH": "/opt/bin"}});
    let command = command_of(&recorded(spec, settings()));
    assert_eq!(value(&command, "PATH"), Some("/opt/bin"));
}

#[test]
fn a_command_beside_an_instance_shares_all_but_its_limits() {
    let mut settings = settings();
    settings.resources.memory = Some(1 << 20);
    settings.resources.open_files = Some(64);
    let spec = json!({"command": ["a"], "user": "www", "folder": "data", "tty": true});
    let from = recorded(spec, settings);
    let service = command_of(&from);
    assert!(service.terminal);
    assert_eq!(service.resources.memory, Some(1 << 20));
    assert_eq!(service.limits.open_files, Some(64));
    let beside = beside(&stack(), &instance(), &from, vec!["check".into()]).unwrap();
    assert_eq!(beside.argv, ["check"]);
    assert_eq!(beside.user.as_deref(), Some("www"));
    assert_eq!(beside.cwd, "/home/me/shop/data");
    assert_eq!(beside.env, service.env);
    assert!(beside.resources.is_empty());
    assert!(!beside.terminal);
    assert_eq!(beside.limits, keeper::Limits::default());
}
