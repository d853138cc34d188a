//! Values of charts on top of each other. They are not merged as the rest of a stack file is: `image.tag` and a `tag` inside
//! of `image` are two spellings of one place, and what lies above wins whichever it uses.

use smol_str::{SmolStr, StrExt as _};

use crate::element::SECRET;
use crate::node::{Entry, Key, Map, Node, Value};
use crate::span::Span;

/// Whether dots in the names of a mapping lead deeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// They do, as right below `values`.
    Dotted,
    /// They are part of the name, as everywhere else.
    Plain,
}

impl Names {
    fn steps(self, name: &str) -> Vec<SmolStr> {
        match self {
            Self::Dotted => steps(name),
            Self::Plain => vec![name.into()],
        }
    }

    /// A name as it is written there.
    fn written(self, step: &SmolStr) -> SmolStr {
        match self {
            Self::Dotted => step.replace_smolstr(".", "\\."),
            Self::Plain => step.clone(),
        }
    }
}

/// `image.tag` as its names; `a\.b` is one name.
pub(crate) fn steps(name: &str) -> Vec<SmolStr> {
    let mut steps = vec![String::new()];
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        let step = steps.last_mut().expect("there is always one");
        match c {
            '.' => steps.push(String::new()),
            '\\' if chars.as_str().starts_with('.') => {
                chars.next();
                step.push('.');
            }
            c => step.push(c),
        }
    }
    steps.into_iter().map(SmolStr::from).collect()
}

/// Puts a value over what is there: a mapping merges, all else replaces.
pub(crate) fn put(into: &mut Map, names: Names, path: &[SmolStr], key: Span, value: Node) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if let Some(map) = mapping(&value) {
        let is_there = |entry: &Entry| {
            let own = names.steps(&entry.key.name);
            own.starts_with(path) && (own.len() > path.len() || mapping(&entry.value).is_some())
        };
        if !map.is_empty() || into.iter().any(is_there) {
            let Value::Map(map) = value.value else { return };
            for entry in map {
                let mut deeper = path.to_vec();
                deeper.push(entry.key.name);
                put(into, names, &deeper, entry.key.span, entry.value);
            }
            return;
        }
    }
    into.retain(|entry| !names.steps(&entry.key.name).starts_with(path));
    let leads = |entry: &Entry| {
        let own = names.steps(&entry.key.name);
        let fits = path.starts_with(&own) && mapping(&entry.value).is_some();
        fits.then(|| (entry.key.name.clone(), own.len()))
    };
    if let Some((name, length)) = into.iter().find_map(leads) {
        if let Some(Value::Map(inner)) = into.get_mut(&name).map(|node| &mut node.value) {
            put(inner, Names::Plain, &path[length..], key, value);
        }
        return;
    }
    // Something else is in the way.
    into.retain(|entry| !path.starts_with(&names.steps(&entry.key.name)));
    let (span, layer) = (value.span, value.layer);
    let value = rest.iter().rev().fold(value, |value, name| {
        let mut map = Map::with_capacity(1);
        let name = name.clone();
        map.insert(Key { name, span: key }, value);
        Node::new(Value::Map(map), span, layer)
    });
    let name = names.written(first);
    into.insert(Key { name, span: key }, value);
}

/// Takes out what another mapping says too, so that it may lie below it.
pub(crate) fn give_way(map: &mut Map, names: Names, to: &Map) {
    map.retain(|entry| {
        let own = names.steps(&entry.key.name);
        let Some((last, before)) = own.split_last() else {
            return true;
        };
        let mut at = to;
        for step in before {
            match at.get(step).map(|node| &node.value) {
                Some(Value::Map(deeper)) => at = deeper,
                // It says something of the whole.
                Some(_) => return false,
                None => return true,
            }
        }
        let Some(other) = at.get(last) else {
            return true;
        };
        let is_secret = mapping(&entry.value).is_none();
        match (&mut entry.value.value, &other.value) {
            (Value::Map(own), Value::Map(other)) if !is_secret => {
                let was_empty = own.is_empty();
                give_way(own, Names::Plain, other);
                was_empty || !own.is_empty()
            }
            _ => false,
        }
    });
}

/// The entries of a mapping that is no secret.
fn mapping(node: &Node) -> Option<&Map> {
    let map = node.as_map()?;
    let mut names = map.names();
    let is_secret = match (names.next(), names.next()) {
        (Some(only), None) => SECRET.field(only).is_some(),
        _ => false,
    };
    (!is_secret).then_some(map)
}

#[cfg(test)]
mod tests;
