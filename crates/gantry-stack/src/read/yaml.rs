//! YAML, with the place and the tag of every value.

use std::collections::HashMap;

use granit_parser::{
    Event, Parser, ScalarStyle, ScanError, Span as Range, StrInput, StructureStyle,
};
use smol_str::SmolStr;

use super::{DEPTH, scalar};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::Layer;
use crate::node::{Key, Map, Node, Tag, Value};
use crate::span::{SourceId, Span};

/// How many values aliases may add to a file: far more than a person means, far less than fills
/// the memory.
const EXPANSION: usize = 200_000;

/// Reads a whole file: one document.
pub(super) fn read(text: &str, id: SourceId, layer: Layer, diagnostics: &mut Diagnostics) -> Node {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        block_nesting_limit: DEPTH,
        flow_nesting_limit: DEPTH,
    };
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        text,
        id,
        layer,
        diagnostics,
        anchors: HashMap::new(),
        expanded: 0,
    };
    let whole = Span::new(id, 0..text.len());
    let mut root = None;
    while let Some((event, range)) = reader.next() {
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                let span = reader.span(&range);
                let wrong =
                    Diagnostic::error("yaml-documents", span, "a second document begins here");
                let hint = "put it into a file of its own, and import it";
                reader
                    .diagnostics
                    .push(wrong.expected("one document").hint(hint));
                break;
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => root = reader.node(event, &range, 0),
        }
    }
    let mut root = root.unwrap_or_else(|| Node::new(Value::Null, whole, layer));
    if root.is_null() {
        // A file with comments only is an empty one.
        root.value = Value::Map(Map::new());
    }
    root
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    id: SourceId,
    layer: Layer,
    diagnostics: &'a mut Diagnostics,
    anchors: HashMap<usize, Anchored>,
    expanded: usize,
}

/// What an alias stands for.
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

impl<'a> Reader<'a> {
    /// The next event; nothing after the end or a syntax error, which has been complained about.
    fn next(&mut self) -> Option<(Event<'a>, Range)> {
        match self.parser.next_event()? {
            Ok(next) => Some(next),
            Err(error) => {
                self.complain(&error);
                None
            }
        }
    }

    fn complain(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(self.text.len());
        let at = crate::source::floor_char(self.text, at);
        let length = self.text[at..].chars().next().map_or(0, char::len_utf8);
        let message = error.kind().to_string();
        let hint = match self.text[at..].chars().next() {
            Some('\t') => Some("YAML is indented with spaces, never with tabs"),
            Some('@' | '`') => Some("a value that begins so must be in quotes"),
            Some('{') if self.text[at..].starts_with("{{") => {
                Some("a value that begins with `{{` must be in quotes")
            }
            _ => None,
        };
        let span = Span::new(self.id, at..at + length);
        let wrong = Diagnostic::error("yaml-syntax", span, message);
        self.diagnostics.push(wrong.hint_if(hint));
    }

    fn span(&self, range: &Range) -> Span {
        let range = range.byte_range().unwrap_or(0..0);
        Span::new(self.id, range)
    }

