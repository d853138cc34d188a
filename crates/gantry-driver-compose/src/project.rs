//! What Compose makes of its files: read from its `config`, which is the truth about them.

use std::collections::{BTreeMap, BTreeSet};

use gantry_container_engine::listing::Published;
use gantry_driver::DriverError;
use gantry_stack::diagnostic::Diagnostics;
use gantry_stack::layer::Layer;
use gantry_stack::modes::compose::Pull;
use gantry_stack::nearest::did_you_mean;
use gantry_stack::node::{Node, Value as Kind};
use gantry_stack::read::{Format, read_as};
use gantry_stack::source::SourceMap;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cli::Family;
use crate::record::Needs;

/// The label with the service of a project that an image was built for.
pub(crate) const BUILT: &str = "gantry.built-for-part";

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) services: IndexMap<String, Part>,
    /// Networks and volumes that it makes itself.
    networks: Vec<String>,
    volumes: Vec<String>,
    /// Those of which nothing but the name is said, for a command that can merge nothing into that.
    pub(crate) bare_networks: Vec<String>,
    pub(crate) bare_volumes: Vec<String>,
    /// What the engine calls those networks, where that is known.
    names: BTreeMap<String, String>,
    /// Variables that have no value.
    pub(crate) unset: Vec<String>,
}

/// One service of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it waits for.
    pub(crate) needs: Vec<(String, Until)>,
    /// The name of its container, if the file gives one.
    pub(crate) container: Option<String>,
    pub(crate) image: Option<String>,
    /// Whether it can be built.
    pub(crate) builds: bool,
    /// Whether its image is never fetched.
    pub(crate) never_pulled: bool,
    /// The ports of the machine that it takes.
    pub(crate) ports: Vec<Published>,
    /// The networks that it is in.
    networks: Vec<String>,
    pub(crate) profiles: Vec<String>,
}

/// What one service of a project waits for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Until {
    Started,
    Healthy,
    Completed,
}

impl Project {
    /// Reads what a command's `config` printed.
    pub(crate) fn read(family: Family, text: &str) -> Result<Self, DriverError> {
        let value = match family {
            Family::Compose => serde_json::from_str(text).map_err(|error| error.to_string()),
            Family::PodmanCompose => yaml(text),
        };
        let value = value.map_err(|error| {
            let reason = "what `config` printed cannot be read";
            DriverError::permanent("config", reason).with_evidence(error)
        })?;
        let services = value["services"].as_object().into_iter().flatten();
        let services: IndexMap<_, _> = services
            .map(|(name, service)| (name.clone(), part(service)))
            .collect();
        let mut networks = made(&value["networks"]);
        if family == Family::PodmanCompose && !value["networks"]["default"].is_object() {
            // It is there all the same, and not told.
            networks.push("default".to_owned());
        }
        let names = networks.iter().filter_map(|network| {
            let name = value["networks"][network]["name"].as_str()?;
            Some((network.clone(), name.to_owned()))
        });
        let volumes = made(&value["volumes"]);
        let bare = |key: &str, made: &[String]| -> Vec<String> {
            let said = value[key].as_object();
            let nothing =
                |name: &&String| said.is_some_and(|all| all.get(*name) == Some(&Value::Null));
            let bare = made.iter().filter(nothing);
            bare.filter(|_| family.merges_no_nothing())
                .cloned()
                .collect()
        };
        Ok(Self {
            services,
            names: names.collect(),
            bare_networks: bare("networks", &networks),
            bare_volumes: bare("volumes", &volumes),
            networks,
            volumes,
            unset: Vec::new(),
        })
    }

    /// What the engine will call the networks of the project's own that these services are in.
    pub(crate) fn networks_of(&self, services: &[String]) -> BTreeSet<&str> {
        let services = services.iter().filter_map(|name| self.services.get(name));
        let networks = services.flat_map(|part| &part.networks);
        networks
            .filter_map(|network| self.names.get(network).map(String::as_str))
            .collect()
    }

    /// These services with all that they need, in the order of the files; all if none is named.
    pub(crate) fn with_needs(&self, named: &[String]) -> Result<Vec<String>, DriverError> {
        if let Some(name) = named.iter().find(|name| !self.services.contains_key(*name)) {
            return Err(self.unknown(name));
        }
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let all = self.services.keys().map(String::as_str);
        let mut open: Vec<&str> = match named {
            [] => all.collect(),
            named => named.iter().map(String::as_str).collect(),
        };
        while let Some(name) = open.pop() {
            if let Some(part) = self.services.get(name)
                && wanted.insert(name)
            {
                open.extend(part.needs.iter().map(|(needed, _)| needed.as_str()));
            }
        }
        let all = self.services.keys();
        Ok(all
            .filter(|name| wanted.contains(name.as_str()))
            .cloned()
            .collect())
    }

    /// What each of these waits for among them. What belongs to another service of the stack was waited for before.
    pub(crate) fn needs_among(&self, parts: &[String]) -> Needs {
        let of = |name: &String| {
            let needs = self.services.get(name).into_iter();
            let needs = needs.flat_map(|part| part.needs.iter().cloned());
            needs.filter(|(needed, _)| parts.contains(needed)).collect()
        };
        parts.iter().map(|name| (name.clone(), of(name))).collect()
    }

    /// Whether any service needs another.
    pub(crate) fn has_needs(&self) -> bool {
        self.services.values().any(|part| !part.needs.is_empty())
    }

