use super::*;
use crate::diagnostic::Diagnostics;
use crate::layer::Layer;
use crate::read::{Format, read_as};
use crate::source::SourceMap;

fn read(yaml: &str) -> Map {
    let mut sources = SourceMap::new();
    let id = sources.add_file("x.yaml", Layer::File, yaml);
    let mut wrong = Diagnostics::new();
    match read_as(Format::Yaml, id, &sources, &mut wrong).value {
        Value::Map(map) => map,
        other => panic!("{}", other.kind()),
    }
}

fn show(map: &Map) -> String {
    let entries = map.iter().map(|entry| {
        let value = match &entry.value.value {
            Value::Map(map) => show(map),
            Value::Int(number) => number.to_string(),
            Value::Null => "null".to_owned(),
            other => other.kind().to_owned(),
        };
        format!("{}={value}", entry.key.name)
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
}

#[test]
fn what_lies_above_wins_however_it_is_spelled() {
    for (below, name, above, expected) in [
        ("{}", "a.b", "1", "{a={b=1}}"),
        ("{a: {b: 1, c: 2}}", "a.b", "3", "{a={c=2 b=3}}"),
        ("{a.b: 1, a.c: 2}", "a.b", "3", "{a.c=2 a={b=3}}"),
        ("{a.b: 1, a: {c: 2}}", "a.b", "3", "{a={c=2 b=3}}"),
        ("{a.b.c: 1}", "a.b", "3", "{a={b=3}}"),
        ("{a: 1}", "a.b", "3", "{a={b=3}}"),
        ("{a.b: 1}", "a", "3", "{a=3}"),
        (
            "{a.b: 1, a: {c: 2}}",
            "a",
            "{b: 3, d: 4}",
            "{a={c=2 b=3 d=4}}",
        ),
        ("{a: {x: 1}}", "a", "{}", "{a={x=1}}"),
        ("{a: 1}", "a", "{}", "{a={}}"),
        ("{a: {from-env: X}}", "a.b", "1", "{a={b=1}}"),
        (
            "{a: {b: 1}}",
            "a",
            "{from-env: X}",
            "{a={from-env=a string}}",
        ),
        ("{a: {b: 1}}", "a.b", "null", "{a={b=null}}"),
        (r"{'a\.b': 1}", r"a\.b", "2", r"{a\.b=2}"),
        ("{a: {b.c: 1}}", "a.b.c", "2", "{a={b.c=1 b={c=2}}}"),
    ] {
        let mut map = read(below);
        let value = read(&format!("{{v: {above}}}")).remove("v").unwrap().value;
        put(&mut map, Names::Dotted, &steps(name), Span::NONE, value);
        assert_eq!(show(&map), expected, "{below} {name} {above}");
    }
}

#[test]
fn what_a_file_says_makes_way() {
    for (own, file, left) in [
        ("{a: 1, b: 2}", "{a: 3}", "{b=2}"),
        ("{a.b: 1, a.c: 2}", "{a: {b: 3}}", "{a.c=2}"),
        ("{a: {b: 1, c: 2}}", "{a: {b: 3}}", "{a={c=2}}"),
        ("{a: {b: 1}}", "{a: {b: 3}}", "{}"),
        ("{a: {b: 1}}", "{a: 3}", "{}"),
        ("{a.b.c: 1}", "{a: {b: null}}", "{}"),
        ("{a: 1}", "{a: {b: 3}}", "{}"),
        ("{a: {from-env: X}}", "{a: {b: 3}}", "{}"),
        ("{a: {}}", "{a: {b: 3}}", "{a={}}"),
        ("{a: 1}", "{}", "{a=1}"),
    ] {
        let mut map = read(own);
        give_way(&mut map, Names::Dotted, &read(file));
        assert_eq!(show(&map), left, "{own} {file}");
    }
}
