//! What a rendered Compose file has, as far as it must be known here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gantry_stack::diagnostic::Diagnostics;
use gantry_stack::layer::Layer;
use gantry_stack::model::Condition;
use gantry_stack::node::{Node, Value};
use gantry_stack::read::{Format, read_as};
use gantry_stack::source::SourceMap;
use gantry_stack::write;

/// One file.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) services: Vec<Service>,
    /// Networks that it declares.
    pub(crate) networks: BTreeSet<String>,
}

/// One service of a file.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Variables that it has.
    pub(crate) environment: BTreeSet<String>,
    /// Networks that it is in.
    pub(crate) networks: Vec<String>,
    /// Compose services that it waits for.
    pub(crate) needs: Vec<(String, Condition)>,
}

/// Reads a file. What is wrong with it is said of the text that was rendered.
pub(crate) fn read(
    name: &str,
    text: &str,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> File {
    let id = sources.add_text(name, ".", Layer::File, text);
    let root = read_as(Format::Yaml, id, sources, diagnostics);
    let services = root.at(["services"]).and_then(Node::as_map);
    let service = |name: &str, node: &Node| Service {
        name: name.to_owned(),
        environment: keys(node.at(["environment"])).map(str::to_owned).collect(),
        networks: keys(node.at(["networks"])).map(str::to_owned).collect(),
        needs: needs(node),
    };
    File {
        services: services
            .into_iter()
            .flatten()
            .map(|entry| service(&entry.key.name, &entry.value))
            .collect(),
        networks: keys(root.at(["networks"])).map(str::to_owned).collect(),
    }
}

/// What a service waits for: what it says, and whose network, volumes or processes it shares.
fn needs(service: &Node) -> Vec<(String, Condition)> {
    let depends = service.at(["depends_on"]);
    let mut needs: Vec<(String, Condition)> = keys(depends)
        .map(|name| {
            let condition = depends.and_then(|node| node.at([name, "condition"]));
            let condition = match condition.and_then(Node::as_str) {
                Some("service_healthy") => Condition::Ready,
                Some("service_completed_successfully") => Condition::Completed,
                _ => Condition::Started,
            };
            (name.to_owned(), condition)
        })
        .collect();
    let before = |text: &str| text.split(':').next().unwrap_or(text).to_owned();
    let listed = ["links", "volumes_from"].into_iter();
    let listed = listed.flat_map(|key| keys(service.at([key])).map(before).collect::<Vec<_>>());
    let shared = ["network_mode", "pid", "ipc"]
        .into_iter()
        .filter_map(|key| {
            let name = service.at([key])?.as_str()?.strip_prefix("service:")?;
            Some(name.to_owned())
        });
    for name in listed.chain(shared) {
        if !needs.iter().any(|(known, _)| *known == name) {
            needs.push((name, Condition::Started));
        }
    }
    needs
}

/// The keys of a mapping, or the names in a list: `NAME` and `NAME=value`.
fn keys(node: Option<&Node>) -> impl Iterator<Item = &str> {
    let map = node.and_then(Node::as_map).into_iter().flatten();
    let items = node.and_then(Node::as_seq).unwrap_or_default().iter();
    let names = items.filter_map(|item| match &item.value {
        Value::Str(text) => Some(text.split('=').next().unwrap_or(text)),
        _ => None,
    });
    map.map(|entry| entry.key.name.as_str()).chain(names)
}

/// A first file for a project that has none: the networks that services name and nobody declares.
pub(crate) fn root(files: &[File]) -> String {
    let declared: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| &file.networks)
        .map(String::as_str)
        .collect();
    let named: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| &file.services)
        .flat_map(|service| &service.networks)
        .map(String::as_str)
        .collect();
    let mut text = "networks:\n  default: {}\n".to_owned();
    for name in named
        .difference(&declared)
        .filter(|name| **name != "default")
    {
        text.push_str("  ");
        write::string(name, &mut text);
        text.push_str(": {}\n");
    }
    text
}

/// A last file, which gives services variables of the one who starts them: those that their configuration
/// asks for and their own file does not give. Nothing if there are none.
pub(crate) fn variables<'a>(
    services: impl Iterator<Item = (&'a Service, &'a BTreeSet<String>)>,
) -> Option<String> {
    let mut text = "services:\n".to_owned();
    let mut any = false;
    for (service, asked) in services {
        let missing: Vec<&String> = asked.difference(&service.environment).collect();
        if missing.is_empty() {
            continue;
        }
        any = true;
        text.push_str("  ");
        write::string(&service.name, &mut text);
        text.push_str(":\n    environment:\n");
        for name in missing {
            let _ = writeln!(text, "      {name}:");
        }
    }
    any.then_some(text)
}
