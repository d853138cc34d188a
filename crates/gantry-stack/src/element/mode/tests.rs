//! Every key of every mode, from the file to the type that its driver reads.

use std::fs;

use camino::Utf8Path;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::load::{LoadOptions, load};
use crate::modes::compose::ComposeSpec;
use crate::modes::container::ContainerSpec;
use crate::modes::helm::HelmSpec;
use crate::modes::kubernetes::KubernetesSpec;
use crate::template::{Reference, ResolveError, Resolver, Secret, resolve_value};

struct Known;

impl Resolver for Known {
    fn reference(&self, reference: &Reference) -> Result<Option<Value>, ResolveError> {
        Ok(match reference.names().last() {
            Some(&"host") => Some("db.local".into()),
            Some(_) => Some(5432.into()),
            None => None,
        })
    }

    fn secret(&self, _: &Secret) -> Result<String, ResolveError> {
        Ok("hunter2".to_owned())
    }
}

/// The resolved specification of a service `a` with this table, by way of the driver's type.
fn spec<T: DeserializeOwned + Serialize>(mode: &str, table: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    let db = "[services.db]\nports = { sql = 0 }\nprocess = { command = ['db'] }\n";
    let text = format!(
        "name = 'shop'\n{db}[services.a]\nports = {{ http = 80 }}\n[services.a.{mode}]\n{table}"
    );
    fs::write(path.join("gantry.toml"), text).unwrap();
    let options = LoadOptions {
        folder: path.to_owned(),
        ..LoadOptions::default()
    };
    let loaded = load(&options).map_err(|report| {
        let plain = report.plain().into_iter();
        plain.map(|one| one.message).collect::<Vec<_>>().join("; ")
    })?;
    let service = &loaded.stack.services["a"];
    assert_eq!(service.mode().as_str(), mode);
    let resolved =
        resolve_value(service.run.spec.clone(), &Known).map_err(|error| error.to_string())?;
    let typed: T = serde_json::from_value(resolved).map_err(|error| error.to_string())?;
    let text = serde_json::to_string(&typed).unwrap();
    Ok(serde_json::from_str(&text.replace(path.as_str(), "~")).unwrap())
}

/// The example has every key, so that none can be described and not be in the type.
fn complete(element: &Element, table: &str, besides: &[&str]) {
    let table: toml::Table = table.parse().unwrap();
    for field in element.fields {
        let there = table.contains_key(field.key) || besides.contains(&field.key);
        assert!(there, "{}: {}", element.name, field.key);
    }
}

#[test]
fn a_container_with_everything() {
    let table = r#"
        image = "postgres:16"
        build = { context = "./img", file = "Dockerfile.db", target = "run", args = { V = "1" } }
        name = "shop-db-{{ instance }}"
        engine = "podman"
        pull = "always"
        platform = "linux/arm64"
        command = ["-c", "port={{ services.db.ports.sql }}"]
        entrypoint = ["/bin/postgres"]
        env = { PASSWORD = { from-env = "P" }, URL = "{{ services.db.host }}", PORT = "{{ services.db.ports.sql }}" }
        folder = "/srv"
        user = "1000:1000"
        volumes = ["./data:/data:ro", "cache:/cache", "/etc/x:/x", "~/y:/y", { path = "img", target = "/i", read-only = true }, { name = "n", target = "/n" }]
        tmpfs = "/tmp"
        publish = { http = 8080 }
        networks = "outer"
        hosts = { "db.local" = "10.0.0.1" }
        labels = { "a.b/c" = "d" }
        devices = ["/dev/fuse"]
        gpus = "all"
        shm-size = "1MiB"
        ulimits = { nofile = { soft = 1024, hard = "unlimited" }, nproc = 512, core = "unlimited" }
        read-only = true
        init = true
        tty = true
        privileged = true
        cap-add = ["NET_ADMIN"]
        cap-drop = "ALL"
        files = "./here"
    "#;
    complete(&CONTAINER, table, &[]);
    let spec = spec::<ContainerSpec>("container", table).unwrap();
    assert_eq!(
        spec["env"],
        json!({"PASSWORD": "hunter2", "URL": "db.local", "PORT": "5432"})
    );
    assert_eq!(spec["command"], json!(["-c", "port=5432"]));
    assert_eq!(spec["build"]["context"], "~/img");
    assert_eq!(spec["shm-size"], 1_048_576);
    assert_eq!(
        spec["ulimits"],
        json!({
            "nofile": {"soft": 1024, "hard": -1},
            "nproc": {"soft": 512, "hard": 512},
            "core": {"soft": -1, "hard": -1},
        })
    );
    assert_eq!(
        spec["volumes"],
        json!([
            {"path": "~/data", "target": "/data", "read-only": true},
            {"name": "cache", "target": "/cache"},
            {"path": "/etc/x", "target": "/x"},
            {"path": "~/y", "target": "/y"},
            {"path": "~/img", "target": "/i", "read-only": true},
            {"name": "n", "target": "/n"},
        ])
    );
}

