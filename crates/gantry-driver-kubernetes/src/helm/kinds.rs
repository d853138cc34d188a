//! Kinds that a chart asks for and its cluster does not know: found before anything is made.

use std::fmt;

use gantry_driver::DriverError;
use gantry_stack::nearest::nearest;

use crate::cluster::{Cluster, trouble};
use crate::manifest;
use crate::object::{Key, list};

/// A kind as a cluster serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// `v1`, `apps/v1`.
    pub(crate) api_version: String,
    pub(crate) kind: String,
}

/// A kind that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownKind {
    asked: Served,
    /// Which object asks for it.
    object: String,
    /// The chart's file that it is of.
    template: Option<String>,
    /// What may be meant.
    nearest: Option<Served>,
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Served { api_version, kind } = &self.asked;
        write!(f, "the cluster knows no kind {kind} of {api_version}")?;
        match &self.template {
            Some(template) => write!(f, " ({} in {template})", self.object),
            None => write!(f, " ({})", self.object),
        }
    }
}

impl UnknownKind {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let near = self.nearest.as_ref()?;
        Some(if near.kind == self.asked.kind {
            format!("it knows {} of {}", near.kind, near.api_version)
        } else {
            format!("did you mean {} of {}?", near.kind, near.api_version)
        })
    }
}

/// All kinds that a cluster serves.
pub(crate) async fn served(cluster: &Cluster) -> Result<Vec<Served>, DriverError> {
    let wrong = |error: kube::Error| trouble("discovery", &error);
    let client = &cluster.client;
    let mut lists = vec![client.list_core_api_resources("v1").await.map_err(wrong)?];
    for group in client.list_api_groups().await.map_err(wrong)?.groups {
        for version in group.versions {
            // A server behind the server that is away serves nothing.
            if let Ok(list) = client
                .list_api_group_resources(&version.group_version)
                .await
            {
                lists.push(list);
            }
        }
    }
    let all = lists.into_iter().flat_map(|list| {
        let own = list.group_version;
        list.resources.into_iter().filter_map(move |one| {
            // A part of another one, such as its status, is nothing that can be made.
            (!one.name.contains('/')).then(|| Served {
                api_version: own.clone(),
                kind: one.kind,
            })
        })
    });
    Ok(all.collect())
}

/// The kinds in what Helm has rendered that are neither served nor defined there.
pub(crate) fn unknown(rendered: &str, served: &[Served]) -> Vec<UnknownKind> {
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    manifest::parse("chart".into(), rendered, &mut documents, &mut wrong);
    let mut known = served.to_vec();
    for one in &documents {
        let object = &one.object;
        if object["kind"] == "CustomResourceDefinition" {
            let spec = &object["spec"];
            let text = |name: &str| spec[name].as_str().unwrap_or_default();
            let kind = spec["names"]["kind"].as_str().unwrap_or_default();
            known.extend(list(spec, "versions").map(|version| Served {
                api_version: format!(
                    "{}/{}",
                    text("group"),
                    version["name"].as_str().unwrap_or_default()
                ),
                kind: kind.to_owned(),
            }));
        }
    }
    let sources = sources(rendered);
    let mut found: Vec<UnknownKind> = Vec::new();
    for one in &documents {
        let text = |name: &str| one.object[name].as_str().unwrap_or_default().to_owned();
        let asked = Served {
            api_version: text("apiVersion"),
            kind: text("kind"),
        };
        if known.contains(&asked) || found.iter().any(|it| it.asked == asked) {
            continue;
        }
        // It begins where it is parted from the one before; Helm's word about it comes then.
        let template = sources.iter().find(|(line, _)| *line >= one.place.line);
        found.push(UnknownKind {
            object: Key::of(&one.object).short(),
            template: template.map(|(_, name)| (*name).to_owned()),
            nearest: meant(&asked, &known),
            asked,
        });
    }
    found
}

/// The lines at which Helm says of which file something is.
fn sources(rendered: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(rendered.lines());
    let said = lines.filter_map(|(at, line)| Some((at, line.strip_prefix("# Source: ")?.trim())));
    said.collect()
}

/// The same kind in another version, else one of nearly the same name.
fn meant(asked: &Served, known: &[Served]) -> Option<Served> {
    let group = |it: &Served| it.api_version.rsplit_once('/').map(|it| it.0.to_owned());
    let same = || known.iter().filter(|it| it.kind == asked.kind);
    let mut of_group = same().filter(|it| group(it) == group(asked));
    if let Some(found) = of_group.next().or_else(|| same().next()) {
        return Some(found.clone());
    }
    let kinds = known.iter().map(|it| it.kind.as_str());
    let near = nearest(&asked.kind, kinds)?;
    known.iter().find(|it| it.kind == near).cloned()
}

#[cfg(test)]
mod tests;
