//! Which crate may depend on which, and which of others' crates it must never reach.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Complaint;
use super::workspace::{Workspace, array};

/// Each member, and the members that it may depend on outside its tests.
const MAY: [(&str, &[&str]); 21] = [
    ("gantry-core", &[]),
    ("gantry-sys", &[]),
    ("gantry-log", &[]),
    ("gantry-api", &[]),
    ("gantry-probe", &[]),
    ("gantry-stack", &["gantry-core"]),
    ("gantry-render", &["gantry-stack"]),
    ("gantry-driver", &["gantry-core", "gantry-log"]),
    ("gantry-keeper", &["gantry-log", "gantry-sys"]),
    (
        "gantry-container-engine",
        &["gantry-core", "gantry-driver", "gantry-log"],
    ),
    (
        "gantry-driver-compose",
        &[
            "gantry-container-engine",
            "gantry-core",
            "gantry-driver",
            "gantry-log",
            "gantry-stack",
        ],
    ),
    (
        "gantry-driver-container",
        &[
            "gantry-container-engine",
            "gantry-core",
            "gantry-driver",
            "gantry-log",
            "gantry-stack",
        ],
    ),
    (
        "gantry-driver-kubernetes",
        &["gantry-core", "gantry-driver", "gantry-log", "gantry-stack"],
    ),
    (
        "gantry-driver-process",
        &[
            "gantry-core",
            "gantry-driver",
            "gantry-keeper",
            "gantry-log",
            "gantry-stack",
            "gantry-sys",
        ],
    ),
    (
        "gantry-engine",
        &[
            "gantry-api",
            "gantry-core",
            "gantry-driver",
            "gantry-log",
            "gantry-probe",
            "gantry-stack",
        ],
    ),
    (
        "gantry",
        &[
            "gantry-api",
            "gantry-core",
            "gantry-driver",
            "gantry-driver-compose",
            "gantry-driver-container",
            "gantry-driver-kubernetes",
            "gantry-driver-process",
            "gantry-engine",
            "gantry-keeper",
            "gantry-log",
            "gantry-render",
            "gantry-stack",
            "gantry-sys",
        ],
    ),
    ("gantry-test", &[]),
    (
        "gantry-fuzz",
        &[
            "gantry-api",
            "gantry-keeper",
            "gantry-render",
            "gantry-stack",
        ],
    ),
    ("quickstart-services", &[]),
    ("web-api", &[]),
    ("xtask", &["gantry-core", "gantry-stack", "gantry-test"]),
];

/// Members, and what they must not reach by any way, with the reason.
const NEVER: [(&[&str], &[&str], &str); 3] = [
    (
        &["gantry-core"],
        &["tokio", "rustix", "nix", "hyper", "tracing", "rand"],
        "the core is pure: no I/O, no async, no clock, no chance",
    ),
    (
        &["gantry-sys", "gantry-keeper", "gantry-log"],
        &["tokio", "hyper", "axum", "futures"],
        "guard and keeper have one event loop and no async runtime",
    ),
    (
        &["gantry-stack"],
        &["tokio", "hyper", "axum", "rustix"],
        "reading a stack file runs nothing",
    ),
];

/// Crates of others, and the only members that may take them directly.
const ONLY: [(&str, &[&str]); 15] = [
    ("libc", &["gantry-sys"]),
    ("kube", &["gantry-driver-kubernetes"]),
    (
        "nix",
        &["gantry-driver-kubernetes", "gantry-engine", "gantry-sys"],
    ),
    ("clap", &["gantry", "xtask"]),
    ("miette", &["gantry"]),
    ("comfy-table", &["gantry"]),
    ("tracing-subscriber", &["gantry"]),
    ("axum", &["gantry-engine"]),
    ("toml", &["gantry-stack", "xtask"]),
    ("granit-parser", &["gantry-stack"]),
    ("rustls", &["gantry-probe"]),
    ("tokio-rustls", &["gantry-probe"]),
    ("tokio-tungstenite", &["gantry-driver-kubernetes"]),
    ("tower", &["gantry-driver-kubernetes"]),
    (
        "glob",
        &["gantry-driver-kubernetes", "gantry-render", "gantry-stack"],
    ),
];

pub(super) fn check(workspace: &Workspace) -> Vec<Complaint> {
    let graph = Graph::of(&workspace.metadata);
    let mut complaints = Vec::new();
    for package in &workspace.packages {
        let name = package.name.as_str();
        let Some((_, may)) = MAY.iter().find(|(member, _)| *member == name) else {
            complaints.push(format!(
                "{name}: not in the table of xtask/src/check/dependencies.rs"
            ));
            continue;
        };
        let taken = graph.direct(name);
        let members = taken
            .iter()
            .filter(|other| workspace.package(other).is_some());
        for other in members.filter(|other| !may.contains(other)) {
            complaints.push(format!("{name}: may not depend on {other}"));
        }
        for (other, members) in ONLY {
            if taken.contains(&other) && !members.contains(&name) {
                let members = members.join(" and ");
                complaints.push(format!("{name}: {other} is for {members} only"));
            }
        }
        if package.description.is_none() {
            complaints.push(format!("{name}: has no description"));
        }
    }
    for (members, banned, reason) in NEVER {
        for member in members {
            for other in banned {
                if let Some(way) = graph.way(member, other) {
                    complaints.push(format!("{}: {reason}", way.join(" -> ")));
                }
            }
        }
    }
    complaints
}

/// Normal dependencies by name: those of tests and build scripts are nobody's architecture.
struct Graph<'a> {
    edges: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Value) -> Self {
        let names: HashMap<&str, &str> = array(&metadata["packages"])
            .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect();
        let name = |id: &Value| names.get(id.as_str()?).copied();
        let mut edges: HashMap<&str, Vec<&str>> = HashMap::new();
        for node in array(&metadata["resolve"]["nodes"]) {
            let Some(from) = name(&node["id"]) else {
                continue;
            };
            let normal = array(&node["deps"])
                .filter(|dep| array(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()));
            edges
                .entry(from)
                .or_default()
                .extend(normal.filter_map(|dep| name(&dep["pkg"])));
        }
        Self { edges }
    }

    fn direct(&self, name: &str) -> &[&'a str] {
        self.edges.get(name).map_or(&[], Vec::as_slice)
    }

    /// A shortest way from one crate to another.
    fn way(&self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut seen = HashSet::from([from]);
        let mut ways = vec![vec![from]];
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let last = way.last().copied().unwrap_or(from);
                if last == to {
                    return Some(way);
                }
                for &next in self.direct(last) {
                    if seen.insert(next) {
                        longer.push([way.as_slice(), &[next]].concat());
                    }
                }
            }
            ways = longer;
        }
        None
    }
}