    /// The services whose end others wait for.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let needs = self.services.values().flat_map(|part| &part.needs);
        let jobs = needs.filter(|(_, until)| *until == Until::Completed);
        let jobs: BTreeSet<&String> = jobs.map(|(name, _)| name).collect();
        jobs.into_iter().cloned().collect()
    }

    /// The complaint about a service that the files do not have, or not with these profiles.
    pub(crate) fn unknown(&self, name: &str) -> DriverError {
        let names = self.services.keys().map(String::as_str);
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| {
            let names: Vec<_> = names.collect();
            format!("they have {}", names.join(", "))
        });
        let reason = format!("its Compose files have no service `{name}` ({hint})");
        DriverError::permanent("config", reason)
    }

    /// A file that is laid over all others, and only says whose the project's things are; and when images are
    /// fetched, to a family that has no word for it.
    pub(crate) fn over(
        &self,
        family: Family,
        pull: Pull,
        of_container: &BTreeMap<String, String>,
        of_stack: &BTreeMap<String, String>,
    ) -> Value {
        let labelled = |names: &[String], labels: &BTreeMap<String, String>| -> Value {
            let all = names
                .iter()
                .map(|name| (name.clone(), json!({ "labels": labels })));
            Value::Object(all.collect::<Map<_, _>>())
        };
        let services: Vec<_> = self.services.keys().cloned().collect();
        let mut file = json!({ "services": labelled(&services, of_container) });
        for (name, _) in self.services.iter().filter(|(_, part)| part.builds) {
            let mut labels = of_stack.clone();
            labels.insert(BUILT.to_owned(), name.clone());
            file["services"][name]["build"] = json!({ "labels": labels });
        }
        if let Some(policy) = pull.word().filter(|_| !family.pulls_as_told()) {
            for name in &services {
                file["services"][name]["pull_policy"] = policy.into();
            }
        }
        for (key, names, bare) in [
            ("networks", &self.networks, &self.bare_networks),
            ("volumes", &self.volumes, &self.bare_volumes),
        ] {
            let names: Vec<String> = names
                .iter()
                .filter(|name| !bare.contains(name))
                .cloned()
                .collect();
            if !names.is_empty() {
                file[key] = labelled(&names, of_stack);
            }
        }
        file
    }
}

/// The names of what a project makes itself.
fn made(value: &Value) -> Vec<String> {
    let all = value.as_object().into_iter().flatten();
    let own = all.filter(|(_, it)| match &it["external"] {
        Value::Bool(external) => !external,
        // The old form, `external: { name: x }`.
        other => other.is_null(),
    });
    own.map(|(name, _)| name.clone()).collect()
}

fn part(service: &Value) -> Part {
    let text = |key: &str| service[key].as_str().map(str::to_owned);
    let needs = match &service["depends_on"] {
        Value::Object(all) => all
            .iter()
            .map(|(name, how)| (name.clone(), until(how["condition"].as_str())))
            .collect(),
        Value::Array(names) => names
            .iter()
            .filter_map(|name| Some((name.as_str()?.to_owned(), Until::Started)))
            .collect(),
        _ => Vec::new(),
    };
    Part {
        needs,
        container: text("container_name"),
        image: text("image"),
        builds: !service["build"].is_null(),
        never_pulled: service["pull_policy"] == "never",
        networks: match &service["networks"] {
            Value::Object(all) => all.keys().cloned().collect(),
            _ => Vec::new(),
        },
        ports: service["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(port)
            .collect(),
        profiles: service["profiles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    }
}

fn until(condition: Option<&str>) -> Until {
    match condition {
        Some("service_healthy") => Until::Healthy,
        Some("service_completed_successfully") => Until::Completed,
        _ => Until::Started,
    }
}

/// The port of the machine, if one is fixed: `{ published = "80" }`, `8080:80`, `127.0.0.1:8080:80/tcp`.
fn port(written: &Value) -> Option<Published> {
    let (address, published, protocol) = match written {
        Value::Object(_) => {
            let published = match &written["published"] {
                Value::Number(number) => number.to_string(),
                other => other.as_str()?.to_owned(),
            };
            let (address, protocol) = (&written["host_ip"], &written["protocol"]);
            (address.as_str(), published, protocol.as_str())
        }
        other => {
            let (ports, protocol) = match other.as_str()?.split_once('/') {
                Some((ports, protocol)) => (ports, Some(protocol)),
                None => (other.as_str()?, None),
            };
            let (before, _) = ports.rsplit_once(':')?;
            match before.rsplit_once(':') {
                Some((address, port)) => (Some(address), port.to_owned(), protocol),
                None => (None, before.to_owned(), protocol),
            }
        }
    };
    // A range leaves the choice to the engine.
    let number = published.parse().ok().filter(|port| *port != 0)?;
    Some(Published::new(address, number, protocol == Some("udp")))
}

/// YAML as `config` prints it.
fn yaml(text: &str) -> Result<Value, String> {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let id = sources.add_text("config", ".", Layer::File, text);
    let node = read_as(Format::Yaml, id, &sources, &mut diagnostics);
    let report = diagnostics.finish(sources.into());
    match report.plain().first() {
        Some(wrong) => Err(wrong.to_string()),
        None => Ok(plain(&node)),
    }
}

fn plain(node: &Node) -> Value {
    match &node.value {
        Kind::Null => Value::Null,
        Kind::Bool(value) => json!(value),
        Kind::Int(value) => json!(value),
        Kind::Float(value) => json!(value),
        Kind::Str(text) => json!(text.as_str()),
        Kind::Seq(items) => Value::Array(items.iter().map(plain).collect()),
        Kind::Map(map) => {
            let entries = map.iter();
            let entries = entries.map(|it| (it.key.name.to_string(), plain(&it.value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests;
