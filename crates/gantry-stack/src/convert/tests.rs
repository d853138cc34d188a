use camino::Utf8PathBuf;

use crate::load::{LoadOptions, load};

/// A folder with a file, and its path.
fn file(name: &str, text: &str) -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::Builder::new().prefix("shop").tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().join(name)).unwrap();
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// Whether a stack file loads.
fn loads(folder: &Utf8PathBuf, text: &str) -> crate::load::Loaded {
    let path = folder.join("gantry.toml");
    std::fs::write(&path, text).unwrap();
    let options = LoadOptions {
        files: vec![path],
        folder: folder.clone(),
        environment: vec![
            ("TAG".to_owned(), "1".to_owned()),
            ("PORT".to_owned(), "8081".to_owned()),
        ],
        ..LoadOptions::default()
    };
    load(&options).unwrap_or_else(|report| panic!("{report}\n{text}"))
}

const COMPOSE: &str = r#"
name: My Shop
version: "3.8"
x-common: &common { restart: unless-stopped }
services:
  db:
    <<: *common
    image: postgres:${TAG:-16}
    container_name: db
    environment: { POSTGRES_PASSWORD: secret, PASSED: }
    volumes:
      - data:/var/lib/postgresql/data
      - ./init.sql:/init.sql:ro
      - /anonymous
      - { type: bind, source: ./conf, target: /conf, read_only: true }
    ports: ["5432:5432", "127.0.0.1:${PORT}:80", "8000-8010:8000", "53:53/udp", { target: 99, published: "98" }]
    healthcheck: { test: ["CMD", pg_isready], interval: 5s, retries: 4, start_period: 10s }
    stop_grace_period: 20s
    stop_signal: SIGINT
    networks: [back]
    mem_limit: 512m
  api:
    build: { context: ./api, dockerfile: Dockerfile.dev, args: [A=1], ssh: [default] }
    command: python -m 'my app' --x="a b" {{x}}
    depends_on: { db: { condition: service_healthy, restart: true } }
    env_file: .env
    restart: "on-failure:3"
    deploy: { replicas: 2, resources: { limits: { cpus: "0.5", memory: 1g }, reservations: { cpus: "0.1" } }, mode: global }
    extra_hosts: ["host:10.0.0.1"]
    labels: { a.b: c }
    network_mode: host
  once: { image: busybox, depends_on: [api], profiles: [tools], restart: "no", init: true, cap_add: [NET_ADMIN] }
volumes: { data: }
networks: { back: { driver: bridge } }
"#;

#[test]
fn a_compose_file_becomes_containers_and_comments() {
    let (_dir, path) = file("compose.yaml", COMPOSE);
    let folder = path.parent().unwrap().to_owned();
    std::fs::write(folder.join(".env"), "X=1\n").unwrap();
    let text = super::compose(&path).unwrap();
    insta::assert_snapshot!(text);
    let loaded = loads(&folder, &text);
    assert_eq!(loaded.stack.services.len() + loaded.inactive.len(), 3);
}

#[test]
fn every_key_is_there_or_in_a_comment() {
    let (_dir, path) = file("compose.yaml", COMPOSE);
    let text = super::compose(&path).unwrap();
    for word in [
        "/anonymous",
        "8000-8010",
        "53/udp",
        "start_period",
        "ssh",
        "restart: true",
        "reservations",
        "deploy.mode",
        "network_mode",
        "x-common",
        "version",
        "bridge",
    ] {
        assert!(
            text.contains("# no equivalent") && text.contains(word),
            "{word}: {text}"
        );
    }
}

#[test]
fn a_configuration_becomes_a_stack_file_beside_it() {
    let config = "\
project_name: agent
build_dir: ./out
container_runtime: podman
deployed_services: [db]
services:
  db: { path: services/db, copy_src: true, additional_dirs: [docs, {src: a, dst: b}] }
  web: { path: services/web }
  old: { name: old }
";
    let (_dir, path) = file("config.yml", config);
    let text = super::config(&path, Vec::new()).unwrap();
    insta::assert_snapshot!(text);
    let folder = path.parent().unwrap().to_owned();
    let loaded = loads(&folder, &text);
    let configuration = loaded.configuration.unwrap();
    assert_eq!(configuration.dialect.unwrap().name, "agent");
    assert!(
        configuration
            .values
            .at(["services", "db", "path"])
            .is_some()
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let (_dir, path) = file("compose.yaml", "services: [");
    assert!(
        super::compose(&path)
            .unwrap_err()
            .to_string()
            .contains("unclosed bracket")
    );
    let (_dir, path) = file("config.yml", "deployed_services: [db]");
    assert!(super::config(&path, Vec::new()).is_err());
}
