use camino::Utf8PathBuf;
use indexmap::IndexMap;

use crate::load::{LoadOptions, Loaded, load};
use crate::modes::compose::ComposeSpec;

/// Files of a project, loaded from `config.yml` with these variables.
fn project(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    load(&LoadOptions {
        files: vec!["config.yml".into()],
        folder: root,
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..LoadOptions::default()
    })
    .map_err(|report| report.to_string())
}

/// The services that are deployed, with their specifications.
fn services(loaded: &Loaded) -> IndexMap<String, ComposeSpec> {
    let services = loaded.stack.services.iter();
    services
        .map(|(name, service)| {
            let spec = serde_json::from_value(service.run.spec.clone()).unwrap();
            (name.to_string(), spec)
        })
        .collect()
}

fn names(loaded: &Loaded) -> Vec<String> {
    services(loaded).into_keys().collect()
}

const FRAMEWORK: &str = "
deployed_services: [framework.jupyter, pipelines]
framework:
  services:
    jupyter: { path: ./services/framework/jupyter, copy_src: true, render_kernel_templates: yes }
    pipelines: { path: services/framework/pipelines, additional_dirs: [interfaces, {src: a, dst: b}, {src_dir: c, dest_dir: d}] }
";

const APP: &str = "
deployed_services: [mongo]
services:
  mongo: { path: services/applications/als/mongo }
  express: { name: no-path }
";