    /// The value that begins with `event`; nothing if the file breaks off in it.
    fn node(&mut self, event: Event<'a>, range: &Range, depth: usize) -> Option<Node> {
        let span = self.span(range);
        let (mut node, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let core = tag.as_deref().and_then(|tag| tag.core_suffix());
                let value = match (core, plain) {
                    (None, true) if tag.is_none() || text.is_empty() => scalar::plain(&text),
                    (Some("str") | None, _) => Ok(Value::Str(SmolStr::new(&text))),
                    (Some(core), _) => scalar::tagged(core, &text),
                };
                let value = value.unwrap_or_else(|message| {
                    let wrong = Diagnostic::error("yaml-scalar", span, message);
                    self.diagnostics.push(wrong);
                    Value::Null
                });
                (Node::new(value, span, self.layer), anchor, tag)
            }
            Event::SequenceStart(style, anchor, tag) => {
                (self.list(span, style, depth)?, anchor, tag)
            }
            Event::MappingStart(style, anchor, tag) => {
                (self.mapping(span, style, depth)?, anchor, tag)
            }
            Event::Alias(anchor) => return Some(self.alias(anchor, span, depth)),
            Event::UnresolvedAlias(name) => {
                let message = format!("the alias `*{name}` has no anchor `&{name}` before it");
                self.diagnostics
                    .push(Diagnostic::error("yaml-alias", span, message));
                return Some(Node::new(Value::Null, span, self.layer));
            }
            _ => return Some(Node::new(Value::Null, span, self.layer)),
        };
        if let Some(tag) = tag.as_deref().filter(|tag| tag.core_suffix().is_none()) {
            let place = range.tag_span().map_or(span, |range| self.span(&range));
            self.tag(&mut node, &tag.original(), place);
        }
        if anchor > 0 {
            let (size, height) = measure(&node);
            let node = node.clone();
            let anchored = Anchored { node, size, height };
            self.anchors.insert(anchor, anchored);
        }
        Some(node)
    }

    fn tag(&mut self, node: &mut Node, tag: &str, place: Span) {
        match tag {
            "!reset" => {
                node.tag = Tag::Reset;
                node.value = Value::Null;
            }
            "!override" => node.tag = Tag::Override,
            "!" => {}
            other => {
                let near = crate::nearest::did_you_mean(other, ["!reset", "!override"]);
                let message = format!("the tag `{other}` means nothing here");
                let wrong = Diagnostic::error("yaml-tag", place, message);
                self.diagnostics
                    .push(wrong.expected("`!reset` or `!override`").hint_if(near));
            }
        }
    }

    /// Complains, and skips up to the end of the collection, if it is too deep.
    fn too_deep(&mut self, span: Span, depth: usize) -> bool {
        if depth < DEPTH {
            return false;
        }
        let message = format!("values nest more than {DEPTH} deep");
        self.diagnostics
            .push(Diagnostic::error("yaml-depth", span, message));
        let mut open = 1;
        while open > 0
            && let Some((event, _)) = self.next()
        {
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => open += 1,
                Event::SequenceEnd | Event::MappingEnd => open -= 1,
                _ => {}
            }
        }
        true
    }

    fn list(&mut self, start: Span, style: StructureStyle, depth: usize) -> Option<Node> {
        if self.too_deep(start, depth) {
            return Some(Node::new(Value::Null, start, self.layer));
        }
        let mut items = Vec::new();
        loop {
            let (event, range) = self.next()?;
            if event == Event::SequenceEnd {
                let end = self.span(&range);
                let first = items.first().map(|item: &Node| item.span);
                let span = extent(start, style, first, end);
                return Some(Node::new(Value::Seq(items), span, self.layer));
            }
            items.push(self.node(event, &range, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, style: StructureStyle, depth: usize) -> Option<Node> {
        if self.too_deep(start, depth) {
            return Some(Node::new(Value::Null, start, self.layer));
        }
        let mut map = Map::new();
        let mut merges = Vec::new();
        loop {
            let (event, range) = self.next()?;
            if event == Event::MappingEnd {
                if !merges.is_empty() {
                    map = self.merged(map, merges);
                }
                let first = map.iter().next().map(|entry| entry.key.span);
                let span = extent(start, style, first, self.span(&range));
                return Some(Node::new(Value::Map(map), span, self.layer));
            }
            let merges_here =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, &range, depth + 1)?;
            let (event, range) = self.next()?;
            let value = self.node(event, &range, depth + 1)?;
            let Some(key) = key else { continue };
            if merges_here {
                merges.push((key.span, value));
            } else if let Some(first) = map.entry(&key.name) {
                let message = format!("the key `{}` is written twice", key.name);
                let wrong = Diagnostic::error("duplicate-key", key.span, message);
                let wrong = wrong.also(first.key.span, "first written here");
                self.diagnostics.push(wrong);
            } else {
                map.insert(key, value);
            }
        }
    }

    /// A key: outer nothing if the file breaks off in it, inner nothing if it can be none.
    #[expect(clippy::option_option, reason = "the two have different consequences")]
    fn key(&mut self, event: Event<'a>, range: &Range, depth: usize) -> Option<Option<Key>> {
        if let Event::Scalar(text, _, anchor, None) = &event {
            let span = self.span(range);
            let name = SmolStr::new(text);
            if *anchor > 0 {
                let node = Node::new(Value::Str(name.clone()), span, self.layer);
                let (size, height) = (1, 0);
                self.anchors
                    .insert(*anchor, Anchored { node, size, height });
            }
            return Some(Some(Key { name, span }));
        }
        let node = self.node(event, range, depth)?;
        let name = match &node.value {
            Value::Str(text) => text.clone(),
            Value::Int(number) => smol_str::format_smolstr!("{number}"),
            Value::Bool(value) => smol_str::format_smolstr!("{value}"),
            other => {
                let message = format!("a key is {}", other.kind());
                let wrong = Diagnostic::error("yaml-key", node.span, message);
                let hint = "quote the whole value if it begins with `{` or `[`";
                self.diagnostics.push(wrong.expected("a string").hint(hint));
                return Some(None);
            }
        };
        let span = self.span(range);
        Some(Some(Key { name, span }))
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Node {
        let nothing = Node::new(Value::Null, span, self.layer);
        let Some(anchored) = self.anchors.get(&anchor) else {
            let wrong = Diagnostic::error(
                "yaml-alias",
                span,
                "this alias stands inside its own anchor",
            );
            self.diagnostics.push(wrong);
            return nothing;
        };
        let before = self.expanded;
        self.expanded = self.expanded.saturating_add(anchored.size);
        let message = if self.expanded > EXPANSION {
            // Said once, however many more there are.
            self.expanded = usize::MAX;
            if before == usize::MAX {
                return nothing;
            }
            format!("aliases add more than {EXPANSION} values to this file")
        } else if depth + anchored.height > DEPTH {
            format!("values nest more than {DEPTH} deep with this alias")
        } else {
            return anchored.node.clone();
        };
        self.diagnostics
            .push(Diagnostic::error("yaml-alias", span, message));
        nothing
    }

    /// `<<: *base` or `<<: [*a, *b]`: what the mapping has itself wins, then the earlier. What is merged
    /// stands first, as other readers have it.
    fn merged(&mut self, own: Map, merges: Vec<(Span, Node)>) -> Map {
        let mut all = Map::new();
        for (key, from) in merges.into_iter().rev() {
            let sources = match from.value {
                Value::Seq(items) => items,
                _ => vec![from],
            };
            for source in sources.into_iter().rev() {
                let Value::Map(entries) = source.value else {
                    let message = format!("`<<` merges {}", source.kind());
                    let wrong =
                        Diagnostic::error("yaml-merge", key, message).also(source.span, "this");
                    self.diagnostics
                        .push(wrong.expected("a mapping, or a list of mappings"));
                    continue;
                };
                for entry in entries {
                    all.insert(entry.key, entry.value);
                }
            }
        }
        for entry in own {
            all.insert(entry.key, entry.value);
        }
        all
    }
}

/// Where a collection is: between its brackets; one without them is where it begins, since all of
/// its lines are no place to point at.
fn extent(start: Span, style: StructureStyle, first: Option<Span>, end: Span) -> Span {
    match (style, first) {
        (StructureStyle::Flow, _) => start.join(end),
        // A merged or aliased first value stands elsewhere.
        (_, Some(first)) if first.source == start.source && first.start >= start.start => Span {
            start: first.start,
            ..first
        },
        _ => start,
    }
}

/// How many values there are, and how deep they nest.
fn measure(node: &Node) -> (usize, usize) {
    let combine = |(size, height): (usize, usize), node: &Node| {
        let (inner, below) = measure(node);
        (size + inner, height.max(below + 1))
    };
    match &node.value {
        Value::Seq(items) => items.iter().fold((1, 0), combine),
        Value::Map(map) => map.iter().map(|entry| &entry.value).fold((1, 0), combine),
        _ => (1, 0),
    }
}
