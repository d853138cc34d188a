//! What `graph` shows: trees, or nodes and edges for programs.

use std::collections::HashSet;

use gantry_api::{ChildStatus, State};
use serde::Serialize;

use super::drawing::{Arrow, Box_, Drawing};
use super::{Data, Page, View, state};
use crate::style::{Text, Tone};

/// A graph, and from where it is drawn.
#[derive(Debug)]
pub(crate) struct GraphView {
    /// The stack's name.
    pub(crate) title: String,
    /// The services, in start order.
    pub(crate) nodes: Vec<Node>,
    /// What depends on what.
    pub(crate) edges: Vec<Edge>,
    /// The services at the top.
    pub(crate) roots: Vec<String>,
    /// Whether a service's dependents are drawn below it.
    pub(crate) reverse: bool,
}

/// A service.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// Its mode.
    pub(crate) mode: String,
    /// Whether it is a job.
    pub(crate) job: bool,
    /// Its state; none if no supervisor says it.
    pub(crate) state: Option<State>,
    /// The step in which it may start at the earliest, from 0.
    pub(crate) level: usize,
    /// Its parts, as far as a supervisor says them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<ChildStatus>,
}

/// A dependency.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Edge {
    /// The dependent.
    pub(crate) from: String,
    /// What it depends on.
    pub(crate) to: String,
    /// The part of it, if not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<String>,
    /// What it waits for.
    pub(crate) condition: String,
    /// Where it was written.
    pub(crate) file: Option<String>,
    /// The line there.
    pub(crate) line: Option<u32>,
}

impl View for GraphView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        let mut drawn = HashSet::new();
        for root in &self.roots {
            self.branch(root, None, "", "", &mut drawn, &mut lines);
        }
        let lines = align(lines);
        match page.width {
            Some(width) => lines.into_iter().map(|line| line.cut(width)).collect(),
            None => lines,
        }
    }

    fn data(&self) -> Data {
        let order: Vec<&str> = self.nodes.iter().map(|node| &*node.name).collect();
        Data::Value(serde_json::json!({
            "nodes": self.nodes, "edges": self.edges, "order": order,
        }))
    }
}

impl GraphView {
    /// As boxes and arrows: what is needed points to who needs it.
    pub(crate) fn drawing(&self) -> Drawing {
        let boxes = self.nodes.iter().map(|node| {
            let state = node.state.map(|state| format!(": {state}"));
            Box_ {
                name: node.name.clone(),
                label: format!("{} ({}){}", node.name, node.mode, state.unwrap_or_default()),
                colour: match node.state.map(state::tone) {
                    Some(Tone::Good) => "#d8f0d8",
                    Some(Tone::Bad) => "#f6d0d0",
                    Some(Tone::Warn) => "#faeccc",
                    _ => "#f2f2f2",
                },
                dashed: node.job,
            }
        });
        let arrows = self.edges.iter().map(|edge| {
            let mut label = match &edge.part {
                Some(part) => format!("{part} "),
                None => String::new(),
            };
            if edge.condition != "ready" {
                label.push_str(&edge.condition);
            }
            Arrow {
                from: edge.to.clone(),
                to: edge.from.clone(),
                label: label.trim().to_owned(),
            }
        });
        Drawing {
            title: self.title.clone(),
            boxes: boxes.collect(),
            arrows: arrows.collect(),
        }
    }

    /// Forget what cannot be reached from the top.
    pub(crate) fn keep_what_is_drawn(&mut self) {
        let mut kept = HashSet::new();
        let mut open: Vec<String> = self.roots.clone();
        while let Some(name) = open.pop() {
            if kept.contains(&name) {
                continue;
            }
            open.extend(
                self.below(&name)
                    .into_iter()
                    .map(|(other, _)| other.to_owned()),
            );
            kept.insert(name);
        }
        self.nodes.retain(|node| kept.contains(&node.name));
        self.edges
            .retain(|edge| kept.contains(&edge.from) && kept.contains(&edge.to));
    }

    fn below<'a>(&'a self, name: &'a str) -> Vec<(&'a str, &'a Edge)> {
        let edges = self.edges.iter();
        if self.reverse {
            let own = edges.filter(|edge| edge.to == name);
            own.map(|edge| (&*edge.from, edge)).collect()
        } else {
            let own = edges.filter(|edge| edge.from == name);
            own.map(|edge| (&*edge.to, edge)).collect()
        }
    }

    fn branch<'a>(
        &'a self,
        name: &'a str,
        by: Option<&Edge>,
        own: &str,
        below: &str,
        drawn: &mut HashSet<&'a str>,
        lines: &mut Vec<(Text, Text)>,
    ) {
        let node = self.nodes.iter().find(|node| node.name == name);
        let again = !drawn.insert(name);
        let branches = self.below(name);
        let left = Text::of(Tone::Dim, own).plain(name);
        let mut right = match node.and_then(|node| node.state) {
            Some(of) => state::word(of).padded(9),
            None => Text::new(),
        };
        if let Some(part) = by.and_then(|edge| edge.part.as_deref()) {
            right = right.and(Tone::Dim, format!("  its part {part}"));
        }
        if let Some(edge) = by
            && edge.condition != "ready"
        {
            right = right.and(Tone::Dim, format!("  until {}", edge.condition));
        }
        if again && !branches.is_empty() {
            right = right.and(Tone::Dim, "  (see above)");
        }
        lines.push((left, right));
        if again {
            return;
        }
        let bar = if branches.is_empty() { "   " } else { "│  " };
        for child in node.iter().flat_map(|node| &node.children) {
            let left = Text::of(Tone::Dim, format!("{below}{bar}{name}/{}", child.name));
            lines.push((left, state::of_child(child)));
        }
        let last = branches.len().saturating_sub(1);
        for (position, (other, edge)) in branches.into_iter().enumerate() {
            let (fork, line) = if position == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let own = format!("{below}{fork}");
            let below = format!("{below}{line}");
            self.branch(other, Some(edge), &own, &below, drawn, lines);
        }
    }
}

/// Put the right halves under each other.
fn align(lines: Vec<(Text, Text)>) -> Vec<Text> {
    let width = lines
        .iter()
        .map(|(left, _)| left.width())
        .max()
        .unwrap_or(0);
    lines
        .into_iter()
        .map(|(left, right)| left.padded(width + 2).join(right))
        .collect()
}
