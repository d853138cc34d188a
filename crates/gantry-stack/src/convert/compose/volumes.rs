//! Volumes: folders, files and named ones.

use super::super::{inline_table, list, literal};
use super::Service;
use crate::node::Node;

impl Service<'_> {
    pub(super) fn volumes(&mut self, node: &Node) {
        let mut volumes = Vec::new();
        for item in node.as_seq().unwrap_or_default() {
            match short(item).or_else(|| long(item)) {
                Some(volume) => volumes.push(volume),
                None => self.container.without_equivalent("volumes", item),
            }
        }
        if !volumes.is_empty() {
            self.container.value("volumes", &list(volumes));
        }
    }
}

/// `SOURCE:TARGET`, with `ro` or `rw` behind it.
fn short(item: &Node) -> Option<String> {
    let text = item.as_str()?;
    let parts: Vec<&str> = text.split(':').collect();
    let fits = match parts.as_slice() {
        [source, target] | [source, target, "ro" | "rw"] => {
            !source.is_empty() && target.starts_with('/')
        }
        _ => false,
    };
    (fits && !text.contains("${")).then(|| literal(text))
}

fn long(item: &Node) -> Option<String> {
    let text = |name: &str| item.at([name]).and_then(Node::as_str);
    let kind = match text("type")? {
        "bind" => "path",
        "volume" => "name",
        _ => return None,
    };
    let known = ["type", "source", "target", "read_only"];
    item.as_map()?
        .names()
        .all(|name| known.contains(&name))
        .then_some(())?;
    let mut entries = vec![
        (kind.to_owned(), literal(text("source")?)),
        ("target".to_owned(), literal(text("target")?)),
    ];
    if item.at(["read_only"]).and_then(Node::as_bool) == Some(true) {
        entries.push(("read-only".to_owned(), "true".to_owned()));
    }
    Some(inline_table(&entries))
}
