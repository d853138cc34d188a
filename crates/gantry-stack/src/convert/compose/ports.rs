//! Ports: those inside by name, and those of this machine.

use super::super::{inline_table, scalar, string};
use super::Service;
use crate::node::Node;

/// A port, if it is one that can be said here.
struct Port {
    target: u16,
    /// A number, or a variable.
    published: Option<String>,
}

impl Service<'_> {
    pub(super) fn ports(&mut self, node: &Node) {
        let mut ports: Vec<(String, String)> = Vec::new();
        let mut publish = Vec::new();
        for item in node.as_seq().unwrap_or_default() {
            let Some(port) = read(item) else {
                self.top.without_equivalent("ports", item);
                continue;
            };
            let name = format!("p{}", port.target);
            if !ports.iter().any(|(known, _)| *known == name) {
                ports.push((name.clone(), port.target.to_string()));
            }
            match port.published {
                Some(published) if published.parse::<u16>().is_ok() => {
                    publish.push((name, published));
                }
                Some(published) => publish.push((name, string(&published))),
                None => {}
            }
        }
        if !ports.is_empty() {
            self.top.value("ports", &inline_table(&ports));
        }
        if !publish.is_empty() {
            self.container.value("publish", &inline_table(&publish));
        }
    }
}

fn read(item: &Node) -> Option<Port> {
    let variable = |text: &str| text.starts_with("${") && text.ends_with('}');
    let fits = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0) || variable(text);
    let target = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    if item.as_map().is_some() {
        let known = ["target", "published", "protocol", "mode", "host_ip"];
        let map = item.as_map()?;
        let plain = map.names().all(|name| known.contains(&name));
        let tcp = item
            .at(["protocol"])
            .is_none_or(|one| one.as_str() == Some("tcp"));
        // What is published is for this machine alone.
        let here = item
            .at(["host_ip"])
            .is_none_or(|one| one.as_str() == Some("127.0.0.1"));
        let published = match item.at(["published"]) {
            Some(published) => Some(scalar(published)?),
            None => None,
        };
        let fits = published.as_deref().is_none_or(fits);
        return (plain && tcp && here && fits).then_some(Port {
            target: target(&scalar(item.at(["target"])?)?)?,
            published,
        });
    }
    let text = scalar(item)?;
    let text = text.strip_suffix("/tcp").unwrap_or(&text);
    // A default in a variable has colons of its own.
    let (before, inside) = match text.rsplit_once(':') {
        Some((before, inside)) => (Some(before), inside),
        None => (None, text),
    };
    let before = before.map(|before| before.strip_prefix("127.0.0.1:").unwrap_or(before));
    let published = match before {
        Some(before) if fits(before) => Some(before.to_owned()),
        Some(_) => return None,
        None => None,
    };
    Some(Port {
        target: target(inside)?,
        published,
    })
}
