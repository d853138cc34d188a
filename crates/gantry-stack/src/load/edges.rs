//! What services say of each other.

use std::collections::HashMap;

use gantry_core::{Condition, ServiceName};

use super::{Draft, Loading, counts, services};
use crate::decode::Use;
use crate::diagnostic::Diagnostic;
use crate::element::mode;
use crate::model::{Conflict, DependsOn, Origin};
use crate::nearest::did_you_mean;
use crate::node::Node;
use crate::span::Span;

/// Checks names of services and ports, makes edges of references, and jobs of what is waited for until
/// it completed.
pub(super) fn connect(loading: &mut Loading<'_>, drafts: &mut [Draft<'_>], uses: &[Use]) {
    let index: HashMap<String, usize> = drafts
        .iter()
        .enumerate()
        .map(|(at, draft)| (draft.name.to_string(), at))
        .collect();
    let mut jobs: Vec<usize> = Vec::new();
    for draft in drafts.iter() {
        dependencies(loading, drafts, &index, draft, &mut jobs);
        conflicts(loading, drafts, &index, draft);
    }
    let mut implied: Vec<(usize, DependsOn)> = Vec::new();
    for one in uses {
        // In a variable: only the names are checked; the edge is that of whoever uses it.
        if one.service.is_none() {
            if let ["services", name, ..] = one.reference.names().as_slice()
                && one.reference.default.is_none()
            {
                known(loading, drafts, &index, name, one.span);
            }
            continue;
        }
        let Some(asker) = one
            .service
            .as_deref()
            .and_then(|name| index.get(name))
            .copied()
        else {
            continue;
        };
        let Some(target) = target(loading, drafts, &index, one, asker) else {
            continue;
        };
        if target != asker
            && counts(one, &drafts[asker])
            && is_late(&drafts[target], &one.reference.names())
            && let Ok(service) = ServiceName::new(&drafts[target].name)
        {
            implied.push((
                asker,
                DependsOn {
                    service,
                    child: None,
                    condition: Condition::Ready,
                    implied: true,
                    origin: origin(loading, one.span),
                },
            ));
        }
    }
    for (asker, edge) in implied {
        if let Some(service) = &mut drafts[asker].service
            && !service
                .depends_on
                .iter()
                .any(|other| other.service == edge.service)
        {
            service.depends_on.push(edge);
        }
    }
    for at in jobs {
        if let Some(service) = &mut drafts[at].service {
            service.job = true;
        }
    }
}

fn origin(loading: &Loading<'_>, span: Span) -> Option<Origin> {
    let place = loading.sources.place(span)?;
    Some(Origin {
        file: place.name.into(),
        line: u32::try_from(place.position.line).unwrap_or(u32::MAX),
        column: u32::try_from(place.position.column).unwrap_or(u32::MAX),
    })
}

/// The nodes of a list, or the one that there is, each with the node of its `service`.
fn named<'n>(draft: &Draft<'n>, key: &str) -> impl Iterator<Item = &'n Node> {
    let node = draft.node.at([key]);
    let items = node.map(|node| node.as_seq().unwrap_or(std::slice::from_ref(node)));
    let items = items.into_iter().flatten();
    items.map(|item| item.at(["service"]).unwrap_or(item))
}

