//! What `graph --manifests` shows: objects of clusters, and what each refers to.

use gantry_driver_kubernetes::relations::Relations;

use super::drawing::{Arrow, Box_, Drawing};
use super::{Data, Page, View};
use crate::style::{Text, Tone, harmless};

/// The objects of a stack.
#[derive(Debug)]
pub(crate) struct ObjectsView {
    /// The stack's name.
    pub(crate) title: String,
    /// What refers to what.
    pub(crate) relations: Relations,
}

impl ObjectsView {
    /// As boxes and arrows, coloured by family.
    pub(crate) fn drawing(&self) -> Drawing {
        let boxes = self.relations.objects.iter().map(|one| Box_ {
            name: one.name.clone(),
            label: one.name.clone(),
            colour: match one.family {
                "workload" => "#d8e6fa",
                "network" => "#d8f0d8",
                "configuration" => "#faeccc",
                "storage" => "#e6daf2",
                "access" => "#f6dada",
                _ => "#f2f2f2",
            },
            dashed: one.missing,
        });
        let arrows = self.relations.edges.iter().map(|edge| Arrow {
            from: edge.from.clone(),
            to: edge.to.clone(),
            label: edge.how.to_owned(),
        });
        Drawing {
            title: self.title.clone(),
            boxes: boxes.collect(),
            arrows: arrows.collect(),
        }
    }
}

impl View for ObjectsView {
    fn lines(&self, _: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        for one in &self.relations.objects {
            let line = Text::of(Tone::Strong, harmless(&one.name));
            lines.push(if one.missing {
                line.and(Tone::Dim, "  must be there already")
            } else {
                line
            });
            let edges = self.relations.edges.iter();
            for edge in edges.filter(|edge| edge.from == one.name) {
                let how = Text::of(Tone::Dim, format!("  {} ", edge.how));
                lines.push(how.plain(harmless(&edge.to)));
            }
        }
        if lines.is_empty() {
            lines.push(Text::of(Tone::Dim, "No service runs in a cluster"));
        }
        lines
    }

    fn data(&self) -> Data {
        Data::of(&self.relations)
    }
}
