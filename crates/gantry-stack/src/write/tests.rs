//! Everything that is written reads back as what it was.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Value, json};

use super::to_yaml;

#[test]
fn looks_like_what_people_write() {
    let value = json!({
        "stack": "shop",
        "supervisor": null,
        "services": [
            { "name": "db", "ready": true, "command": ["postgres", "-D", "data"], "instances": [] },
            { "name": "api", "env": { "PORT": "8080", "ON": "on" }, "note": "one\ntwo\n" },
        ],
        "matrix": [[1, 2], [3]],
    });
    insta::assert_snapshot!(to_yaml(&value), @r#"
    stack: shop
    supervisor: null
    services:
    - name: db
      ready: true
      command:
      - postgres
      - '-D'
      - data
      instances: []
    - name: api
      env:
        PORT: '8080'
        'ON': 'on'
      note: |
        one
        two
    matrix:
    - - 1
      - 2
    - - 3
    "#);
}

#[test]
fn nothing_is_taken_for_something_else() {
    let odd = [
        "",
        " ",
        "~",
        "no",
        "Yes",
        "1",
        "1.5e3",
        "0x1f",
        "1_000",
        "12:30:45",
        "2026-11-21",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "- a",
        "-",
        "? a",
        "[a",
        "{a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "'a'",
        "\"a\"",
        "%a",
        "@a",
        "`a",
        "tab\there",
        "bell\u{7}",
        "a\u{85}b",
        "\u{2028}",
        "é",
        "line\nline",
        "\nfirst",
        "last\n\n",
        "  indented\nlines",
        "null",
        "a ",
        "=",
        "<<",
        "---",
        "...",
    ];
    for words in odd {
        let value = json!({ "key": words, words: 1, "list": [words, [words]] });
        let text = to_yaml(&value);
        assert_eq!(read(&text), value, "{text}");
    }
}

/// The smallest reader on top of the parser that stack files are read with: what is not quoted and
/// looks like something else is that.
fn read(text: &str) -> Value {
    let events = Parser::new_from_str(text).map(|event| event.expect("it parses").0);
    let mut events = events.filter(Event::is_node_or_end);
    value(events.next().expect("a value"), &mut events)
}

trait IsNodeOrEnd {
    fn is_node_or_end(&self) -> bool;
}

impl IsNodeOrEnd for Event<'_> {
    fn is_node_or_end(&self) -> bool {
        matches!(
            self,
            Self::Scalar(..)
                | Self::SequenceStart(..)
                | Self::SequenceEnd
                | Self::MappingStart(..)
                | Self::MappingEnd
        )
    }
}

fn value<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => {
            serde_json::from_str(&text).unwrap_or_else(|_| {
                let odd = ["y", "n", "yes", "no", "on", "off", "~", ""];
                assert!(
                    !odd.contains(&text.to_lowercase().as_str()),
                    "{text:?} is not quoted"
                );
                Value::String(text.into_owned())
            })
        }
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().expect("an item or the end") {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(value(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = serde_json::Map::new();
            loop {
                match events.next().expect("a key or the end") {
                    Event::MappingEnd => return Value::Object(map),
                    event => {
                        let key = match value(event, events) {
                            Value::String(key) => key,
                            other => panic!("a key is text, not {other}"),
                        };
                        let event = events.next().expect("a value");
                        map.insert(key, value(event, events));
                    }
                }
            }
        }
        other => panic!("{other:?} is no value"),
    }
}
