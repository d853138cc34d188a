use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::node::{Tag, Value};

fn run(format: Format, text: &str) -> (Node, SourceMap, Vec<String>) {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_file("f", Layer::File, text);
    let node = read_as(format, id, &sources, &mut diagnostics);
    let report = diagnostics.finish(sources.clone().into());
    let errors = report.plain().iter().map(ToString::to_string).collect();
    (node, sources, errors)
}

fn yaml(text: &str) -> Node {
    let (node, _, errors) = run(Format::Yaml, text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    node
}

/// Without places, as a test writes it.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Str(text) => format!("{text:?}"),
        Value::Seq(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let show = map
                .iter()
                .map(|e| format!("{}:{}", e.key.name, show(&e.value)));
            format!("{{{}}}", show.collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn both_formats_make_the_same_tree() {
    let toml = "name = 'shop'\n[services.db]\nports = { sql = 5432 }\nreplicas = 1\nx = [1.5, true, \"a\"]\n[services.api]\nz = 1\na = 2\n[vars]\n";
    let text = "name: shop\nservices:\n  db:\n    ports: {sql: 5432}\n    replicas: 1\n    x: [1.5, true, a]\n  api:\n    z: 1\n    a: 2\nvars: {}\n";
    let expected = "{name:\"shop\",services:{db:{ports:{sql:5432},replicas:1,x:[1.5,true,\"a\"]},api:{z:1,a:2}},vars:{}}";
    let (node, _, errors) = run(Format::Toml, toml);
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(show(&node), expected);
    assert_eq!(show(&yaml(text)), expected);
}

#[test]
fn places_are_those_of_the_text() {
    for (format, text) in [
        (
            Format::Toml,
            "[services.db]\nimage = \"é\\n\"\nlist = [1, 'two']\n",
        ),
        (
            Format::Yaml,
            "services:\n  db:\n    image: \"é\\n\"\n    list: [1, 'two']\n",
        ),
    ] {
        let (node, sources, errors) = run(format, text);
        assert_eq!(errors, Vec::<String>::new());
        let slice = |path: &[&str]| {
            let node = node.at(path.iter().copied()).unwrap();
            sources.slice(node.span).unwrap()
        };
        assert_eq!(slice(&["services", "db", "image"]), "\"é\\n\"");
        assert_eq!(slice(&["services", "db", "list"]), "[1, 'two']");
        assert_eq!(slice(&["services", "db", "list", "1"]), "'two'");
        let db = node.at(["services", "db"]).unwrap().as_map().unwrap();
        let key = db.entry("list").unwrap().key.span;
        assert_eq!(sources.slice(key), Some("list"));
    }
}

#[test]
fn scalars_of_yaml_1_2() {
    let cases = [
        ("12", "12"),
        ("-3", "-3"),
        ("+3", "3"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("010", "10"),
        ("1.5", "1.5"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("-.inf", "-inf"),
        (".nan", "NaN"),
        ("true", "true"),
        ("FALSE", "false"),
        ("~", "null"),
        ("", "null"),
        ("null", "null"),
        ("yes", "\"yes\""),
        ("no", "\"no\""),
        ("on", "\"on\""),
        ("1.4.2", "\"1.4.2\""),
        ("1:30", "\"1:30\""),
        ("12e", "\"12e\""),
        ("2026-01-01", "\"2026-01-01\""),
        ("0x", "\"0x\""),
        ("\"12\"", "\"12\""),
        ("'true'", "\"true\""),
        ("!!str 12", "\"12\""),
        ("!!int '12'", "12"),
        ("!!float 1", "1.0"),
        ("! 12", "\"12\""),
        ("|\n  a\n  b\n", "\"a\\nb\\n\""),
        (">-\n  a\n  b\n", "\"a b\""),
    ];
    for (text, expected) in cases {
        let node = yaml(&format!("k: {text}"));
        assert_eq!(show(node.at(["k"]).unwrap()), expected, "{text:?}");
    }
}

#[test]
fn anchors_aliases_and_merges() {
    let node = yaml(
        "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 4}\nx:\n  <<: [*b, *o]\n  a: 9\ny: {<<: *b}\nz: [*b, *b]\nk: &k v\n*k : w\n",
    );
    assert_eq!(show(node.at(["x"]).unwrap()), "{b:2,c:4,a:9}");
    assert_eq!(show(node.at(["y"]).unwrap()), "{a:1,b:2}");
    assert_eq!(show(node.at(["z"]).unwrap()), "[{a:1,b:2},{a:1,b:2}]");
    assert_eq!(show(node.at(["v"]).unwrap()), "\"w\"");
}

#[test]
fn tags_that_mean_something() {
    let node = yaml("a: !reset\nb: !reset [1]\nc: !override {x: 1}\n");
    assert_eq!(node.at(["a"]).unwrap().tag, Tag::Reset);
    assert_eq!(node.at(["b"]).unwrap().tag, Tag::Reset);
    assert_eq!(node.at(["c"]).unwrap().tag, Tag::Override);
}

#[test]
fn complaints_about_yaml() {
    let cases = [
        (
            "a: 1\na: 2\n",
            "f:2:1: error: the key `a` is written twice\n  f:1:1: first written here",
        ),
        (
            "a: *x\n",
            "f:1:4: error: the alias `*x` has no anchor `&x` before it",
        ),
        (
            "a: &x [*x]\n",
            "f:1:8: error: this alias stands inside its own anchor",
        ),
        (
            "a: !rest 1\n",
            "f:1:4: error: the tag `!rest` means nothing here; expected `!reset` or `!override`\n  hint: did you mean `!reset`?",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "f:2:1: error: a second document begins here; expected one document\n  hint: put it into a file of its own, and import it",
        ),
        (
            "a: 99999999999999999999\n",
            "f:1:4: error: `99999999999999999999` is too large a whole number",
        ),
        (
            "a: !!int x\n",
            "f:1:10: error: `x` is no int, as `!!int` says",
        ),
        (
            "{a: 1}: 2\n",
            "f:1:1: error: a key is a mapping; expected a string\n  hint: quote the whole value if it begins with `{` or `[`",
        ),
        (
            "a: {<<: 3}\n",
            "f:1:5: error: `<<` merges a whole number; expected a mapping, or a list of mappings\n  f:1:9: this",
        ),
    ];
    for (text, expected) in cases {
        let (_, _, errors) = run(Format::Yaml, text);
        assert_eq!(errors, [expected], "{text}");
    }
}

#[test]
fn syntax_errors_have_their_place() {
    for (format, text, places) in [
        (
            Format::Toml,
            "a = \nb = 1\nc = [1,\n",
            &["f:1:5", "f:3:"][..],
        ),
        (Format::Toml, "a = 1\na = 2\n", &["f:2:1"]),
        (Format::Toml, "a = 99999999999999999999\n", &["f:1:5"]),
        (Format::Yaml, "a:\n\tb: 1\n", &["f:2:"]),
        (Format::Yaml, "a: [1, 2\nb: 3\n", &["f:"]),
        (Format::Yaml, "a: 'x\n", &["f:"]),
    ] {
        let (_, _, errors) = run(format, text);
        assert_eq!(errors.len(), places.len(), "{text:?}: {errors:#?}");
        for (error, place) in errors.iter().zip(places) {
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
    }
}

#[test]
fn laughs_and_depths_are_limited() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{},", level - 1).repeat(10);
        let _ = writeln!(text, "a{level}: &a{level} [{before}]");
    }
    let (_, _, errors) = run(Format::Yaml, &text);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("aliases add more than"), "{errors:?}");

    let deep = format!("a: {}{}\n", "[".repeat(300), "]".repeat(300));
    for format in [Format::Yaml, Format::Toml] {
        let text = deep.replace(
            "a: ",
            if format == Format::Toml {
                "a = "
            } else {
                "a: "
            },
        );
        let (_, _, errors) = run(format, &text);
        assert!(!errors.is_empty(), "{format:?}");
    }
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        let _ = writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1);
    }
    let (_, _, errors) = run(Format::Yaml, &chain);
    assert!(errors[0].contains("deep with this alias"), "{errors:?}");
}

#[test]
fn empty_files_are_empty_mappings() {
    for (format, text) in [
        (Format::Toml, ""),
        (Format::Yaml, ""),
        (Format::Yaml, "# only\n"),
        (Format::Yaml, "---\n"),
    ] {
        let (node, _, errors) = run(format, text);
        assert_eq!((show(&node).as_str(), errors.len()), ("{}", 0), "{text:?}");
    }
}

fn sound(node: &Node, sources: &SourceMap) {
    assert!(sources.slice(node.span).is_some(), "{:?}", node.span);
    node.leaves(&mut |_, leaf| assert!(sources.slice(leaf.span).is_some()));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        for format in [Format::Toml, Format::Yaml] {
            let (node, sources, _) = run(format, &text);
            sound(&node, &sources);
        }
    }

    #[test]
    fn arbitrary_structure_never_panics(text in "[a-c0-9:=\\-\\[\\]{}&*!<>|'\"#,. \né]{0,60}") {
        for format in [Format::Toml, Format::Yaml] {
            let (node, sources, _) = run(format, &text);
            sound(&node, &sources);
        }
    }

    #[test]
    fn json_is_read_as_what_it_says(keys in proptest::collection::btree_map("[a-zA-Z_é $-]{1,8}", any::<i64>(), 0..30)) {
        let json = serde_json::to_string(&keys).unwrap();
        let (node, _, errors) = run(Format::Yaml, &json);
        prop_assert_eq!(errors, Vec::<String>::new());
        for (key, value) in keys {
            prop_assert_eq!(node.at([key.as_str()]).unwrap().as_int(), Some(value));
        }
    }
}
