//! What a message says was expected.

use std::borrow::Cow;

use super::short_of;
use crate::element::{Element, Kind};

/// What a value of this kind is, as a noun.
pub(super) fn of(kind: &'static Kind) -> Cow<'static, str> {
    match kind {
        Kind::Bool => "true or false".into(),
        Kind::Integer(i64::MIN, i64::MAX) => "a whole number".into(),
        Kind::Integer(min, i64::MAX) => format!("a whole number from {min}").into(),
        Kind::Integer(min, max) => format!("a whole number from {min} to {max}").into(),
        Kind::Scalar(scalar) => scalar.expected.into(),
        Kind::Word(words) => {
            let words = words.iter().map(|(word, _)| format!("\"{word}\""));
            either(&words.collect::<Vec<_>>()).into()
        }
        Kind::Text | Kind::Template => "a string".into(),
        Kind::Path => "a path".into(),
        Kind::Secretive => "a string or a secret such as { from-env = \"NAME\" }".into(),
        Kind::Command => "a list of the program and its arguments".into(),
        Kind::List(item) => format!("a list, each item {}", of(item)).into(),
        Kind::OneOrMany(item) => format!("{}, or a list of them", of(item)).into(),
        Kind::Map(_, item) => format!("a mapping from names to {}", plural(item)).into(),
        Kind::Element(element) => of_element(element).into(),
        Kind::Either(kinds) => {
            let all: Vec<Cow<'static, str>> = kinds.iter().map(of).collect();
            either(&all).into()
        }
        Kind::Any => "anything".into(),
    }
}

/// What an element is, as a noun.
pub(super) fn of_element(element: &'static Element) -> String {
    let keys = element.fields.iter().take(4);
    let keys: Vec<String> = keys.map(|field| format!("`{}`", field.key)).collect();
    let more = if element.fields.len() > 4 {
        ", …"
    } else {
        ""
    };
    let mapping = format!("a mapping with keys such as {}{more}", keys.join(", "));
    match short_of(element) {
        Some(short) => format!("{}, or {mapping}", of(short)),
        None => mapping,
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either<S: AsRef<str>>(all: &[S]) -> String {
    match all {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

fn plural(kind: &'static Kind) -> Cow<'static, str> {
    match kind {
        Kind::Scalar(scalar) => format!("{}s", scalar.name).into(),
        Kind::Element(element) => format!("`{}` mappings", element.name).into(),
        Kind::Template | Kind::Text => "strings".into(),
        other => of(other),
    }
}