#[test]
fn the_first_generation_with_its_files() {
    let loaded = project(
        &[
            ("config.yml", "import: src/framework/config.yml\napplications: [als]\nbuild_dir: ./out\nproject_name: My agent"),
            ("src/framework/config.yml", FRAMEWORK),
            ("src/applications/als/config.yml", APP),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(loaded.stack.name, "My-agent");
    let services = services(&loaded);
    let all: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(
        all,
        [
            "framework.jupyter",
            "framework.pipelines",
            "applications.als.mongo"
        ]
    );
    let dir = &loaded.stack.dir;
    let jupyter = services["framework.jupyter"].template.as_ref().unwrap();
    assert_eq!(
        jupyter.file,
        dir.join("services/framework/jupyter/docker-compose.yml.j2")
    );
    assert!(jupyter.copy_src && jupyter.kernel_templates);
    assert_eq!(jupyter.config.as_deref(), Some("config.yml"));
    let pipelines = services["framework.pipelines"].template.as_ref().unwrap();
    let copies: Vec<_> = pipelines
        .additional_dirs
        .iter()
        .map(|one| {
            (
                one.source.strip_prefix(dir).unwrap().as_str(),
                one.to.as_str(),
            )
        })
        .collect();
    assert_eq!(
        copies,
        [("interfaces", "interfaces"), ("a", "b"), ("c", "d")]
    );
    assert_eq!(loaded.stack.render.build_dir, Some(dir.join("out")));
    assert_eq!(loaded.files.len(), 3);
}

#[test]
fn the_second_generation_in_one_file() {
    let text = "
project_root: ${ROOT:-/srv/${WHERE:-here}}
container_runtime: podman
services:
  jupyter: { path: ./services/jupyter, containers: { read: { port_host: 8088, port_container: '8088' } } }
  open_webui: { path: ./services/open-webui, port_host: '${PORT}' }
deployed_services:
  - open_webui
osprey: { services: { mongo: { path: services/mongo } } }
";
    let files = [
        ("config.yml", text),
        (".env", "PORT=8080\n"),
        ("services/docker-compose.yml.j2", ""),
    ];
    let loaded = project(&files, &[]).unwrap();
    assert_eq!(names(&loaded), ["open_webui"]);
    let webui = &services(&loaded)["open_webui"];
    assert_eq!(webui.engine, "podman");
    assert_eq!(webui.env_files, [loaded.stack.dir.join(".env")]);
    assert!(loaded.stack.render.root.is_some());
    let dialect = loaded.configuration.unwrap().dialect.unwrap();
    assert_eq!(
        (dialect.name.as_str(), dialect.root.as_str()),
        ("here", "/srv/here")
    );
    let loaded = project(&files, &[("CONTAINER_RUNTIME", "Docker")]).unwrap();
    assert_eq!(services(&loaded)["open_webui"].engine, "docker");
}

#[test]
fn the_first_file_has_the_last_word_on_what_is_deployed() {
    let with = |list: &str| {
        let main = format!("import: f.yml\napplications: {{ als: null }}\n{list}");
        let files = [
            ("config.yml", &*main),
            ("f.yml", FRAMEWORK),
            ("src/applications/als/config.yml", APP),
        ];
        names(&project(&files, &[]).unwrap())
    };
    assert!(with("deployed_services: []").is_empty());
    assert_eq!(
        with("deployed_services: [mongo]"),
        ["applications.als.mongo"]
    );
    assert_eq!(with("deployed_services:").len(), 3);
    assert_eq!(with("").len(), 3);
}

#[test]
fn names_may_be_short_where_they_mean_one() {
    let main = "
framework: { services: { db: { path: a } } }
applications: { als: { deployed_services: [db], services: { db: { path: b }, one: { path: c } } } }
";
    let with = |list: &str| {
        let text = format!("{main}deployed_services: {list}");
        project(&[("config.yml", &text)], &[]).map(|loaded| names(&loaded))
    };
    assert_eq!(with("[one]").unwrap(), ["applications.als.one"]);
    let wrong = with("[db]").unwrap_err();
    assert!(
        wrong.contains("`db` may be `framework.db` or `applications.als.db`"),
        "{wrong}"
    );
    let wrong = with("[framework.one]").unwrap_err();
    assert!(
        wrong.contains("there is no service `framework.one`"),
        "{wrong}"
    );
    // In an application's own list its own services are meant.
    let own = project(&[("config.yml", main)], &[]).unwrap();
    assert_eq!(names(&own), ["applications.als.db"]);
}

#[test]
fn an_unset_variable_is_a_warning_where_nobody_uses_it() {
    let text = "
api: { key: '${API_KEY}', url: 'http://${HOST:-x}/$5', both: '${A}-${B:-b}' }
deployed_services: [db]
services: { db: { path: db }, other: { path: '${NOWHERE}' } }
";
    let loaded = project(&[("config.yml", text)], &[("A", "")]).unwrap();
    let warnings = loaded.warnings.to_string();
    assert!(
        warnings.contains("config.yml:2:14: warning: the variable `API_KEY` is not set"),
        "{warnings}"
    );
    assert_eq!(loaded.warnings.diagnostics.len(), 2, "{warnings}");
    let values = loaded.configuration.unwrap().values;
    let api = |key| values.at(["api", key]).unwrap();
    assert_eq!(api("key").as_str(), Some("${API_KEY}"));
    assert!(api("key").is_unresolved());
    assert_eq!(api("url").as_str(), Some("http://x/$5"));
    assert_eq!(api("both").as_str(), Some("-b"));
}

#[test]
fn an_unset_variable_never_names_a_folder_or_a_port() {
    let with = |text: &str| project(&[("config.yml", text)], &[]).unwrap_err();
    let one = "deployed_services: [db]\nservices: { db: { path: ";
    for (text, expected) in [
        (
            format!("{one}'${{DIR}}/db' }} }}"),
            "`path` has a variable that is not set",
        ),
        (
            format!("{one}db }} }}\nbuild_dir: $OUT"),
            "`build_dir` has a variable that is not set",
        ),
        (
            format!("{one}db, additional_dirs: ['${{X}}'] }} }}"),
            "`src` has a variable that is not set",
        ),
        (
            format!("{one}db, port_host: '${{X}}' }} }}"),
            "`port_host` has a variable that is not set",
        ),
    ] {
        let wrong = with(&text);
        assert!(wrong.contains(expected), "{text}: {wrong}");
    }
    let text =
        format!("{one}db }} }}\nproject_root: ${{ROOT}}\nfile_paths: {{ agent_data_dir: data }}");
    let loaded = project(&[("config.yml", &text)], &[]).unwrap();
    assert!(
        loaded
            .configuration
            .unwrap()
            .dialect
            .unwrap()
            .folders
            .is_empty()
    );
}

#[test]
fn a_quoted_no_is_not_yes() {
    let with = |value: &str| {
        let text = format!(
            "deployed_services: [db]\nservices: {{ db: {{ path: db, copy_src: {value} }} }}"
        );
        project(&[("config.yml", &text)], &[])
            .map(|loaded| services(&loaded)["db"].template.as_ref().unwrap().copy_src)
    };
    let wrong = with("\"no\"").unwrap_err();
    assert!(
        wrong.contains("expected true or false") && wrong.contains("without quotes"),
        "{wrong}"
    );
    assert_eq!(
        (with("no"), with("on"), with("True")),
        (Ok(false), Ok(true), Ok(true))
    );
}

#[test]
fn a_path_stays_in_the_project() {
    for path in ["../ledger", "services/../../ledger", "/etc"] {
        let text = format!("deployed_services: [db]\nservices: {{ db: {{ path: {path} }} }}");
        let wrong = project(&[("config.yml", &text)], &[]).unwrap_err();
        assert!(wrong.contains("`path` leads out of the project"), "{wrong}");
    }
}

#[test]
fn imports_may_nest_but_not_meet() {
    let wrong = project(
        &[
            ("config.yml", "import: a.yml"),
            ("a.yml", "import: sub/b.yml"),
            ("sub/b.yml", "import: ../a.yml"),
        ],
        &[],
    )
    .unwrap_err();
    assert!(wrong.contains("a.yml → sub/b.yml → a.yml"), "{wrong}");
    let loaded = project(
        &[
            ("config.yml", "import: a.yml\nx: {top: 1}"),
            ("a.yml", "import: sub/b.yml\nx: {a: 1, b: 1}"),
            ("sub/b.yml", "x: {b: 2, c: 2}\ndeployed_services: []"),
        ],
        &[],
    )
    .unwrap();
    let values = loaded.configuration.unwrap().values;
    let x: Vec<_> = values
        .at(["x"])
        .unwrap()
        .as_map()
        .unwrap()
        .iter()
        .map(|one| (one.key.name.to_string(), one.value.as_int()))
        .collect();
    let wanted = [("b", 1), ("c", 2), ("a", 1), ("top", 1)]
        .map(|(key, value)| (key.to_owned(), Some(value)));
    assert_eq!(x, wanted);
}

mod python {
    use super::super::scalar::{Scalar, read};

    #[test]
    fn scalars_are_what_python_makes_of_them() {
        let int = Scalar::Int;
        for (text, scalar) in [
            ("yes", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("y", Scalar::Str("y".into())),
            ("010", int(8)),
            ("0o10", Scalar::Str("0o10".into())),
            ("0x1F", int(31)),
            ("1_000", int(1000)),
            ("12:30", int(750)),
            ("12:99", Scalar::Str("12:99".into())),
            ("-5", int(-5)),
            ("+5", int(5)),
            ("08", Scalar::Str("08".into())),
            ("1.5", Scalar::Float(1.5)),
            ("1e3", Scalar::Str("1e3".into())),
            ("1.0e3", Scalar::Str("1.0e3".into())),
            ("1.0e+3", Scalar::Float(1000.0)),
            (".5", Scalar::Float(0.5)),
            ("5.", Scalar::Float(5.0)),
            ("1.2.3", Scalar::Str("1.2.3".into())),
            ("~", Scalar::None),
            ("2026-01-31", Scalar::Date("2026-01-31".into())),
            (
                "2026-01-31 10:00:00",
                Scalar::Date("2026-01-31 10:00:00".into()),
            ),
            ("8080:80", Scalar::Str("8080:80".into())),
            ("db", Scalar::Str("db".into())),
        ] {
            assert_eq!(read(text), scalar, "{text}");
        }
    }
}
