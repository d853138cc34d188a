//! Commands: a list, or a line that Compose cuts into words.

use super::super::texts;
use crate::node::{Node, Value};

/// The words of a command; nothing if it cannot be cut.
pub(super) fn words(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::Seq(_) => texts(node),
        Value::Str(line) => cut(line),
        _ => None,
    }
}

/// Cuts a line as a shell does, without looking into it.
fn cut(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => match letters.next()? {
                            letter @ ('"' | '\\' | '$' | '`') => word.push(letter),
                            letter => word.extend(['\\', letter]),
                        },
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}
