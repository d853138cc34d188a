use super::*;
use crate::layer::Layer;

#[test]
fn they_are_sorted_and_said_once() {
    let mut sources = SourceMap::new();
    let one = sources.add_file("one.toml", Layer::File, "a = 1\nbb = 2\n");
    let two = sources.add_file("two.toml", Layer::File, "c = 3\n");
    let mut all = Diagnostics::new();
    all.push(Diagnostic::warning("w", Span::new(two, 0..1), "third"));
    assert!(!all.has_errors());
    let second = Diagnostic::error("e", Span::new(one, 6..8), "second")
        .expected("a name")
        .hint("do this")
        .also(Span::new(two, 4..5), "there");
    all.push(second.clone());
    let mut more = Diagnostics::new();
    more.push(second);
    more.push(Diagnostic::error("e", Span::NONE, "first"));
    all.append(more);
    assert_eq!((all.errors(), all.has_errors()), (3, true));
    let report = all.finish(sources.into());
    assert_eq!(
        report.to_string(),
        "error: first\none.toml:2:1: error: second; expected a name\n  2 | bb = 2\n    | ^^\n  two.toml:1:5: there\n  1 | c = 3\n    |     ^\n  hint: do this\ntwo.toml:1:1: warning: third\n  1 | c = 3\n    | ^\n"
    );
    let plain = &report.plain()[1];
    assert_eq!(plain.excerpt.as_deref(), Some("bb = 2"));
    let json = serde_json::to_value(plain).unwrap();
    assert_eq!(
        (
            json["file"].as_str(),
            json["line"].as_u64(),
            json["column"].as_u64()
        ),
        (Some("one.toml"), Some(2), Some(1))
    );
}
