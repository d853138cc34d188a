//! The texts that were read, and lines and columns in them.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::layer::Layer;
use crate::span::{SourceId, Span};

#[cfg(test)]
mod tests;

/// One text: a file, a variable of the environment, or a flag.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    path: Option<Utf8PathBuf>,
    folder: Utf8PathBuf,
    layer: Layer,
    text: Arc<str>,
    lines: Vec<u32>,
}

impl Source {
    /// What to call it in a message: the file's path, `GANTRY_…`, or `--set`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's path, if it is a file.
    pub fn path(&self) -> Option<&Utf8Path> {
        self.path.as_deref()
    }

    /// The folder that relative paths in it start from: a file's own folder, else the working folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// The layer it was read for.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Line and column, both from 1, of a byte offset. Columns count characters.
    pub fn position(&self, offset: usize) -> Position {
        let offset = floor_char(&self.text, offset);
        let line = self
            .lines
            .partition_point(|start| *start as usize <= offset)
            .max(1);
        let start = self.lines[line - 1] as usize;
        Position {
            line,
            column: self.text[start..offset].chars().count() + 1,
        }
    }

    /// The text of a line (from 1), without its line break.
    pub fn line(&self, line: usize) -> Option<&str> {
        let start = *self.lines.get(line.checked_sub(1)?)? as usize;
        let end = self
            .lines
            .get(line)
            .map_or(self.text.len(), |end| *end as usize);
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

/// Every text of one load, by id.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
    base: Utf8PathBuf,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Files below this folder are called by their path from it.
    pub fn set_base(&mut self, folder: impl Into<Utf8PathBuf>) {
        self.base = folder.into();
    }

    /// What a file is called in messages.
    pub fn name_of<'a>(&self, path: &'a Utf8Path) -> &'a Utf8Path {
        if self.base.as_str().is_empty() {
            return path;
        }
        match path.strip_prefix(&self.base) {
            Ok(below) if !below.as_str().is_empty() => below,
            _ => path,
        }
    }

    /// Takes in a file's text.
    pub fn add_file(
        &mut self,
        path: impl Into<Utf8PathBuf>,
        layer: Layer,
        text: impl Into<Arc<str>>,
    ) -> SourceId {
        let path = path.into();
        let folder = match path.parent() {
            Some(parent) if !parent.as_str().is_empty() => parent.to_owned(),
            _ => Utf8PathBuf::from("."),
        };
        let name = self.name_of(&path).as_str().to_owned();
        self.add(name, Some(path), folder, layer, text.into())
    }

    /// Takes in a text that is no file, such as the value of a flag.
    pub fn add_text(
        &mut self,
        name: impl Into<String>,
        folder: impl Into<Utf8PathBuf>,
        layer: Layer,
        text: impl Into<Arc<str>>,
    ) -> SourceId {
        self.add(name.into(), None, folder.into(), layer, text.into())
    }

    fn add(
        &mut self,
        name: String,
        path: Option<Utf8PathBuf>,
        folder: Utf8PathBuf,
        layer: Layer,
        text: Arc<str>,
    ) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX - 1));
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0)
            .chain(breaks.map(|at| u32::try_from(at).unwrap_or(u32::MAX)))
            .collect();
        self.sources.push(Source {
            name,
            path,
            folder,
            layer,
            text,
            lines,
        });
        id
    }

    /// The text a span lies in; nothing for [`Span::NONE`].
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }

    /// The folder that a relative path written at `span` starts from; `.` if it stands nowhere.
    pub fn folder(&self, span: Span) -> &Utf8Path {
        self.get(span.source)
            .map_or(Utf8Path::new("."), Source::folder)
    }

    /// A path written at `span`, relative to what `span`'s file is relative to.
    pub fn resolve(&self, span: Span, path: &str) -> Utf8PathBuf {
        clean(&self.folder(span).join(path))
    }

    /// Name, line and column of a span's start.
    pub fn place(&self, span: Span) -> Option<Place<'_>> {
        let source = self.get(span.source)?;
        Some(Place {
            name: source.name(),
            position: source.position(span.start as usize),
        })
    }

    /// What was written at a span, byte for byte.
    pub fn slice(&self, span: Span) -> Option<&str> {
        self.get(span.source)?.text.get(span.range())
    }

    /// All of them, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0..).map(SourceId).zip(&self.sources)
    }
}

/// A place in a named text; prints as `gantry.toml:3:7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file's path, or what else the text is called.
    pub name: &'a str,
    /// Where in it.
    pub position: Position,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, position } = self;
        write!(f, "{name}:{}:{}", position.line, position.column)
    }
}

/// Takes `.` and `x/..` out of a path without asking the disk. A `..` at the start stays.
pub fn clean(path: &Utf8Path) -> Utf8PathBuf {
    use camino::Utf8Component as C;
    let mut out = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            C::CurDir => {}
            C::ParentDir => match out.components().next_back() {
                Some(C::Normal(_)) => {
                    out.pop();
                }
                Some(C::RootDir) => {}
                _ => out.push(".."),
            },
            other => out.push(other.as_str()),
        }
    }
    if out.as_str().is_empty() {
        out.push(".");
    }
    out
}

/// The nearest start of a character at or before `offset`.
pub(crate) fn floor_char(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
