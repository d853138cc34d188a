use std::fmt::Write as _;

use camino::Utf8Path;
use proptest::prelude::*;

use super::*;
use crate::diagnostic::Diagnostics;
use crate::node::{Node, Value};
use crate::read::{Format, read_as};
use crate::source::SourceMap;

#[derive(Default)]
struct Desk {
    sources: SourceMap,
    diagnostics: Diagnostics,
}

impl Desk {
    fn read(&mut self, layer: Layer, yaml: &str) -> Node {
        let name = format!("{layer}.yaml");
        let id = self.sources.add_file(name, layer, yaml);
        read_as(Format::Yaml, id, &self.sources, &mut self.diagnostics)
    }

    fn merged(&mut self, lower: &str, upper: &str) -> Node {
        let lower = without_resets(self.read(Layer::Import, lower));
        let upper = self.read(Layer::File, upper);
        merge(lower, upper, &mut self.diagnostics)
    }

    fn errors(self) -> Vec<String> {
        let report = self.diagnostics.finish(self.sources.into());
        report.plain().iter().map(ToString::to_string).collect()
    }
}

fn show(node: &Node) -> String {
    match &node.value {
        Value::Seq(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let entries = map
                .iter()
                .map(|e| format!("{}={}", e.key.name, show(&e.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
        Value::Str(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Null => "null".to_owned(),
    }
}

#[test]
fn mappings_merge_and_the_rest_replaces() {
    let cases = [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", "{a=1 b=3 c=4}"),
        ("{a: {x: 1, y: 2}}", "{a: {y: 3}}", "{a={x=1 y=3}}"),
        ("{a: [1, 2]}", "{a: [3]}", "{a=[3]}"),
        ("{a: [1, 2]}", "{a: []}", "{a=[]}"),
        ("{a: 1}", "{a: !reset}", "{}"),
        ("{a: {x: 1, y: 2}}", "{a: {x: !reset}}", "{a={y=2}}"),
        ("{a: {x: 1}}", "{a: !override {y: 2}}", "{a={y=2}}"),
        ("{a: {x: 1}}", "{a: !override {y: !reset}}", "{a={}}"),
        ("{}", "{a: {x: !reset, y: [1, !reset 2]}}", "{a={y=[1]}}"),
        ("{a: !reset}", "{b: 1}", "{b=1}"),
        ("{a: null}", "{a: {x: 1}}", "{a={x=1}}"),
        ("{a: {x: 1}}", "{a: null}", "{a=null}"),
        (
            "{s: {db: {r: {p: 1}}}}",
            "{s: {db: {r: never}}}",
            "{s={db={r=never}}}",
        ),
    ];
    for (lower, upper, expected) in cases {
        let mut desk = Desk::default();
        assert_eq!(
            show(&desk.merged(lower, upper)),
            expected,
            "{lower} + {upper}"
        );
        assert_eq!(desk.errors(), Vec::<String>::new(), "{lower} + {upper}");
    }
}

#[test]
fn structure_must_stay_structure() {
    let mut desk = Desk::default();
    desk.merged("services:\n  db: {x: 1}\n", "services:\n  db: 5\n");
    assert_eq!(
        desk.errors(),
        [
            "file.yaml:2:7: error: a whole number here, but a mapping in a lower layer\n  import.yaml:2:7: a mapping from import\n  hint: a mapping and another kind of value cannot merge"
        ]
    );
}

#[test]
fn every_value_knows_its_layer() {
    let mut desk = Desk::default();
    let node = desk.merged("{a: {x: 1, y: 2}}", "{a: {y: 3}}");
    let mut found = Vec::new();
    node.leaves(&mut |path, leaf| {
        let place = desk.sources.place(leaf.span).unwrap().to_string();
        found.push((path.to_owned(), leaf.layer, place));
    });
    let expected = [
        (
            "a.x".to_owned(),
            Layer::Import,
            "import.yaml:1:9".to_owned(),
        ),
        ("a.y".to_owned(), Layer::File, "file.yaml:1:9".to_owned()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_environment_names_by_two_underscores() {
    let mut desk = Desk::default();
    let lower = desk.read(
        Layer::File,
        "services: {my_db: {ports: {sql: 1}}, web-api: {}}\nvars: {TAG: a}\n",
    );
    let variables = [
        ("GANTRY_HOME", "/x"),
        ("GANTRY_PORT_SQL", "1"),
        ("OTHER__X", "1"),
        ("GANTRY_SERVICES__MY_DB__PORTS__SQL", "5433"),
        ("GANTRY_SERVICES__WEB_API__START_TIMEOUT", "5s"),
        ("GANTRY_VARS__TAG", "x y"),
        ("GANTRY_VARS__NEW_ONE", "[1, 2]"),
        ("GANTRY_VARS__ODD", "[1, 2"),
        ("GANTRY_VARS__VERSION", "1.4.2"),
    ];
    let folder = Utf8Path::new("/w");
    let trees = environment(
        variables,
        &lower,
        folder,
        &mut desk.sources,
        &mut desk.diagnostics,
    );
    let shown: Vec<_> = trees.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "{services={my_db={ports={sql=5433}}}}",
            "{services={web-api={start-timeout=5s}}}",
            "{vars={new-one=[1 2]}}",
            "{vars={odd=[1, 2}}",
            "{vars={TAG=x y}}",
            "{vars={version=1.4.2}}",
        ]
    );
    let leaf = trees[0].at(["services", "my_db", "ports", "sql"]).unwrap();
    assert_eq!(leaf.layer, Layer::Environment);
    let place = desk.sources.place(leaf.span).unwrap();
    assert_eq!(place.to_string(), "GANTRY_SERVICES__MY_DB__PORTS__SQL:1:1");
    assert_eq!(desk.sources.folder(leaf.span), "/w");
}

#[test]
fn flags_set_one_value() {
    let cases = [
        ("a=1", Ok("{a=1}")),
        ("a.b-c.d=x=y", Ok("{a={b-c={d=x=y}}}")),
        ("a.\"b.c\"=", Ok("{a={b.c=}}")),
        ("a=true", Ok("{a=true}")),
        ("a='5'", Ok("{a=5}")),
        ("a={ x = 1 }", Ok("{a={x=1}}")),
        (
            "a",
            Err("--set:1:1: error: `a` sets nothing; expected `name.of.it=value`"),
        ),
        (
            "a..b=1",
            Err(
                "--set:1:1: error: `a..b` has an empty name in it; expected names with dots between them",
            ),
        ),
        (
            "=1",
            Err(
                "--set:1:1: error: `` has an empty name in it; expected names with dots between them",
            ),
        ),
    ];
    for (text, expected) in cases {
        let mut desk = Desk::default();
        let node = assignment(
            text,
            Utf8Path::new("."),
            &mut desk.sources,
            &mut desk.diagnostics,
        );
        match expected {
            Ok(expected) => assert_eq!(node.as_ref().map(show).as_deref(), Some(expected)),
            Err(expected) => assert_eq!(desk.errors(), [expected]),
        }
    }
}

proptest! {
    #[test]
    fn merging_a_tree_with_itself_changes_nothing(keys in proptest::collection::vec("[a-f]{1,2}", 1..40)) {
        let mut yaml = String::new();
        for (at, key) in keys.iter().enumerate() {
            let _ = writeln!(yaml, "{key}{at}: {{x: [{at}], y: {at}}}");
        }
        let mut desk = Desk::default();
        let merged = desk.merged(&yaml, &yaml);
        let alone = desk.read(Layer::File, &yaml);
        prop_assert_eq!(show(&merged), show(&alone));
        prop_assert!(desk.diagnostics.is_empty());
    }

    #[test]
    fn arbitrary_flags_never_panic(text in "[a-c.\"=\\[{}'0-9é]{0,20}") {
        let mut desk = Desk::default();
        let _ = assignment(&text, Utf8Path::new("."), &mut desk.sources, &mut desk.diagnostics);
    }
}
