//! What templates give here, compared with what Python's Jinja2 makes of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use gantry_render::jinja::{Dict, Key, Problem, ProblemKind, Template, Value};
use gantry_test::skip;
use serde_json::{Value as Json, json};

#[path = "python/generate.rs"]
mod generate;

struct Python {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test compares with another program"
    )]
    fn start() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/render.py");
        let there = std::process::Command::new("python3")
            .args([
                "-c",
                "import jinja2; assert jinja2.__version__.startswith('3.1')",
            ])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !there {
            return None;
        }
        let mut child = std::process::Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 was there just before");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        Some(Self { child, to, from })
    }

    fn render(&mut self, template: &str, context: &Json) -> Result<String, String> {
        let case = json!({ "template": template, "context": context });
        writeln!(self.to, "{case}").expect("python reads");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("python answers");
        let answer: Json = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("no answer to {template:?}: {error}"));
        match answer["text"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

impl Python {
    /// With what Python's YAML reads in a file.
    fn render_file(&mut self, template: &str, file: &camino::Utf8Path) -> String {
        let case = json!({ "template": template, "file": file });
        writeln!(self.to, "{case}").expect("python reads");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("python answers");
        let answer: Json = serde_json::from_str(&line).expect("the answer is JSON");
        answer["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Float(number.as_f64().unwrap_or_default()),
            Value::Int,
        ),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(_) => Value::from(dict(json)),
    }
}

fn dict(json: &Json) -> Dict {
    let entries = json.as_object().into_iter().flatten();
    entries
        .map(|(key, one)| (Key::from(key.as_str()), value(one)))
        .collect()
}

fn here(template: &str, context: &Json) -> Result<String, Problem> {
    Template::parse(template)?.render(&dict(context))
}

fn context() -> Json {
    json!({
        "name": "jupyter", "empty": "", "port": 8088, "zero": 0, "big": 9_007_199_254_740_993_i64, "minus": -7,
        "ratio": 0.5, "tiny": 0.000_01, "large": 1e16, "yes": true, "no": false, "nothing": null,
        "text": "It's \"quoted\" <b> & é\n  second line\n", "words": "a,b, c", "digits": " 42 ",
        "list": ["b", "A", "c", "a"], "numbers": [3, 1, 2, 2], "mixed": [1, "a", null, true, 1.5, [1], {"k": "v"}],
        "nested": { "services": { "db": { "port_host": 5432, "items": [1, 2], "name": "db" } } },
        "people": [{ "name": "Ann", "age": 30 }, { "name": "bob", "age": 25 }, { "name": "Cy", "age": 30 }],
        "map": { "b": 1, "a": 2, "C": 3 },
    })
}

/// Whether an error is one that the documentation promises: a value that is not there or `None`, or
/// something that gantry does not have.
fn is_stricter(problem: &Problem) -> bool {
    matches!(
        problem.kind,
        ProblemKind::Missing | ProblemKind::Unsupported
    )
}

/// How many gave the same text.
fn compare<'a>(python: &mut Python, cases: impl Iterator<Item = (&'a str, Json)>) -> usize {
    let mut same = 0;
    let mut wrong = Vec::new();
    for (template, context) in cases {
        let theirs = python.render(template, &context);
        let ours = here(template, &context);
        match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) => {
                same += 1;
                if theirs == ours {
                    continue;
                }
            }
            (Ok(_), Err(problem)) if is_stricter(problem) => continue,
            (Err(_), Err(_)) => continue,
            _ => {}
        }
        wrong.push(format!("{template:?}: {ours:?}, and in Python {theirs:?}"));
    }
    assert!(
        wrong.is_empty(),
        "{} of {same} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    same
}

#[test]
fn snippets_give_the_same() {
    let Some(mut python) = Python::start() else {
        return skip("snippets_give_the_same", "jinja2");
    };
    let snippets: Vec<&str> = include_str!("snippets.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("## "))
        .collect();
    let unescaped: Vec<String> = snippets
        .iter()
        .map(|line| line.replace("⏎", "\n").replace("␍", "\r"))
        .collect();
    for one in &unescaped {
        let same = compare(&mut python, std::iter::once((one.as_str(), context())));
        assert_eq!(
            same,
            1,
            "no text of {one:?}: {:?}, {:?}",
            here(one, &context()),
            python.render(one, &context())
        );
    }
}

#[test]
fn errors_are_errors_in_both() {
    let Some(mut python) = Python::start() else {
        return skip("errors_are_errors_in_both", "jinja2");
    };
    let wrong = include_str!("wrong.txt")
        .lines()
        .filter(|line| !line.is_empty());
    for one in wrong {
        let theirs = python.render(one, &context());
        let ours = here(one, &context());
        assert!(
            theirs.is_err() && ours.is_err(),
            "{one:?}: {ours:?}, {theirs:?}"
        );
    }
}

/// What Python reads in two files, as it writes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the test compares with another program"
)]
fn read_by_python(files: [&camino::Utf8Path; 2]) -> Option<[String; 2]> {
    let script =
        "import sys, yaml\nfor file in sys.argv[1:]: print(repr(yaml.safe_load(open(file))))";
    let mut command = std::process::Command::new("python3");
    let output = command.args(["-c", script]).args(files).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    Some([lines.next()?, lines.next()?])
}

const CONFIG: &str = include_str!("config.yml");

#[test]
fn a_copied_configuration_is_the_same_to_python() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = camino::Utf8Path::from_path(folder.path()).expect("its name is text");
    let template = "services/one/docker-compose.yml.j2";
    std::fs::create_dir_all(root.join("services/one")).expect("a folder");
    std::fs::write(root.join("config.yml"), CONFIG).expect("a file");
    let every = "services: { one: { image: x } }\n{% for key, value in odd.items() %}# {{ key }}: {{ [value] }}\n{% endfor %}";
    std::fs::write(root.join(template), every).expect("a file");
    let loaded = gantry_stack::load::load(&gantry_stack::load::LoadOptions {
        files: vec!["config.yml".into()],
        folder: root.to_owned(),
        ..Default::default()
    })
    .unwrap_or_else(|report| panic!("{report}"));
    let options = gantry_render::Options {
        write: true,
        ..Default::default()
    };
    gantry_render::prepare(&loaded, &options).unwrap_or_else(|report| panic!("{report}"));
    let build = root.join("build/services/one");
    let files = [&*root.join("config.yml"), &*build.join("config.yml")];
    let (Some([theirs, ours]), Some(mut python)) = (read_by_python(files), Python::start()) else {
        return skip(
            "a_copied_configuration_is_the_same_to_python",
            "jinja2 and yaml",
        );
    };
    assert_eq!(ours, theirs);
    // And what a template prints of it is what it prints of what Python reads.
    let rendered = std::fs::read_to_string(build.join("docker-compose.yml")).expect("a file");
    let odd = python.render_file(every, &root.join("config.yml"));
    assert_eq!(rendered, odd);
}

#[test]
fn random_templates_give_the_same() {
    let Some(mut python) = Python::start() else {
        return skip("random_templates_give_the_same", "jinja2");
    };
    let count: u64 = std::env::var("GANTRY_JINJA_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(3000);
    let cases: Vec<String> = (0..count).map(generate::template).collect();
    let same = compare(
        &mut python,
        cases.iter().map(|one| (one.as_str(), context())),
    );
    let least = usize::try_from(count / 4).expect("it is small");
    assert!(
        same > least,
        "only {same} of {count} gave a text, too few to tell"
    );
}
