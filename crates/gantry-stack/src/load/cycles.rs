//! Services that need each other in a circle.

use std::collections::HashMap;

use gantry_core::graph::Edge;
use gantry_core::{Graph, ServiceKey};

use super::{Draft, Loading};
use crate::decode::Use;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// Complains about every circle, edge by edge.
pub(super) fn find(loading: &mut Loading<'_>, drafts: &[Draft<'_>], uses: &[Use]) {
    let index: HashMap<&str, usize> = drafts
        .iter()
        .enumerate()
        .map(|(at, draft)| (draft.name.as_str(), at))
        .collect();
    let mut edges = Vec::new();
    for (from, draft) in drafts.iter().enumerate() {
        for edge in draft.service.iter().flat_map(|service| &service.depends_on) {
            if let Some(to) = index.get(edge.service.as_str()).filter(|to| **to != from) {
                edges.push(Edge {
                    dependent: key(from),
                    dependency: key(*to),
                    part: None,
                    condition: edge.condition,
                    follow: edge.implied,
                });
            }
        }
    }
    let graph = Graph::new(&vec![0; drafts.len()], edges);
    if graph.order().len() == drafts.len() {
        return;
    }
    for cycle in graph.cycles() {
        let name = |key: &ServiceKey| drafts[key.index()].name.as_str();
        let mut path: Vec<&str> = cycle.iter().map(name).collect();
        path.extend(path.first().copied());
        let message = format!("these services need each other: {}", path.join(" → "));
        let places: Vec<(Span, String)> = path
            .windows(2)
            .map(|pair| place(&drafts[index[pair[0]]], pair[1], uses))
            .collect();
        let Some(((first, label), others)) = places.split_first() else {
            continue;
        };
        let wrong = Diagnostic::error("dependency-cycle", *first, message).label(label.clone());
        let wrong = others
            .iter()
            .fold(wrong, |wrong, (span, text)| wrong.also(*span, text.clone()));
        loading
            .diagnostics
            .push(wrong.hint("take one of these edges out"));
    }
}

/// Where a service says that it needs another.
fn place(draft: &Draft<'_>, needed: &str, uses: &[Use]) -> (Span, String) {
    let nodes = draft.node.at(["depends-on"]);
    let nodes = nodes.map(|node| node.as_seq().unwrap_or(std::slice::from_ref(node)));
    for node in nodes.into_iter().flatten() {
        let node = node.at(["service"]).unwrap_or(node);
        let text = node.as_str().unwrap_or_default();
        if text.split('/').next() == Some(needed) {
            return (node.span, format!("`{}` depends on `{needed}`", draft.name));
        }
    }
    let refers = uses
        .iter()
        .find(|one| super::counts(one, draft) && one.reference.service() == Some(needed));
    match refers {
        Some(one) => (one.span, format!("`{}` refers to `{needed}`", draft.name)),
        None => (draft.key, format!("`{}` needs `{needed}`", draft.name)),
    }
}

fn key(position: usize) -> ServiceKey {
    ServiceKey(u32::try_from(position).unwrap_or(u32::MAX))
}
