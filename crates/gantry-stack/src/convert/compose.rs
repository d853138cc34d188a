//! A Compose file as a stack of containers.

use camino::Utf8Path;

use super::{Toml, inline_table, list, literal, pairs, scalar, string, texts};
use crate::load::fit_name;
use crate::node::{Map, Node};

mod command;
mod extends;
mod ports;
mod volumes;

/// Keys of a service that are the same key of a container, with one value.
const SAME: [(&str, &str); 10] = [
    ("image", "image"),
    ("container_name", "name"),
    ("platform", "platform"),
    ("working_dir", "folder"),
    ("user", "user"),
    ("shm_size", "shm-size"),
    ("read_only", "read-only"),
    ("init", "init"),
    ("privileged", "privileged"),
    ("gpus", "gpus"),
];

/// The same, with a list.
const LISTS: [(&str, &str); 4] = [
    ("tmpfs", "tmpfs"),
    ("devices", "devices"),
    ("cap_add", "cap-add"),
    ("cap_drop", "cap-drop"),
];

/// The whole file.
pub(super) fn stack(root: &Node, path: &Utf8Path) -> String {
    let mut toml = Toml::default();
    let name = path.file_name().unwrap_or_default();
    toml.comment(&format!("From {name}, by gantry import compose."));
    toml.comment(
        "A variable that is not set is an error here, where Compose takes it for an empty text.",
    );
    let folder = path
        .parent()
        .and_then(Utf8Path::file_name)
        .unwrap_or_default();
    let given = root.at(["name"]).and_then(Node::as_str).unwrap_or(folder);
    toml.value(
        "name",
        &string(&fit_name(given).unwrap_or_else(|| "stack".to_owned())),
    );
    let empty = Map::new();
    for entry in root.as_map().unwrap_or(&empty) {
        match &*entry.key.name {
            "name" | "services" => {}
            // Volumes are made when a service names them, and all services share a network.
            "volumes" | "networks"
                if entry
                    .value
                    .as_map()
                    .is_none_or(|map| map.iter().all(|one| one.value.is_null())) => {}
            other => toml.without_equivalent(other, &entry.value),
        }
    }
    let services = extends::services(root, path);
    let can_run = |node: &Node| {
        ["image", "build"]
            .iter()
            .any(|key| node.at([*key]).is_some())
    };
    let known: Vec<&str> = services
        .iter()
        .filter(|entry| can_run(&entry.value))
        .map(|entry| entry.key.name.as_str())
        .collect();
    for entry in &services {
        let name = entry.key.name.as_str();
        if !known.contains(&name) {
            toml.text.push('\n');
            toml.comment(&format!(
                "without an image or a build there is no service {name}"
            ));
            toml.without_equivalent(&format!("services.{name}"), &entry.value);
            continue;
        }
        Service {
            name,
            node: &entry.value,
            root,
            known: &known,
            top: Toml::default(),
            container: Toml::default(),
        }
        .write(&mut toml);
    }
    toml.text
}

/// Whether a text says a key from there on that it has said before.
fn says_again(text: &str, from: usize) -> bool {
    let (before, new) = text.split_at(from);
    let keys = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let keys = lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()));
        keys.collect()
    };
    let said = keys(before);
    keys(new).iter().any(|key| said.contains(key))
}

/// A service on its way.
struct Service<'n> {
    name: &'n str,
    node: &'n Node,
    root: &'n Node,
    /// The services that there will be.
    known: &'n [&'n str],
    /// What belongs to any service.
    top: Toml,
    /// What belongs to a container.
    container: Toml,
}

