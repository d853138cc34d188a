use proptest::prelude::*;

use super::*;
use crate::layer::Layer;
use crate::read::{Format, read_as};

fn variables() -> Variables {
    let set = [
        ("A", "a"),
        ("EMPTY", ""),
        ("NAME", "A"),
        ("TRAP", "${A} $A $$ {{ x }}"),
        ("_u1", "u"),
    ];
    Variables::new(set.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[test]
fn the_grammar_of_compose() {
    let cases = [
        ("plain", "plain"),
        ("", ""),
        ("$A", "a"),
        ("${A}", "a"),
        ("x${A}y$A.z", "xaya.z"),
        ("$_u1", "u"),
        ("${EMPTY}", ""),
        ("$$A", "$A"),
        ("$$$A", "$a"),
        ("$${A}", "${A}"),
        ("100$$", "100$"),
        ("${A:-d}", "a"),
        ("${A-d}", "a"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NONE:-d}", "d"),
        ("${NONE-d}", "d"),
        ("${NONE:-}", ""),
        ("${NONE-}", ""),
        ("${A:+alt}", "alt"),
        ("${A+alt}", "alt"),
        ("${EMPTY:+alt}", ""),
        ("${EMPTY+alt}", "alt"),
        ("${NONE:+alt}", ""),
        ("${NONE+alt}", ""),
        ("${A:?must}", "a"),
        ("${A?must}", "a"),
        ("${EMPTY?must}", ""),
        ("${NONE:-${A}}", "a"),
        ("${NONE:-x${NONE2:-$A}y}z", "xayz"),
        ("${NONE:-$$}", "$"),
        ("${NONE:-a:b-c?d+e}", "a:b-c?d+e"),
        ("${NONE:-http://h:1/p}", "http://h:1/p"),
        ("${A:+${EMPTY:-${NAME}}}", "A"),
        // What is not used is not evaluated.
        ("${A:-${NONE}}", "a"),
        ("${NONE:+${NONE}}", ""),
        // A brace in a default ends it.
        ("${NONE:-{}}", "{}"),
        ("é${A}é", "éaé"),
    ];
    for (text, expected) in cases {
        let found = expand(text, &variables()).map(|expanded| expanded.text);
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn problems_have_names_and_places() {
    let unset = |name: &str| ProblemKind::Unset { name: name.into() };
    let required = |name: &str, message: &str| ProblemKind::Required {
        name: name.into(),
        message: message.into(),
    };
    let cases = [
        ("x$NONE", 1..6, unset("NONE")),
        ("x${NONE}y", 1..8, unset("NONE")),
        ("${A:+$NONE}", 5..10, unset("NONE")),
        ("${NONE:?say $A}", 0..15, required("NONE", "say a")),
        ("${EMPTY:?}", 0..10, required("EMPTY", "")),
        ("${NONE?m}", 0..9, required("NONE", "m")),
    ];
    for (text, range, kind) in cases {
        let expected = vec![Problem { range, kind }];
        assert_eq!(expand(text, &variables()), Err(expected), "{text}");
    }
}

#[test]
fn bad_syntax_is_refused() {
    let cases = [
        ("a$", 1..2),
        ("$ x", 0..1),
        ("$5", 0..1),
        ("${}", 0..3),
        ("${:-x}", 0..6),
        ("${A", 0..2),
        ("x${A:-b", 1..3),
        ("${A b}", 0..6),
        ("${A:}", 0..5),
        ("${1A}", 0..5),
        ("${A:-${B}", 0..2),
    ];
    for (text, range) in cases {
        let problems = expand(text, &variables()).unwrap_err();
        assert!(
            matches!(problems[0].kind, ProblemKind::Syntax { .. }),
            "{text}: {problems:?}"
        );
        assert_eq!(problems[0].range, range, "{text}: {problems:?}");
    }
    let all = expand("$NONE ${MORE} ${A}", &variables()).unwrap_err();
    assert_eq!(all.len(), 2);
}

#[test]
fn what_was_put_in_is_left_alone() {
    let expanded = expand("<$TRAP>", &variables()).unwrap();
    assert_eq!(expanded.text, "<${A} $A $$ {{ x }}>");
    assert_eq!(expanded.ranges, vec![1..19]);
    assert!(!expanded.whole);
    assert!(expand("${TRAP}", &variables()).unwrap().whole);
}

fn toml(text: &str) -> (Node, SourceMap, Diagnostics) {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_file("gantry.toml", Layer::File, text);
    let mut node = read_as(Format::Toml, id, &sources, &mut diagnostics);
    interpolate(&mut node, &variables(), &sources, &mut diagnostics);
    (node, sources, diagnostics)
}

#[test]
fn a_whole_substitution_can_be_a_number_or_a_boolean() {
    let text = "a = '${PORT:-8080}'\nb = 'x${PORT:-8080}'\nc = '${ON:-true}'\nd = '8080'";
    let (node, _, diagnostics) = toml(text);
    assert!(diagnostics.is_empty());
    assert_eq!(node.at(["a"]).unwrap().as_int(), Some(8080));
    assert_eq!(node.at(["a"]).unwrap().as_str(), Some("8080"));
    assert_eq!(node.at(["b"]).unwrap().as_int(), None);
    assert_eq!(node.at(["c"]).unwrap().as_bool(), Some(true));
    assert_eq!(node.at(["d"]).unwrap().as_int(), None);
}

#[test]
fn the_place_is_the_substitution_inside_the_scalar() {
    let text = "a = \"\\\"x\\\" ${NONE} ${NONE}\"\nb = [{ c = 'ab$GONE' }]\n";
    let (_, sources, diagnostics) = toml(text);
    let found: Vec<_> = diagnostics
        .iter()
        .map(|one| {
            let span = one.primary.span;
            (sources.slice(span).unwrap().to_owned(), span.start as usize)
        })
        .collect();
    let first = text.find("${NONE}").unwrap();
    let expected = [
        ("${NONE}".to_owned(), first),
        ("${NONE}".to_owned(), first + 8),
        ("$GONE".to_owned(), text.find("$GONE").unwrap()),
    ];
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = expand(&text, &variables());
    }

    #[test]
    fn arbitrary_dollars_never_panic(text in "[${}:?+A-BN é-]{0,30}") {
        if let Err(problems) = expand(&text, &variables()) {
            for problem in problems {
                prop_assert!(text.get(problem.range).is_some());
            }
        }
    }

    #[test]
    fn values_are_never_scanned(value in "[${}:A-Z -]{0,20}", before in "[a-z]{0,5}") {
        let variables = Variables::new([("V".to_owned(), value.clone())]);
        let expanded = expand(&format!("{before}${{V}}."), &variables).unwrap();
        prop_assert_eq!(expanded.text, format!("{before}{value}."));
    }

    #[test]
    fn doubled_dollars_are_the_text_itself(text in any::<String>()) {
        let doubled = text.replace('$', "$$");
        prop_assert_eq!(expand(&doubled, &variables()).unwrap().text, text);
    }
}
