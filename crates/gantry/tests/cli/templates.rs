//! Templates, build folders, and the `config.yml` dialect, through the command.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::Stack;

/// A small project of the dialect, to which each test adds.
const CONFIG: &str = "\
project_name: agent
deployed_services: [db]
services:
  db: { path: services/db, port_host: 5432 }
key: ${API_KEY}
";

const DB: &str = "\
services:
  db:
    image: postgres:{{ version | default(16) }}
    ports: ['{{ services.db.port_host }}:5432']
    labels: { at: \"{{ osprey_labels.deployed_at }}\" }
";

const CONFIG_FILE: &str = "config.yml";
const TEMPLATE: &str = "services/db/docker-compose.yml.j2";

fn project(files: &[(&str, &str)]) -> Stack {
    let stack = Stack::empty();
    let base = [(CONFIG_FILE, CONFIG), (TEMPLATE, DB)];
    for (name, text) in base.iter().chain(files) {
        put(&stack, name, text);
    }
    stack
}

fn put(stack: &Stack, name: &str, text: &str) {
    let path = stack.path().join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders");
    fs::write(path, text).expect("a file");
}

fn text(stack: &Stack, name: &str) -> String {
    fs::read_to_string(stack.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every file below a folder, with its bytes, its place on the disk and its time.
fn everything(folder: &Path) -> BTreeMap<String, (Vec<u8>, u64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let kind = path.symlink_metadata().expect("it is there");
            if kind.is_dir() {
                folders.push(path.clone());
            }
            let bytes = if kind.is_file() {
                fs::read(&path).expect("a file")
            } else {
                Vec::new()
            };
            found.insert(
                path.display().to_string(),
                (bytes, kind.ino(), kind.mtime_nsec()),
            );
        }
    }
    found
}

const RENDER: [&str; 3] = ["-f", CONFIG_FILE, "render"];

#[test]
fn a_project_is_valid_if_its_templates_are_and_nothing_is_written_for_that() {
    const VALIDATE: [&str; 3] = ["-f", CONFIG_FILE, "validate"];
    let stack = project(&[(".env", "API_KEY=secret\n")]);
    stack.gantry(&VALIDATE).expect(0);
    put(&stack, "build/ours.txt", "not gantry's");
    stack.gantry(&VALIDATE).expect(0);
    assert!(!stack.path().join("build/services").exists());
    put(&stack, TEMPLATE, &DB.replace("port_host }}", "port }}"));
    let told = stack.shown(&VALIDATE);
    assert!(told.contains("docker-compose.yml.j2:4"), "{told}");
    stack.gantry(&VALIDATE).expect(2);
}

#[test]
fn a_project_is_rendered_and_then_left_alone() {
    let stack = project(&[
        ("services/docker-compose.yml.j2", "networks:\n  net:\n"),
        ("services/db/start.sh", "#!/bin/sh\n"),
        (
            "services/db/kernels/a/kernel.json.j2",
            "{\"at\": \"{{ services.db.port_host }}\"}\n",
        ),
        (".env", "API_KEY=secret\n"),
    ]);
    assert_snapshot!("rendered", stack.shown(&RENDER));
    let file = text(&stack, "build/services/db/docker-compose.yml");
    assert!(
        file.contains("'5432:5432'") && file.contains("postgres:16"),
        "{file}"
    );
    let config = text(&stack, "build/services/db/config.yml");
    assert!(config.contains("key: '${API_KEY}'"), "{config}");
    let passed = text(&stack, "build/services/docker-compose.gantry.yml");
    assert!(passed.contains("API_KEY:\n"), "{passed}");
    for (path, (bytes, ..)) in everything(&stack.path().join("build")) {
        assert!(
            !String::from_utf8_lossy(&bytes).contains("secret"),
            "{path}"
        );
    }

    let before = everything(&stack.path().join("build"));
    assert_snapshot!("rendered_again", stack.shown(&RENDER));
    assert_eq!(everything(&stack.path().join("build")), before);

    // The time is that of the last change.
    put(&stack, "services/db/start.sh", "#!/bin/sh\nexit 1\n");
    assert_snapshot!("rendered_changed", stack.shown(&RENDER));
    put(&stack, CONFIG_FILE, &CONFIG.replace("[db]", "[]"));
    assert_snapshot!("rendered_nothing", stack.shown(&RENDER));
    assert_snapshot!(
        "rendered_json",
        stack.shown(&["-f", CONFIG_FILE, "render", "-o", "json", "--dry-run"])
    );
}

#[test]
fn a_stack_file_with_templates() {
    let stack = Stack::of(
        "name = \"shop\"\n[vars]\ntag = \"1.4\"\n\
         [services.db]\n[services.db.compose]\ntemplate = \"db/compose.yml.j2\"\n\
         [services.api.compose.template]\nfile = \"api/compose.yml.j2\"\ncopy-src = true\nignore = [\"*.log\"]\nadditional-dirs = [\"docs\"]\n",
    );
    for (name, text) in [
        (
            "db/compose.yml.j2",
            "services:\n  db: { image: 'db:{{ vars.tag }}', networks: [back] }\n",
        ),
        (
            "api/compose.yml.j2",
            "services:\n  api: { image: '{{ name }}', networks: [back] }\n",
        ),
        ("src/app/main.py", "x"),
        ("src/app/x.log", "x"),
        ("docs/a.md", "x"),
        ("requirements.txt", "-e ./src/app\n"),
    ] {
        put(&stack, name, text);
    }
    assert_snapshot!("rendered_toml", stack.shown(&["render"]));
    assert_eq!(
        text(&stack, "build/docker-compose.yml"),
        "networks:\n  default: {}\n  back: {}\n"
    );
    assert_eq!(
        text(&stack, "build/api/repo_src/requirements.txt"),
        "-e ./repo_src/app\n"
    );
    assert!(text(&stack, "build/db/compose.yml").contains("db:1.4"));
}

#[test]
fn a_wheel_goes_to_every_service() {
    let stack = project(&[("my-1.0-py3-none-any.whl", "wheel")]);
    let words = [
        "-f",
        CONFIG_FILE,
        "render",
        "--local-package",
        "my-1.0-py3-none-any.whl",
    ];
    stack.gantry(&words).expect(0);
    assert_eq!(
        text(&stack, "build/services/db/my-1.0-py3-none-any.whl"),
        "wheel"
    );
    let wrong = ["-f", CONFIG_FILE, "render", "--local-package", "nothing"];
    assert_snapshot!("no_package", stack.shown(&wrong));
}

/// A project whose own code builds its wheel, so that nothing is fetched.
const PACKAGE: &[(&str, &str)] = &[
    (
        "mine/pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    ),
    ("mine/mine.py", "WORD = 1\n"),
    (
        "mine/backend.py",
        "import os, zipfile\n\
         NAME = 'mine-1.0-py3-none-any.whl'\n\
         def build_wheel(folder, config_settings=None, metadata_directory=None):\n\
         \x20   info = 'mine-1.0.dist-info/'\n\
         \x20   files = {'mine.py': open('mine.py').read(), info + 'METADATA': 'Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n',\n\
         \x20            info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n', info + 'RECORD': ''}\n\
         \x20   with zipfile.ZipFile(os.path.join(folder, NAME), 'w') as wheel:\n\
         \x20       for name, text in files.items():\n\
         \x20           wheel.writestr(zipfile.ZipInfo(name), text + '# ' + os.environ['SOURCE_DATE_EPOCH'])\n\
         \x20   return NAME\n",
    ),
];

#[expect(
    clippy::disallowed_methods,
    reason = "a test looks whether a program is there"
)]
fn has_pip() -> bool {
    let mut python = std::process::Command::new("python3");
    let version = python.args(["-m", "pip", "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}

#[test]
fn a_wheel_is_built_of_a_folder() {
    let stack = project(PACKAGE);
    if !has_pip() {
        return gantry_test::skip("a wheel of a folder", "python3 with pip");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let render = |package: &str| {
        let mut command = stack.command(&["-f", CONFIG_FILE, "render", "--local-package", package]);
        command.env("PATH", &path);
        stack.show(command)
    };
    assert_snapshot!("package_folder", render("mine"));
    let wheel = stack
        .path()
        .join("build/services/db/mine-1.0-py3-none-any.whl");
    let bytes = fs::read(&wheel).expect("a wheel");
    assert!(bytes.starts_with(b"PK"));
    // The same folder gives the same wheel.
    assert_snapshot!("package_folder_again", render("mine"));
    put(
        &stack,
        "mine/backend.py",
        "def build_wheel(*a, **k): raise SystemExit('no compiler here')\n",
    );
    let said = render("mine");
    assert!(
        said.starts_with("exit code: 1") && said.contains("build a wheel of mine"),
        "{said}"
    );
    assert_eq!(fs::read(&wheel).expect("it stays"), bytes);
}

#[test]
fn what_is_no_package_is_said() {
    let stack = project(&[]);
    for (name, package) in [
        ("no_package_folder", "services"),
        ("no_package_kind", "config.yml"),
    ] {
        let render = ["-f", CONFIG_FILE, "render", "--local-package", package];
        assert_snapshot!(name, stack.shown(&render));
    }
}

#[test]
fn files_of_others_in_the_build_folder_stay() {
    let stack = project(&[("build/services/db/docker-compose.yml", "theirs")]);
    assert_snapshot!("in_the_way", stack.shown(&RENDER));
    assert_eq!(
        text(&stack, "build/services/db/docker-compose.yml"),
        "theirs"
    );
    stack
        .gantry(&["-f", CONFIG_FILE, "render", "--replace"])
        .expect(0);
    assert!(text(&stack, "build/services/db/docker-compose.yml").contains("postgres"));
}

#[test]
fn what_a_template_needs_of_another_one_comes_first() {
    let web = (
        "services/web/docker-compose.yml.j2",
        "services: { web: { image: web, depends_on: { db: { condition: service_healthy } } }, two: { image: web, links: ['db:store'] } }\n",
    );
    let config = CONFIG
        .replace("[db]\nservices:\n", WITH_WEB)
        .replace("[db, web]", "[web, db]");
    let stack = project(&[(CONFIG_FILE, &config), web, (".env", "API_KEY=x\n")]);
    assert_snapshot!(
        "needs_of_templates",
        stack.shown(&["-f", CONFIG_FILE, "plan", "web"])
    );
}

#[test]
fn a_service_that_left_the_list_is_gone_and_nothing_else() {
    let with = CONFIG.replace("[db]", "[db, web]")
        + "framework: { services: { web: { path: services/web } } }\n";
    let web = (
        "services/web/docker-compose.yml.j2",
        "services: { web: { image: web } }\n",
    );
    let stack = project(&[(CONFIG_FILE, &with), web]);
    stack.gantry(&RENDER).expect(0);
    put(&stack, "build/services/web/data", "theirs");
    put(&stack, CONFIG_FILE, CONFIG);
    assert_snapshot!("rendered_one_less", stack.shown(&RENDER));
    assert_eq!(text(&stack, "build/services/web/data"), "theirs");
}

/// A second service in the list.
const WITH_WEB: &str = "[db, web]\nservices:\n  web: { path: services/web }\n";

/// What is wrong, and a word for it.
fn wrong() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let config = |from: &str, to: &str| vec![(CONFIG_FILE, CONFIG.replace(from, to))];
    let more = |text: &str| vec![(CONFIG_FILE, CONFIG.to_owned() + text)];
    let template = |text: &str| vec![(TEMPLATE, text.to_owned())];
    let web = |part: &str| {
        vec![(
            "services/web/docker-compose.yml.j2",
            format!("services:\n  {part}\n"),
        )]
    };
    vec![
        ("undefined", template("services:\n  db: { image: '{{ services.db.image }}' }\n")),
        ("undefined_parent", template("a: {{ nothing.at.all }}\n")),
        ("none", [template("a: {{ empty }}\n"), more("empty:\n")].concat()),
        ("unset_in_a_template", [more(""), template("a: {{ key }}\n")].concat()),
        ("template_syntax", template("services:\n{% if x %}\n  db: {}\n")),
        ("template_tag", template("{% include 'other' %}\n")),
        ("template_types", template("{% if services.db.port_host > '5' %}x{% endif %}\n")),
        ("template_filter", template("{{ key | uper }}\n")),
        ("rendered_no_yaml", template("services: [\n")),
        ("rendered_no_services", template("volumes: {}\n")),
        ("no_template", config("services/db", "services/cache")),
        ("path_outside", config("services/db", "../ledger")),
        ("path_unset", config("services/db", "'${SERVICES}/db'")),
        ("build_dir_here", more("build_dir: .\n")),
        ("build_dir_around", more("build_dir: services\n")),
        ("build_dir_inside", more("build_dir: services/db/build\n")),
        ("build_dir_unset", more("build_dir: ${OUT}\n")),
        ("unknown_service", config("[db]", "[bd]")),
        ("ambiguous", [config("[db]", "[web]"), vec![(CONFIG_FILE, CONFIG.replace("[db]", "[web]") + "framework: { services: { web: { path: a } } }\nosprey: { services: { web: { path: b } } }\n")]].concat()),
        ("import_circle", [more("import: a.yml\n"), vec![("a.yml", "import: b.yml\n".to_owned()), ("b.yml", "import: config.yml\n".to_owned())]].concat()),
        ("import_missing", more("import: nowhere.yml\n")),
        ("copy_src_quoted", config("port_host: 5432", "copy_src: \"no\"")),
        ("copy_src_without", config("port_host: 5432", "copy_src: yes")),
        ("port", config("5432", "65536")),
        ("port_unset", config("5432", "'${PORT}'")),
        ("copy_outside", config("port_host: 5432", "additional_dirs: [../shared]")),
        ("runtime", more("container_runtime: containerd\n")),
        ("deployed_a_word", config("[db]", "db")),
        ("no_path", config("path: services/db, ", "")),
        ("same_template", config("[db]\nservices:\n", "[db, again]\nservices:\n  again: { path: services/db }\n")),
        ("same_part", [web("db: { image: x }"), config("[db]\nservices:\n", WITH_WEB)].concat()),
        ("templates_circle", [
            web("web: { image: x, depends_on: [db] }"),
            config("[db]\nservices:\n", WITH_WEB),
            template("services:\n  db: { image: x, depends_on: { web: { condition: service_healthy } } }\n"),
        ].concat()),
        ("deployed_a_number", config("[db]", "[5]")),
        ("applications_a_word", more("applications: als\n")),
        ("application_outside", more("applications: [../als]\n")),
        ("import_a_list", more("import: [a.yml]\n")),
        ("services_a_list", more("framework: { services: [a] }\n")),
        ("copy_without_source", config("port_host: 5432", "additional_dirs: [{ to: docs }]")),
    ]
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    for (name, files) in wrong() {
        let plain = CONFIG.replace("${API_KEY}", "plain");
        let stack = project(&[
            (CONFIG_FILE, &plain),
            ("../ledger/book", "theirs"),
            ("ledger/book", "a namesake"),
        ]);
        for (file, text) in &files {
            let text = if name.contains("in_a_template") {
                text.clone()
            } else {
                text.replace("${API_KEY}", "plain")
            };
            put(&stack, file, &text);
        }
        let before = everything(&stack.path());
        assert_snapshot!(format!("wrong_{name}"), stack.shown(&RENDER));
        assert_eq!(everything(&stack.path()), before, "{name}");
        stack.gantry(&RENDER).expect(2);
    }
}

#[test]
fn other_files_are_imported() {
    let stack = project(&[(
        "compose.yaml",
        "services: { db: { image: postgres, tty: true, ulimits: { nproc: 512, nofile: { soft: 1024, hard: 2048 } } } }\n",
    )]);
    assert_snapshot!(
        "import_config",
        stack.shown(&["import", "config", CONFIG_FILE])
    );
    assert_snapshot!(
        "import_compose",
        stack.shown(&["import", "compose", "compose.yaml"])
    );
    let to = ["import", "config", CONFIG_FILE, "--to", "gantry.toml"];
    stack.gantry(&to).expect(0);
    assert_snapshot!("import_again", stack.shown(&to));
    // The stack file does what the other one did.
    stack.gantry(&["render"]).expect(0);
    let file = text(&stack, "build/services/db/docker-compose.yml");
    assert!(file.contains("'5432:5432'"), "{file}");
    assert_snapshot!(
        "import_nothing",
        stack.shown(&["import", "compose", "nothing.yaml"])
    );
}

#[test]
fn cleaning_removes_what_was_rendered() {
    let stack = project(&[(".env", "API_KEY=x\n")]);
    stack.gantry(&RENDER).expect(0);
    put(&stack, "build/services/db/theirs", "t");
    assert_snapshot!("clean", stack.shown(&["-f", CONFIG_FILE, "clean"]));
    assert_eq!(text(&stack, "build/services/db/theirs"), "t");
    assert!(!stack.path().join("build/services/db/config.yml").exists());
}

#[test]
fn rebuilding_cleans_and_renders_before_it_starts() {
    let stack = project(&[(".env", "API_KEY=x\n")]);
    stack.gantry(&RENDER).expect(0);
    put(&stack, "build/services/db/docker-compose.yml", "broken");
    let path = stack.path().join("nobody.sock");
    let engine = format!("unix://{}", path.display());
    let mut command = stack.command(&["-f", CONFIG_FILE, "rebuild", "-d"]);
    command
        .env("DOCKER_HOST", &engine)
        .env("CONTAINER_RUNTIME", "docker");
    let output = gantry_test::output(&mut command);
    // There is no engine: nothing starts, and what would be started is there.
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&stack, "build/services/db/docker-compose.yml").contains("postgres"));
    stack.expect_nothing_left();
}

/// Copies a folder of files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file");
        }
    }
}

#[test]
fn the_example_renders() {
    let stack = Stack::empty();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/templates");
    copy(&example, &stack.path());
    stack.gantry(&["render"]).expect(0);
    let file = text(&stack, "build/services/reader/docker-compose.yml");
    assert!(
        file.contains("WORD_2: \"two\"\n") && file.contains("TZ: ${TZ:-UTC}"),
        "{file}"
    );
}