impl Service<'_> {
    fn write(mut self, toml: &mut Toml) {
        let empty = Map::new();
        for entry in self.node.as_map().unwrap_or(&empty) {
            let key = &*entry.key.name;
            let before = (self.top.text.len(), self.container.text.len());
            let done = self.one(key, &entry.value).is_some();
            let twice =
                says_again(&self.top.text, before.0) || says_again(&self.container.text, before.1);
            if !done || twice {
                // Half of it would say something else, and no key may stand there twice.
                self.top.text.truncate(before.0);
                self.container.text.truncate(before.1);
                self.top.without_equivalent(key, &entry.value);
            }
        }
        toml.table(&["services", self.name]);
        toml.text.push_str(&self.top.text);
        toml.table(&["services", self.name, "container"]);
        toml.text.push_str(&self.container.text);
    }

    /// One key; nothing if it has no equivalent in this form.
    fn one(&mut self, key: &str, node: &Node) -> Option<()> {
        if let Some((_, ours)) = SAME.iter().find(|(theirs, _)| *theirs == key) {
            let text = scalar(node)?;
            let is_word = node.as_bool().is_some();
            self.container
                .value(ours, &if is_word { text } else { literal(&text) });
            return Some(());
        }
        if let Some((_, ours)) = LISTS.iter().find(|(theirs, _)| *theirs == key) {
            let items = texts(node)?;
            self.container
                .value(ours, &list(items.iter().map(|item| literal(item))));
            return Some(());
        }
        match key {
            "build" => self.build(node),
            "command" | "entrypoint" => {
                let words = command::words(node)?;
                self.container
                    .value(key, &list(words.iter().map(|word| literal(word))));
                Some(())
            }
            "pull_policy" => {
                let policy = match node.as_str()? {
                    word @ ("always" | "never" | "missing") => word,
                    "if_not_present" => "missing",
                    _ => return None,
                };
                self.container.value("pull", &string(policy));
                Some(())
            }
            "labels" => {
                let labels = table(pairs(node, '=')?);
                self.container.value("labels", &labels);
                Some(())
            }
            "extra_hosts" => {
                let hosts = pairs(node, ':')?;
                hosts
                    .iter()
                    .all(|(_, address)| address.is_some())
                    .then_some(())?;
                self.container.value("hosts", &table(hosts));
                Some(())
            }
            "environment" => {
                self.environment(pairs(node, '=')?);
                Some(())
            }
            "env_file" => {
                let files = texts(node)?;
                self.top
                    .value("env-files", &list(files.iter().map(|file| literal(file))));
                Some(())
            }
            "profiles" => {
                let names = texts(node)?;
                self.top
                    .value("profiles", &list(names.iter().map(|name| string(name))));
                Some(())
            }
            "depends_on" => self.depends_on(node),
            "ports" => {
                self.ports(node);
                Some(())
            }
            "volumes" => {
                self.volumes(node);
                Some(())
            }
            "networks" => self.networks(node),
            "healthcheck" => self.healthcheck(node),
            "restart" => self.restart(node),
            "stop_signal" | "stop_grace_period" => self.stop(key),
            "scale" => {
                self.top.value("replicas", &node.as_int()?.to_string());
                Some(())
            }
            "mem_limit" | "cpus" | "pids_limit" => self.resources(key),
            "deploy" => self.deploy(node),
            "ulimits" => self.ulimits(node),
            _ => None,
        }
    }

    fn build(&mut self, node: &Node) -> Option<()> {
        let Some(map) = node.as_map() else {
            self.container.value("build", &literal(node.as_str()?));
            return Some(());
        };
        let mut entries = Vec::new();
        for one in map {
            let name = &*one.key.name;
            let ours = match name {
                "context" | "target" => name,
                "dockerfile" => "file",
                "args" => {
                    entries.push(("args".to_owned(), table(pairs(&one.value, '=')?)));
                    continue;
                }
                "cache_from" => {
                    let images = texts(&one.value)?;
                    entries.push((
                        "cache-from".to_owned(),
                        list(images.iter().map(|image| literal(image))),
                    ));
                    continue;
                }
                other => {
                    self.container
                        .without_equivalent(&format!("build.{other}"), &one.value);
                    continue;
                }
            };
            entries.push((ours.to_owned(), literal(&scalar(&one.value)?)));
        }
        if map.get("context").is_none() {
            entries.insert(0, ("context".to_owned(), string(".")));
        }
        self.container.value("build", &inline_table(&entries));
        Some(())
    }

    fn environment(&mut self, pairs: Vec<(String, Option<String>)>) {
        let passed = pairs.iter().any(|(_, value)| value.is_none());
        if passed {
            self.top
                .comment("`${NAME-}` is passed on from here, and empty where it is not set.");
        }
        let given = pairs.into_iter().map(|(name, value)| {
            let value = value.unwrap_or_else(|| format!("${{{name}-}}"));
            (name, Some(value))
        });
        self.top.value("env", &table(given.collect()));
    }

    fn depends_on(&mut self, node: &Node) -> Option<()> {
        let one = |service: &str, condition: &str| {
            let entries = [
                ("service".to_owned(), string(service)),
                ("condition".to_owned(), string(condition)),
            ];
            inline_table(&entries)
        };
        let mut all = Vec::new();
        if let Some(items) = node.as_seq() {
            for item in items {
                let name = item.as_str()?;
                if self.known.contains(&name) {
                    all.push(one(name, "started"));
                } else {
                    self.top.without_equivalent("depends_on", item);
                }
            }
        } else {
            for entry in node.as_map()? {
                if !self.known.contains(&entry.key.name.as_str()) {
                    let name = format!("depends_on.{}", entry.key.name);
                    self.top.without_equivalent(&name, &entry.value);
                    continue;
                }
                let condition = entry.value.at(["condition"]).and_then(Node::as_str);
                let ours = match condition.unwrap_or("service_started") {
                    "service_started" => "started",
                    "service_healthy" => "ready",
                    "service_completed_successfully" => "completed",
                    _ => return None,
                };
                all.push(one(&entry.key.name, ours));
                for more in entry.value.as_map().into_iter().flatten() {
                    if more.key.name != "condition" {
                        let name = format!("depends_on.{}.{}", entry.key.name, more.key.name);
                        self.top.without_equivalent(&name, &more.value);
                    }
                }
            }
        }
        self.top.value("depends-on", &list(all));
        Some(())
    }

    /// All services of a stack share a network; only others' networks are named.
    fn networks(&mut self, node: &Node) -> Option<()> {
        let mut external = Vec::new();
        let names: Vec<String> = match node.as_map() {
            Some(map) => map.names().map(str::to_owned).collect(),
            None => texts(node)?,
        };
        for name in names {
            let declared = self.root.at(["networks", name.as_str()]);
            let is_external =
                declared.and_then(|one| one.at(["external"])?.as_bool()) == Some(true);
            if is_external {
                let real = declared
                    .and_then(|one| one.at(["name"])?.as_str())
                    .unwrap_or(&name);
                external.push(string(real));
            } else {
                self.container.comment(&format!(
                    "in the network {name}: all services of a stack share one"
                ));
            }
            if let Some(options) = node
                .at([name.as_str()])
                .filter(|options| !options.is_null())
            {
                self.container
                    .without_equivalent(&format!("networks.{name}"), options);
            }
        }
        if !external.is_empty() {
            self.container.value("networks", &list(external));
        }
        Some(())
    }

    fn healthcheck(&mut self, node: &Node) -> Option<()> {
        if node.at(["disable"]).and_then(Node::as_bool) == Some(true) {
            return None;
        }
        let test = node.at(["test"])?;
        let mut words = texts(test)?;
        let kind = match test.as_seq() {
            Some([]) => return None,
            Some(_) => words.remove(0),
            None => "CMD-SHELL".to_owned(),
        };
        match &*kind {
            "CMD" => {}
            "CMD-SHELL" => {
                words.splice(..0, ["/bin/sh", "-c"].map(str::to_owned));
            }
            _ => return None,
        }
        let command = list(words.iter().map(|word| literal(word)));
        let mut entries = vec![("command".to_owned(), command)];
        for entry in node.as_map()? {
            let name = &*entry.key.name;
            match name {
                "test" => {}
                "interval" | "timeout" => {
                    entries.push((name.to_owned(), string(&scalar(&entry.value)?)));
                }
                "retries" => {
                    entries.push(("failures".to_owned(), entry.value.as_int()?.to_string()));
                }
                other => self
                    .top
                    .without_equivalent(&format!("healthcheck.{other}"), &entry.value),
            }
        }
        self.top.value("readiness", &inline_table(&entries));
        Some(())
    }

    fn restart(&mut self, node: &Node) -> Option<()> {
        let word = scalar(node)?;
        let (word, max) = match word.split_once(':') {
            Some((word, max)) => (word, Some(max.parse::<u32>().ok()?)),
            None => (&*word, None),
        };
        let policy = match word {
            "no" | "false" => "never",
            "always" => "always",
            "unless-stopped" => {
                self.top
                    .comment("restart: unless-stopped; what is stopped stays stopped anyway");
                "always"
            }
            "on-failure" => "on-failure",
            _ => return None,
        };
        let mut entries = vec![("policy".to_owned(), string(policy))];
        entries.extend(max.map(|max| ("max".to_owned(), max.to_string())));
        self.top.value("restart", &inline_table(&entries));
        Some(())
    }

    /// Two keys that become one: written with the first of them.
    fn stop(&mut self, key: &str) -> Option<()> {
        let keys = [("stop_signal", "signal"), ("stop_grace_period", "grace")];
        self.joined(key, "stop", &keys)
    }

    fn resources(&mut self, key: &str) -> Option<()> {
        let keys = [
            ("mem_limit", "memory"),
            ("cpus", "cpus"),
            ("pids_limit", "pids"),
        ];
        self.joined(key, "resources", &keys)
    }

    fn ulimits(&mut self, node: &Node) -> Option<()> {
        let limits = node.as_map()?.iter().map(|one| {
            let pair = |key: &str| one.value.at([key])?.as_int();
            let value = match one.value.as_int() {
                Some(both) => both.to_string(),
                None => format!("{{ soft = {}, hard = {} }}", pair("soft")?, pair("hard")?),
            };
            Some((one.key.name.to_string(), value))
        });
        let limits: Vec<(String, String)> = limits.collect::<Option<_>>()?;
        self.container.value("ulimits", &inline_table(&limits));
        Some(())
    }

    fn joined(&mut self, key: &str, ours: &str, keys: &[(&str, &str)]) -> Option<()> {
        let there = |(theirs, _): &&(&str, &str)| self.node.at([*theirs]).is_some();
        if keys.iter().find(there)?.0 != key {
            return Some(());
        }
        let mut entries = Vec::new();
        for (theirs, ours) in keys.iter().filter(there) {
            entries.push((
                (*ours).to_owned(),
                number_or_text(self.node.at([*theirs])?)?,
            ));
        }
        self.top.value(ours, &inline_table(&entries));
        Some(())
    }

    fn deploy(&mut self, node: &Node) -> Option<()> {
        for entry in node.as_map()? {
            match &*entry.key.name {
                "replicas" => self
                    .top
                    .value("replicas", &entry.value.as_int()?.to_string()),
                "resources" => {
                    let mut entries = Vec::new();
                    for one in entry.value.as_map()? {
                        for limit in one.value.as_map()? {
                            let ours = match (&*one.key.name, &*limit.key.name) {
                                ("limits", name @ ("cpus" | "memory" | "pids")) => name,
                                (kind, name) => {
                                    let name = format!("deploy.resources.{kind}.{name}");
                                    self.top.without_equivalent(&name, &limit.value);
                                    continue;
                                }
                            };
                            let value = match ours {
                                "memory" => string(&scalar(&limit.value)?),
                                _ => scalar(&limit.value)?,
                            };
                            entries.push((ours.to_owned(), value));
                        }
                    }
                    if !entries.is_empty() {
                        self.top.value("resources", &inline_table(&entries));
                    }
                }
                other => self
                    .top
                    .without_equivalent(&format!("deploy.{other}"), &entry.value),
            }
        }
        Some(())
    }
}

fn number_or_text(node: &Node) -> Option<String> {
    let text = scalar(node)?;
    Some(if text.parse::<f64>().is_ok() {
        text
    } else {
        literal(&text)
    })
}

fn table(pairs: Vec<(String, Option<String>)>) -> String {
    let entries: Vec<(String, String)> = pairs
        .into_iter()
        .map(|(name, value)| (name, literal(&value.unwrap_or_default())))
        .collect();
    inline_table(&entries)
}
