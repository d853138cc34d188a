use proptest::prelude::*;

use super::*;
use crate::layer::Layer;

fn run(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_file(".env", Layer::File, text);
    let set = [("HOME", "/root"), ("WINS", "process")];
    let mut variables = Variables::new(set.map(|(name, value)| (name.into(), value.into())));
    variables.add("EARLIER", "file");
    let found = read(id, &variables, &sources, &mut diagnostics);
    let found = found.into_iter().map(|one| (one.name, one.value)).collect();
    let report = diagnostics.finish(sources.into());
    (
        found,
        report.plain().iter().map(ToString::to_string).collect(),
    )
}

#[test]
fn the_usual_grammar() {
    let cases = [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("\u{feff}A=1", "1"),
        ("# c\n\n  export A=1\r\n", "1"),
        ("A=", ""),
        ("A=x # c", "x"),
        ("A=x#y", "x#y"),
        ("A=#c", ""),
        ("A=a b  c", "a b  c"),
        ("A='$HOME \\n # x'  # c", "$HOME \\n # x"),
        ("A='two\nlines'", "two\nlines"),
        (
            "A=\"a\\nb\\t\\\"q\\\" \\\\ \\$HOME $HOME\"",
            "a\nb\t\"q\" \\ $HOME /root",
        ),
        ("A=\"two\nlines\"", "two\nlines"),
        ("A=\"one\\\n line\"", "one line"),
        ("A=\"C:\\dir\"", "C:\\dir"),
        ("A=${HOME}/x", "/root/x"),
        ("A=${NONE:-d}", "d"),
        ("A=$EARLIER", "file"),
        ("A=a=b", "a=b"),
        ("A=a'b", "a'b"),
        ("A=\"\"", ""),
    ];
    for (text, expected) in cases {
        let (found, errors) = run(text);
        assert_eq!(errors, Vec::<String>::new(), "{text:?}");
        assert_eq!(found, [("A".to_owned(), expected.to_owned())], "{text:?}");
    }
}

#[test]
fn later_lines_see_earlier_ones_and_the_process_wins() {
    let (found, errors) = run("export=1\nB=${export}2\nWINS=file\nC=$WINS\nB=again\nD=$B");
    assert_eq!(errors, Vec::<String>::new());
    let values: Vec<_> = found.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["1", "12", "file", "process", "again", "again"]);
}

#[test]
fn errors_have_lines_and_the_rest_is_read() {
    let text = "A=1\nnonsense here\n1B=2\nC='x' y\nD=\"\n$E\nF=pa$word";
    let (found, errors) = run(text);
    assert_eq!(found, [("A".to_owned(), "1".to_owned())]);
    assert_eq!(
        errors,
        [
            ".env:2:1: error: this line sets no variable\n  hint: a line is `NAME=value`, a comment begins with `#`",
            ".env:3:1: error: this line sets no variable\n  hint: a line is `NAME=value`, a comment begins with `#`",
            ".env:4:7: error: text follows the closing quote",
            ".env:5:3: error: this quote is not closed",
            ".env:6:1: error: this line sets no variable\n  hint: a line is `NAME=value`, a comment begins with `#`",
            ".env:7:5: error: the variable `word` is not set\n  hint: a value in single quotes keeps its `$`",
        ]
    );
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = run(&text);
    }

    #[test]
    fn arbitrary_lines_never_panic(text in "[A=\"'\\\\\n #${}x-]{0,40}") {
        let (lines, errors) = parse(&text);
        for line in lines {
            prop_assert!(text.get(line.value).is_some());
        }
        for error in errors {
            prop_assert!(text.get(error.range).is_some());
        }
    }

    #[test]
    fn single_quotes_keep_everything(value in "[^']{0,30}") {
        let (found, errors) = run(&format!("A='{value}'\n"));
        prop_assert!(errors.is_empty());
        prop_assert_eq!(&found[0].1, &value);
    }
}
