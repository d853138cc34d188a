//! Boxes and arrows, as text that other programs draw (Mermaid, DOT), or drawn (SVG).

use std::fmt::Write as _;

use layout::backends::svg::SVGWriter;
use layout::gv::{DotParser, GraphBuilder};

use crate::cli::DrawingFormat;

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawing {
    /// What the whole is called.
    pub(crate) title: String,
    /// The boxes.
    pub(crate) boxes: Vec<Box_>,
    /// The arrows between them.
    pub(crate) arrows: Vec<Arrow>,
}

/// A box.
#[derive(Debug, Clone)]
pub(crate) struct Box_ {
    /// By what arrows name it.
    pub(crate) name: String,
    /// What is written into it.
    pub(crate) label: String,
    /// What it is filled with, as `#rrggbb`.
    pub(crate) colour: &'static str,
    /// Whether it is only hinted at.
    pub(crate) dashed: bool,
}

/// An arrow.
#[derive(Debug, Clone)]
pub(crate) struct Arrow {
    /// From which box.
    pub(crate) from: String,
    /// To which.
    pub(crate) to: String,
    /// What is written beside it; may be empty.
    pub(crate) label: String,
}

impl Drawing {
    /// In this form.
    pub(crate) fn text(&self, form: DrawingFormat) -> String {
        match form {
            DrawingFormat::Mermaid => self.mermaid(),
            DrawingFormat::Dot => self.dot(),
            DrawingFormat::Svg => self.svg(),
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.boxes.iter().position(|one| one.name == name)
    }

    /// The arrows between boxes that there are, by the numbers of these.
    fn joined(&self) -> impl Iterator<Item = (usize, usize, &Arrow)> {
        self.arrows.iter().filter_map(|arrow| {
            let (from, to) = (self.number(&arrow.from)?, self.number(&arrow.to)?);
            Some((from, to, arrow))
        })
    }

    fn mermaid(&self) -> String {
        let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", quoted(&self.title));
        for (number, one) in self.boxes.iter().enumerate() {
            _ = writeln!(text, "  n{number}[\"{}\"]", entities(&one.label));
        }
        for (from, to, arrow) in self.joined() {
            if arrow.label.is_empty() {
                _ = writeln!(text, "  n{from} --> n{to}");
            } else {
                let label = entities(&arrow.label);
                _ = writeln!(text, "  n{from} -->|\"{label}\"| n{to}");
            }
        }
        for (number, one) in self.boxes.iter().enumerate() {
            let dashes = if one.dashed {
                ",stroke-dasharray:4"
            } else {
                ""
            };
            _ = writeln!(
                text,
                "  style n{number} fill:{}{dashes},color:#000",
                one.colour
            );
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = format!(
            "digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n",
            quoted(&self.title)
        );
        for (number, one) in self.boxes.iter().enumerate() {
            let style = if one.dashed {
                "filled,dashed"
            } else {
                "filled"
            };
            _ = writeln!(
                text,
                "  n{number} [label={}, style=\"{style}\", fillcolor=\"{}\"];",
                quoted(&one.label),
                one.colour
            );
        }
        for (from, to, arrow) in self.joined() {
            _ = writeln!(text, "  n{from} -> n{to} [label={}];", quoted(&arrow.label));
        }
        text.push_str("}\n");
        text
    }

    fn svg(&self) -> String {
        if self.boxes.is_empty() {
            // The library draws something or panics.
            return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\" height=\"0\"></svg>\n"
                .to_owned();
        }
        let dot = self.dot();
        let Ok(graph) = DotParser::new(&dot).process() else {
            // It is ours, and well formed.
            return String::new();
        };
        let mut builder = GraphBuilder::new();
        builder.visit_graph(&graph);
        let mut writer = SVGWriter::new();
        builder.get().do_it(false, false, false, &mut writer);
        writer.finalize() + "\n"
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// As Mermaid wants what it might take for its own.
fn entities(text: &str) -> String {
    let text = text.replace('#', "#35;").replace('"', "#quot;");
    let text = text.replace('<', "#lt;").replace('>', "#gt;");
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests;
