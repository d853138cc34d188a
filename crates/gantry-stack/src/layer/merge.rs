//! One tree on top of another.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Entry, Map, Node, Tag, Value};

/// Deeper than `services.db`, a short form may replace a long one (`restart = "never"` a
/// mapping), and only the decoder knows whether it may; up to here, a mapping stays one.
const STRUCTURE: usize = 2;

/// Puts `upper` on top of `lower`.
#[must_use]
pub fn merge(lower: Node, upper: Node, diagnostics: &mut Diagnostics) -> Node {
    put(lower, upper, 0, diagnostics)
}

fn put(lower: Node, upper: Node, depth: usize, diagnostics: &mut Diagnostics) -> Node {
    match (lower.value, upper.value) {
        (Value::Map(mut below), Value::Map(above)) if upper.tag != Tag::Override => {
            for entry in above {
                put_entry(&mut below, entry, depth, diagnostics);
            }
            // The lower one's place: it is where the mapping was first opened.
            Node {
                value: Value::Map(below),
                span: lower.span,
                layer: lower.layer,
                tag: Tag::None,
                substituted: None,
            }
        }
        (below, above) => {
            let differ = matches!(below, Value::Map(_)) != matches!(above, Value::Map(_));
            let says_nothing = matches!(below, Value::Null) || matches!(above, Value::Null);
            if differ && !says_nothing && depth <= STRUCTURE {
                let message = format!(
                    "{} here, but {} in a lower layer",
                    above.kind(),
                    below.kind()
                );
                diagnostics.push(
                    Diagnostic::error("layer-conflict", upper.span, message)
                        .also(lower.span, format!("{} from {}", below.kind(), lower.layer))
                        .hint("a mapping and another kind of value cannot merge"),
                );
            }
            without_resets(Node {
                value: above,
                ..upper
            })
        }
    }
}

fn put_entry(below: &mut Map, entry: Entry, depth: usize, diagnostics: &mut Diagnostics) {
    let Entry { key, value } = entry;
    if value.tag == Tag::Reset {
        below.remove(&key.name);
        return;
    }
    if let Some(old) = below.get_mut(&key.name) {
        let old_value = Node::new(Value::Null, old.span, old.layer);
        let old_value = std::mem::replace(old, old_value);
        *old = put(old_value, value, depth + 1, diagnostics);
    } else {
        below.insert(key, without_resets(value));
    }
}

/// A tree without what is `!reset` in it, as the lowest layer has it.
#[must_use]
pub fn without_resets(mut node: Node) -> Node {
    strip(&mut node);
    node
}

fn strip(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|entry| entry.value.tag != Tag::Reset);
            map.values_mut().for_each(|(_, value)| strip(value));
        }
        Value::Seq(items) => {
            items.retain(|item| item.tag != Tag::Reset);
            items.iter_mut().for_each(strip);
        }
        _ => {}
    }
}