fn dependencies(
    loading: &mut Loading<'_>,
    drafts: &[Draft<'_>],
    index: &HashMap<String, usize>,
    draft: &Draft<'_>,
    jobs: &mut Vec<usize>,
) {
    let Some(service) = &draft.service else {
        // What it names is checked all the same, so that everything is said at once.
        for node in named(draft, "depends-on") {
            if let Some(text) = node.as_str() {
                let name = text.split('/').next().unwrap_or(text);
                known(loading, drafts, index, name, node.span);
            }
        }
        return;
    };
    let places: Vec<&Node> = named(draft, "depends-on").collect();
    for (at, edge) in service.depends_on.iter().enumerate() {
        let span = places.get(at).map_or(draft.key, |node| node.span);
        let Some(target) = known(loading, drafts, index, edge.service.as_str(), span) else {
            continue;
        };
        if *edge.service.as_str() == *draft.name {
            loading.error(
                "self-dependency",
                span,
                format!("`{}` depends on itself", draft.name),
            );
            continue;
        }
        let same = |other: &&DependsOn| other.service == edge.service && other.child == edge.child;
        if let Some(first) = service.depends_on[..at]
            .iter()
            .position(|other| same(&other))
        {
            let message = format!("`{}` is named twice in `depends-on`", edge.service);
            let first = places.get(first).map_or(draft.key, |node| node.span);
            let wrong = Diagnostic::error("double-dependency", span, message);
            loading
                .diagnostics
                .push(wrong.also(first, "it is named here first"));
        }
        let on_host = drafts[target]
            .mode
            .and_then(mode::find)
            .is_some_and(|mode| !mode.has_children);
        if let Some(child) = edge.child.as_ref().filter(|_| on_host) {
            let message = format!(
                "`{}` has no children in mode `{}`, so there is no `{child}`",
                edge.service,
                drafts[target].mode.unwrap_or_default()
            );
            loading.error("no-children", span, message);
        }
        if edge.condition == Condition::Completed && edge.child.is_none() {
            jobs.push(target);
        }
    }
}

fn conflicts(
    loading: &mut Loading<'_>,
    drafts: &[Draft<'_>],
    index: &HashMap<String, usize>,
    draft: &Draft<'_>,
) {
    let Some(service) = &draft.service else {
        return;
    };
    let places: Vec<&Node> = named(draft, "conflicts-with").collect();
    for (at, conflict) in service.conflicts_with.iter().enumerate() {
        let Conflict::Service(name) = conflict else {
            continue;
        };
        let span = places.get(at).map_or(draft.key, |node| node.span);
        if known(loading, drafts, index, name.as_str(), span).is_none() {
            continue;
        }
        if *name.as_str() == *draft.name {
            let message = format!("`{name}` conflicts with itself");
            loading.error("self-conflict", span, message);
        } else if service.depends_on.iter().any(|edge| edge.service == *name) {
            let message = format!(
                "`{}` both depends on `{name}` and conflicts with it",
                draft.name
            );
            loading.error("conflict-with-dependency", span, message);
        }
    }
}

/// The position of a service, or a complaint with the nearest name.
fn known(
    loading: &mut Loading<'_>,
    drafts: &[Draft<'_>],
    index: &HashMap<String, usize>,
    name: &str,
    span: Span,
) -> Option<usize> {
    if let Some(at) = index.get(name) {
        return Some(*at);
    }
    let hint = did_you_mean(name, services::names(drafts)).unwrap_or_else(|| {
        let names: Vec<&str> = services::names(drafts).take(12).collect();
        let more = if drafts.len() > 12 { ", …" } else { "" };
        format!("the services are {}{more}", names.join(", "))
    });
    let wrong = Diagnostic::error(
        "unknown-service",
        span,
        format!("there is no service `{name}`"),
    );
    loading.diagnostics.push(wrong.hint(hint));
    None
}

/// The service that a reference leads to, if all is right with it.
fn target(
    loading: &mut Loading<'_>,
    drafts: &[Draft<'_>],
    index: &HashMap<String, usize>,
    one: &Use,
    asker: usize,
) -> Option<usize> {
    let names = one.reference.names();
    let (at, rest) = match names.as_slice() {
        ["services", name, rest @ ..] => {
            if one.reference.default.is_some() && !index.contains_key(*name) {
                return None;
            }
            (known(loading, drafts, index, name, one.span)?, rest)
        }
        rest => (asker, rest),
    };
    let draft = &drafts[at];
    if *rest == ["url"] {
        return one_url(loading, draft, one).then_some(at);
    }
    let ["ports" | "addresses" | "urls", port] = rest else {
        return Some(at);
    };
    let service = draft.service.as_ref()?;
    let checked = draft
        .mode
        .and_then(mode::find)
        .is_some_and(|mode| mode.has_ports);
    if !service.ports.contains_key(*port) {
        if !checked || one.reference.default.is_some() {
            return Some(at);
        }
        let message = format!("the service `{}` has no port `{port}`", draft.name);
        let known: Vec<&str> = service
            .ports
            .keys()
            .map(smol_str::SmolStr::as_str)
            .collect();
        let hint =
            did_you_mean(port, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
                [] => format!("it has no ports; add `ports = {{ {port} = 0 }}` to it"),
                known => format!("its ports are {}", known.join(", ")),
            });
        let wrong = Diagnostic::error("unknown-port", one.span, message);
        loading.diagnostics.push(wrong.hint(hint));
        return None;
    }
    if at != asker && rest[0] == "ports" && service.replicas > 1 {
        let message = format!(
            "`{}` has {} replicas, so there is no one port `{port}`",
            draft.name, service.replicas
        );
        let wrong = Diagnostic::error("port-of-replicas", one.span, message);
        let hint = format!(
            "use services.{}.addresses.{port}, the list of all",
            draft.name
        );
        loading.diagnostics.push(wrong.hint(hint));
        return None;
    }
    Some(at)
}

/// Whether a service has a URL, and only one.
fn one_url(loading: &mut Loading<'_>, draft: &Draft<'_>, one: &Use) -> bool {
    let Some(service) = &draft.service else {
        return false;
    };
    let Some(port) = service.ports.keys().next() else {
        let checked = draft
            .mode
            .and_then(mode::find)
            .is_some_and(|mode| mode.has_ports);
        if !checked || one.reference.default.is_some() {
            return true;
        }
        let message = format!(
            "the service `{}` has no ports, so it has no URL",
            draft.name
        );
        let wrong = Diagnostic::error("unknown-port", one.span, message);
        let hint = "add `ports = { http = 0 }` to it";
        loading.diagnostics.push(wrong.hint(hint));
        return false;
    };
    if service.replicas > 1 {
        let message = format!(
            "`{}` has {} replicas, so there is no one URL",
            draft.name, service.replicas
        );
        let wrong = Diagnostic::error("port-of-replicas", one.span, message);
        let hint = format!("use services.{}.urls.{port}, the list of all", draft.name);
        loading.diagnostics.push(wrong.hint(hint));
        return false;
    }
    true
}

/// Whether what is asked of a service is only known once it runs.
fn is_late(draft: &Draft<'_>, names: &[&str]) -> bool {
    let ["services", _, rest @ ..] = names else {
        return false;
    };
    let Some(service) = &draft.service else {
        return false;
    };
    if matches!(rest, ["name" | "mode"]) {
        return false;
    }
    let fixed = draft
        .mode
        .and_then(mode::find)
        .is_some_and(|mode| mode.fixed_addresses);
    if !fixed {
        return true;
    }
    match rest {
        ["ports" | "addresses" | "urls", port] => {
            service.ports.get(*port).is_none_or(|port| *port == 0)
        }
        ["url"] => service.ports.values().any(|port| *port == 0),
        _ => false,
    }
}
