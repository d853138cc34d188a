//! JSON values as YAML 1.2 that YAML 1.1 readers read alike: what either could take for something
//! other than text is quoted.

use std::fmt::Write as _;

use serde_json::Value;

#[cfg(test)]
mod tests;

/// The document, with a line's end.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut text),
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut text),
        other => {
            scalar(other, &mut text);
            text.push('\n');
        }
    }
    text
}

fn mapping(map: &serde_json::Map<String, Value>, depth: usize, text: &mut String) {
    for (position, (key, value)) in map.iter().enumerate() {
        // The first key of a mapping in a sequence stands after the dash.
        if position > 0 || !text.ends_with("- ") {
            indent(depth, text);
        }
        string(key, text);
        text.push(':');
        nested(value, depth, text);
    }
}

/// The value of a key.
fn nested(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            sequence(items, depth, text);
        }
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            mapping(map, depth + 1, text);
        }
        Value::String(words) if is_block(words) => block(words, depth + 1, text),
        other => {
            text.push(' ');
            scalar(other, text);
            text.push('\n');
        }
    }
}

fn sequence(items: &[Value], depth: usize, text: &mut String) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 || !text.ends_with("- ") {
            indent(depth, text);
        }
        text.push_str("- ");
        match item {
            Value::Array(items) if !items.is_empty() => sequence(items, depth + 1, text),
            Value::Object(map) if !map.is_empty() => mapping(map, depth + 1, text),
            other => {
                scalar(other, text);
                text.push('\n');
            }
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => {
            let _ = write!(text, "{value}");
        }
        Value::Number(value) => {
            let _ = write!(text, "{value}");
        }
        Value::String(value) => string(value, text),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
    }
}

/// Whether text is best written as a block of lines.
fn is_block(words: &str) -> bool {
    words.contains('\n')
        && !words.starts_with([' ', '\n', '\t'])
        && words
            .chars()
            .all(|letter| letter == '\n' || !must_be_escaped(letter))
}

fn block(words: &str, depth: usize, text: &mut String) {
    let trailing = words.len() - words.trim_end_matches('\n').len();
    text.push_str(match trailing {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in words.strip_suffix('\n').unwrap_or(words).split('\n') {
        if !line.is_empty() {
            indent(depth, text);
            text.push_str(line);
        }
        text.push('\n');
    }
}

/// A text, in quotes if it could be taken for something else.
pub fn string(words: &str, text: &mut String) {
    if is_plain(words) {
        text.push_str(words);
    } else if words.chars().any(must_be_escaped) {
        // JSON's strings are YAML's, but for letters that JSON need not escape and YAML must.
        text.push('"');
        for letter in words.chars() {
            match letter {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                letter if must_be_escaped(letter) => {
                    let number = u32::from(letter);
                    let _ = match number {
                        0..=0xFF => write!(text, "\\x{number:02X}"),
                        0x100..=0xFFFF => write!(text, "\\u{number:04X}"),
                        _ => write!(text, "\\U{number:08X}"),
                    };
                }
                letter => text.push(letter),
            }
        }
        text.push('"');
    } else {
        let _ = write!(text, "'{}'", words.replace('\'', "''"));
    }
}

fn must_be_escaped(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether text means itself without quotes, for readers of either version.
fn is_plain(words: &str) -> bool {
    let Some(first) = words.chars().next() else {
        return false;
    };
    // A first letter that begins no number, no mark and no quotes.
    let begins = first.is_ascii_alphabetic() || matches!(first, '/' | '_');
    let letters = words.chars().all(|letter| {
        letter.is_ascii_alphanumeric()
            || matches!(
                letter,
                ' ' | '/' | '_' | '-' | '.' | ',' | '(' | ')' | '=' | '+' | ';' | ':'
            )
    });
    let marks = words.contains(": ") || words.ends_with(':') || words.ends_with(' ');
    let reserved = matches!(
        words.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    begins && letters && !marks && !reserved
}