#[test]
fn volumes_that_are_none() {
    for (volumes, expected) in [
        (
            "'data'",
            "`data` is no volume; expected `SOURCE:/TARGET`, such as \"data:/var/lib/data\"",
        ),
        (
            "'data:x'",
            "`data:x` is no volume; expected `SOURCE:/TARGET`, such as \"data:/var/lib/data\"",
        ),
        (
            "'data:/x:rx'",
            "`rx` says nothing about a volume; expected `ro`, `rw` or nothing after the target",
        ),
        ("{ name = 'x' }", "a volume lacks `target`"),
    ] {
        let table = format!("image = 'x'\nvolumes = {volumes}");
        assert_eq!(
            spec::<ContainerSpec>("container", &table),
            Err(expected.to_owned())
        );
    }
}

#[test]
fn a_compose_project_with_everything() {
    let table = r#"
        files = ["compose.yaml", "../over.yaml"]
        services = ["db", "api"]
        project = "shop"
        folder = "."
        profiles = "web"
        env-files = ".env"
        env = { TAG = "1" }
        engine = "docker"
        build = true
        pull = "never"
        remove-orphans = true
        wait = false
    "#;
    complete(&COMPOSE, table, &["template"]);
    let found = spec::<ComposeSpec>("compose", table).unwrap();
    assert_eq!(found["files"][0], "~/compose.yaml");
    assert_eq!(found["profiles"], json!(["web"]));
    assert_eq!(
        (&found["wait"], &found["remove-orphans"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn a_template_with_everything() {
    let table = r#"
        template = { file = "db/docker-compose.yml.j2", copy-src = true, ignore = ["*.log"], additional-dirs = ["docs", { source =
        "data", to = "here" }], kernel-templates = true, config = "config.yml" }
        engine = "podman"
    "#;
    let found = spec::<ComposeSpec>("compose", table).unwrap();
    let template = &found["template"];
    assert_eq!(template["file"], "~/db/docker-compose.yml.j2");
    assert_eq!(
        template["additional-dirs"],
        json!([{ "source": "~/docs", "to": "docs" }, { "source": "~/data", "to": "here" }])
    );
    let short = spec::<ComposeSpec>("compose", "template = \"x.j2\"").unwrap();
    assert_eq!(short["template"], json!({ "file": "~/x.j2" }));
    let both = spec::<ComposeSpec>("compose", "template = \"x.j2\"\nfiles = \"y.yaml\"");
    assert!(both.unwrap_err().contains("exclude each other"));
}

#[test]
fn a_cluster_with_everything() {
    let table = r#"
        manifests = ["k8s", "more.yaml"]
        context = "kind-x"
        kubeconfig = "kube.conf"
        namespace = "shop"
        create-namespace = true
        settle = "5s"
        ready-when = { "NIMService/*" = "self.status.state == 'Ready'" }
        stop = "scale"
        images = { "shop/api" = "shop/api:{{ services.db.ports.sql }}" }
        prune = false
    "#;
    complete(&KUBERNETES, table, &["kustomize"]);
    let found = spec::<KubernetesSpec>("kubernetes", table).unwrap();
    assert_eq!(found["manifests"], json!(["~/k8s", "~/more.yaml"]));
    assert_eq!(found["images"]["shop/api"], "shop/api:5432");
    let found = spec::<KubernetesSpec>("kubernetes", "kustomize = './over'").unwrap();
    assert_eq!(found["kustomize"], "~/over");
    assert!(spec::<KubernetesSpec>("kubernetes", "kustomize = 'x'\nmanifests = 'y'").is_err());
    assert!(spec::<KubernetesSpec>("kubernetes", "").is_err());
    for (wrong, words) in [
        ("ready-when = { web = 'true' }", "`web` names no object"),
        (
            "ready-when = { 'a/b' = 'self.x ==' }",
            "this is no expression",
        ),
        ("stop = 'sleep'", "`sleep`"),
    ] {
        let table = format!("manifests = 'x'\n{wrong}");
        let error = spec::<KubernetesSpec>("kubernetes", &table).unwrap_err();
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn a_release_with_everything() {
    let table = r#"
        chart = "./chart"
        version = "26.1.2"
        release = "r"
        context = "c"
        kubeconfig = "k"
        namespace = "n"
        create-namespace = true
        settle = "5s"
        ready-when = { "deployment/w?b" = "self.status.replicas > 1" }
        values-files = "values.yaml"
        adopt = true
        on-stuck = "rollback"
        reuse = true
        labels = { team = "a" }
        timeout = "1h"
        hooks = false
        crds = false
        update-dependencies = true
        rollback-on-failure = true
        history = 3
        post-renderer = ["sed", "s/a/b/"]
        [services.a.helm.values]
        "image.tag" = "1.4"
        image = { repository = "x" }
        "node\\.kubernetes\\.io/arch" = "arm64"
        port = "{{ services.db.ports.sql }}"
        url = "x:{{ services.db.ports.sql }}"
        password = { from-env = "P" }
        annotations = { "prometheus.io/scrape" = true }
    "#;
    let head = table.split("[services").next().unwrap();
    complete(&HELM, head, &["values"]);
    let found = spec::<HelmSpec>("helm", table).unwrap();
    assert_eq!(found["chart"], "~/chart");
    assert_eq!(
        found["values"],
        json!({
            "image": {"tag": "1.4", "repository": "x"},
            "node.kubernetes.io/arch": "arm64",
            "port": 5432,
            "url": "x:5432",
            "password": "hunter2",
            "annotations": {"prometheus.io/scrape": true},
        })
    );
    for chart in ["repo/name", "oci://host/chart", "/abs"] {
        let found = spec::<HelmSpec>("helm", &format!("chart = '{chart}'")).unwrap();
        assert_eq!(found["chart"], chart);
    }
}

#[test]
fn values_by_two_spellings_must_agree() {
    for (values, expected) in [
        (
            "{ 'a.b' = 1, a = { b = 2 } }",
            "`a` is given twice, once by another spelling",
        ),
        (
            "{ a = 1, 'a.b' = 2 }",
            "`a.b` is given twice, once by another spelling",
        ),
        ("{ 'a..b' = 1 }", "`a..b` has an empty name in it"),
        (
            "{ a = { from-env = 'X' }, 'a.b' = 2 }",
            "`a.b` is given twice, once by another spelling",
        ),
    ] {
        let table = format!("chart = 'r/c'\nvalues = {values}");
        assert_eq!(
            spec::<HelmSpec>("helm", &table),
            Err(expected.to_owned()),
            "{values}"
        );
    }
}
