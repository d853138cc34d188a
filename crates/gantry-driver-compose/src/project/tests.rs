use std::collections::BTreeMap;

use gantry_container_engine::listing::Published;
use serde_json::json;

use super::{Project, Until};
use crate::cli::Family;
use gantry_stack::modes::compose::Pull;

const WRITTEN: &str = "\
services:
  db:
    image: db:1
    container_name: the-db
    ports: ['127.0.0.1:5432:5432/tcp', '6000', '7000-7010:7000-7010']
    pull_policy: never
  migrate:
    build: .
    depends_on: {db: {condition: service_healthy}}
  web:
    image: web:1
    depends_on: {migrate: {condition: service_completed_successfully}}
    ports: ['8080:80/udp']
  alone:
    image: alone:1
    depends_on: [db]
networks: {shared: {external: true}}
volumes: {data: null, other: {external: {name: x}}}
";

const TOLD: &str = r#"{ "name": "p",
 "services": {
  "db": { "image": "db:1", "container_name": "the-db", "pull_policy": "never",
          "ports": [{ "host_ip": "127.0.0.1", "target": 5432, "published": "5432" }, { "target": 6000 },
                    { "target": 7000, "published": "7000-7010" }] },
  "migrate": { "build": { "context": "/x" }, "depends_on": { "db": { "condition": "service_healthy", "required": true } } },
  "web": { "image": "web:1", "ports": [{ "target": 80, "published": "8080", "protocol": "udp" }],
           "depends_on": { "migrate": { "condition": "service_completed_successfully" } } },
  "alone": { "image": "alone:1", "depends_on": { "db": { "condition": "service_started" } } } },
 "networks": { "default": { "name": "p_default" }, "shared": { "external": true } },
 "volumes": { "data": { "name": "p_data" }, "other": { "external": true } } }"#;

#[test]
fn both_families_say_the_same() {
    let told = Project::read(Family::Compose, TOLD).expect("JSON");
    let written = Project::read(Family::PodmanCompose, WRITTEN).expect("YAML");
    assert_eq!(told.services, written.services);
    assert_eq!(
        (&told.networks, &told.volumes),
        (&written.networks, &written.volumes)
    );
    let db = &told.services["db"];
    assert_eq!(db.container.as_deref(), Some("the-db"));
    let port = Published::new(Some("127.0.0.1"), 5432, false);
    assert_eq!((db.ports.as_slice(), db.never_pulled), (&[port][..], true));
    let all = Published::new(None, 8080, true);
    assert_eq!(told.services["web"].ports, [all]);
    assert!(port.excludes(&Published::new(Some("0.0.0.0"), 5432, false)));
    assert!(!port.excludes(&Published::new(Some("127.0.0.2"), 5432, false)));
    assert!(!all.excludes(&Published::new(None, 8080, false)));
    let migrate = &told.services["migrate"];
    assert!(migrate.builds && !db.builds);
    assert_eq!(migrate.needs, [("db".to_owned(), Until::Healthy)]);
    assert_eq!(told.services["alone"].needs[0].1, Until::Started);
    assert!(Project::read(Family::Compose, "services:").is_err());
    assert!(Project::read(Family::PodmanCompose, "services: [").is_err());
}

#[test]
fn networks_are_known_by_what_the_engine_calls_them() {
    let text = r#"{ "services": { "a": { "networks": { "shared": null, "theirs": null } }, "b": { "networks": { "other": null } } },
        "networks": { "shared": { "name": "p_shared" }, "other": { "name": "o" }, "theirs": { "name": "t", "external": true } } }"#;
    let project = Project::read(Family::Compose, text).expect("JSON");
    let of = |name: &str| {
        project
            .networks_of(&[name.to_owned()])
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!((of("a"), of("b")), (vec!["p_shared"], vec!["o"]));
}

#[test]
fn a_part_brings_what_it_needs_and_nothing_else() {
    let project = Project::read(Family::Compose, TOLD).expect("JSON");
    let of = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        project.with_needs(&names)
    };
    assert_eq!(of(&[]).expect("all").len(), 4);
    assert_eq!(of(&["web"]).expect("a part"), ["db", "migrate", "web"]);
    assert_eq!(of(&["alone"]).expect("a part"), ["db", "alone"]);
    let wrong = of(&["webb"]).expect_err("there is none");
    assert_eq!(
        wrong.reason,
        "its Compose files have no service `webb` (did you mean `web`?)"
    );
}

#[test]
fn labels_are_put_on_what_a_project_makes_and_on_nothing_else() {
    let project = Project::read(Family::Compose, TOLD).expect("JSON");
    let one = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let labels = project.over(Family::Compose, Pull::Always, &one, &BTreeMap::new());
    assert_eq!(labels["services"]["web"], json!({ "labels": { "a": "1" } }));
    assert_eq!(labels["networks"], json!({ "default": { "labels": {} } }));
    assert_eq!(labels["volumes"], json!({ "data": { "labels": {} } }));
    let pulled = json!({ "labels": { "a": "1" }, "pull_policy": "always" });
    let over = project.over(Family::PodmanCompose, Pull::Always, &one, &BTreeMap::new());
    assert_eq!(over["services"]["web"], pulled);
    let over = project.over(Family::PodmanCompose, Pull::Policy, &one, &BTreeMap::new());
    assert_eq!(over, labels);
}

#[test]
fn what_has_no_value_gets_no_label_from_a_command_that_cannot_merge_it() {
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let over = |family, text| {
        let project = Project::read(family, text).expect("a project");
        project.over(family, Pull::Policy, &labels, &labels)
    };
    let written = over(Family::PodmanCompose, WRITTEN);
    assert_eq!(written["volumes"], json!(null));
    assert!(written["networks"]["default"].is_object());
    let told = over(Family::Compose, TOLD);
    assert!(told["volumes"]["data"].is_object());
    let labels = &told["services"]["migrate"]["build"]["labels"];
    assert_eq!(labels["gantry.built-for-part"], "migrate");
    assert!(told["services"]["db"]["build"].is_null());
}
