//! From nodes to the model, along the descriptions in [`element`](crate::element).
//!
//! A decoder never stops at a mistake: it complains, leaves the value out, and goes on, so that one
//! run shows everything. Its result is the JSON of the model; serde makes the types of it.

mod any;
mod element;
mod expected;
mod foreign;
mod known;
mod text;

use smol_str::SmolStr;

use serde_json::{Map, Value, json};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::element::scalar::Problem;
use crate::element::{Element, Kind, Names, SECRET, scalar};
use crate::node::{self, Node};
use crate::source::SourceMap;
use crate::span::Span;
use crate::template::Reference;

pub use known::Known;

#[cfg(test)]
mod tests;

/// Walks nodes, collects complaints and what was referred to.
#[derive(Debug)]
pub struct Decoder<'a> {
    /// The texts that the nodes were read from.
    pub sources: &'a SourceMap,
    /// What is wrong so far.
    pub diagnostics: &'a mut Diagnostics,
    /// What references may stand for already.
    pub known: Known,
    /// References that are left for the run.
    pub uses: Vec<Use>,
    /// The service that is being decoded.
    pub service: Option<SmolStr>,
    /// The mode that is being decoded.
    pub mode: Option<&'static str>,
    /// The keys that lead to the node at hand.
    path: Vec<Step>,
    /// Whether references to the run may stand in texts at all.
    late: bool,
}

/// One reference that is left for the run.
#[derive(Debug, Clone)]
pub struct Use {
    /// The service in which it stands.
    pub service: Option<SmolStr>,
    /// The mode's table in which it stands; none if it holds for all modes.
    pub mode: Option<&'static str>,
    /// What is referred to.
    pub reference: Reference,
    /// Where.
    pub span: Span,
}

#[derive(Debug, Clone)]
enum Step {
    Key(SmolStr),
    Item,
}

impl<'a> Decoder<'a> {
    /// A decoder that knows these values.
    pub fn new(sources: &'a SourceMap, diagnostics: &'a mut Diagnostics, known: Known) -> Self {
        Self {
            sources,
            diagnostics,
            known,
            uses: Vec::new(),
            service: None,
            mode: None,
            path: Vec::new(),
            late: true,
        }
    }

    /// Reads a value of this kind. Nothing comes back when there was something to complain about.
    pub fn decode(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        // What `${}` could not be put into was complained about.
        if node.is_unresolved() {
            return None;
        }
        if matches!(
            kind,
            Kind::Bool | Kind::Integer(..) | Kind::Scalar(_) | Kind::Word(_) | Kind::Text
        ) && node.as_str().is_some_and(|text| text.contains("{{"))
        {
            let settled = self.settle(node)?;
            return self.scalar(kind, &settled);
        }
        if let Some(settled) = self.whole_variable(kind, node) {
            return self.decode(kind, &settled.ok()?);
        }
        match kind {
            Kind::Bool | Kind::Integer(..) | Kind::Scalar(_) | Kind::Word(_) | Kind::Text => {
                self.scalar(kind, node)
            }
            Kind::Template => self.template(kind, node),
            Kind::Path => self.file_path(kind, node),
            Kind::Secretive => self.secretive(kind, node),
            Kind::Command => self.command(node),
            Kind::List(of) => match &node.value {
                node::Value::Seq(items) => self.items(of, items),
                _ => self.mismatch(kind, node),
            },
            Kind::OneOrMany(of) => match &node.value {
                node::Value::Seq(items) => self.items(of, items),
                _ => self.decode(of, node).map(|one| Value::Array(vec![one])),
            },
            Kind::Map(names, of) => match &node.value {
                node::Value::Map(map) => self.mapping(*names, of, map),
                _ => self.mismatch(kind, node),
            },
            Kind::Element(element) => self.element(element, node),
            Kind::Either(kinds) => match kinds.iter().find(|kind| accepts(kind, node)) {
                Some(fitting) => self.decode(fitting, node),
                None => self.mismatch(kind, node),
            },
            Kind::Any => self.any(node),
        }
    }

    /// Complains, as an error at a place.
    pub fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }

    /// Takes in a complaint.
    pub fn complain(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A place as the model keeps it.
    pub fn origin(&self, span: Span) -> Value {
        match self.sources.place(span) {
            Some(place) => {
                let mut map = Map::with_capacity(3);
                map.insert("file".to_owned(), place.name.into());
                map.insert("line".to_owned(), place.position.line.into());
                map.insert("column".to_owned(), place.position.column.into());
                Value::Object(map)
            }
            None => json!({ "file": "", "line": 0, "column": 0 }),
        }
    }

    /// The key at hand, as a message begins with it: "`ports`", "an item of `command`".
    pub fn subject(&self) -> String {
        let key = self.path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item => None,
        });
        match (self.path.last(), key) {
            (Some(Step::Item), Some(key)) => format!("an item of `{key}`"),
            (_, Some(key)) => format!("`{key}`"),
            (_, None) => "the stack file".to_owned(),
        }
    }

    /// Does something with `key` added to the path.
    pub(crate) fn under<T>(&mut self, key: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Key(SmolStr::new(key)));
        let result = act(self);
        self.path.pop();
        result
    }

    fn items(&mut self, of: &'static Kind, items: &[Node]) -> Option<Value> {
        let mut out = Vec::with_capacity(items.len());
        let mut whole = true;
        self.path.push(Step::Item);
        for item in items {
            match self.decode(of, item) {
                Some(value) => out.push(value),
                None => whole = false,
            }
        }
        self.path.pop();
        whole.then_some(Value::Array(out))
    }

    fn mapping(&mut self, names: Names, of: &'static Kind, map: &node::Map) -> Option<Value> {
        let mut out = Map::with_capacity(map.len());
        let mut whole = true;
        for entry in map {
            whole &= self.user_name(names, &entry.key);
            // `NAME:` with nothing behind it is an empty text for a variable, and nothing otherwise.
            if entry.value.is_null() && !matches!(of, Kind::Any) {
                continue;
            }
            let value = self.under(&entry.key.name, |decoder| decoder.decode(of, &entry.value));
            match value {
                Some(value) => {
                    out.insert(entry.key.name.to_string(), value);
                }
                None => whole = false,
            }
        }
        whole.then_some(Value::Object(out))
    }

    /// Checks the name of a service.
    pub fn service_name(&mut self, key: &node::Key) -> bool {
        self.user_name(Names::Service, key)
    }

    /// Checks the names of variables, and that they are a mapping.
    pub fn check_vars(&mut self, vars: Option<&node::Entry>) {
        let Some(entry) = vars else { return };
        match entry.value.as_map() {
            Some(map) => {
                for entry in map {
                    self.user_name(Names::Plain, &entry.key);
                }
            }
            None if entry.value.is_null() => {}
            None => {
                let message = format!("`vars` is {}", entry.value.kind());
                let wrong = Diagnostic::error("wrong-kind", entry.value.span, message);
                self.complain(wrong.expected("a mapping from names to values"));
            }
        }
    }

    /// Checks a name that the user chose.
    fn user_name(&mut self, names: Names, key: &node::Key) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let wrong = match names {
            Names::Service => match scalar::check_name(&key.name) {
                Err(Problem::Value(message, _)) => Some(message),
                _ => None,
            },
            Names::Plain if key.name.is_empty() || !key.name.chars().all(plain) => Some(format!(
                "`{}` is no name: it may have letters, digits, `-` and `_`",
                key.name
            )),
            Names::Variable
                if key.name.is_empty()
                    || key
                        .name
                        .contains(|c: char| matches!(c, '=' | '\0') || c.is_whitespace()) =>
            {
                Some(format!(
                    "`{}` is no name of an environment variable",
                    key.name
                ))
            }
            Names::Object if !is_object(&key.name) => Some(format!(
                "`{}` names no object: that is KIND/NAME, as in deployment/web or NIMService/*",
                key.name
            )),
            Names::Variable | Names::Free if key.name.starts_with('$') => Some(format!(
                "`{}`: names that begin with `$` are not allowed",
                key.name
            )),
            _ => None,
        };
        match wrong {
            Some(message) => {
                self.error("bad-name", key.span, message);
                false
            }
            None => true,
        }
    }

    fn scalar(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        match kind {
            Kind::Bool => match node.as_bool() {
                Some(value) => Some(Value::Bool(value)),
                None => self.mismatch(kind, node),
            },
            Kind::Integer(min, max) => match node.as_int() {
                Some(number) if (*min..=*max).contains(&number) => Some(Value::from(number)),
                Some(number) => {
                    let wrong = format!("{} is {number}", self.subject());
                    let wrong = Diagnostic::error("out-of-range", node.span, wrong);
                    self.complain(wrong.expected(expected::of(kind)));
                    None
                }
                None => self.mismatch(kind, node),
            },
            Kind::Scalar(scalar) => match (scalar.parse)(node) {
                Ok(value) => Some(value),
                Err(Problem::Kind) => self.mismatch(kind, node),
                Err(Problem::Value(message, hint)) => {
                    let wrong = Diagnostic::error("bad-value", node.span, message)
                        .expected(scalar.expected)
                        .hint_if(hint);
                    self.complain(wrong);
                    None
                }
            },
            Kind::Word(words) => match node.as_str() {
                Some(text) if words.iter().any(|(word, _)| *word == text) => {
                    Some(Value::from(text))
                }
                Some(text) => {
                    let words = || words.iter().map(|word| word.0);
                    let near = foreign::word(text, words())
                        .map(|ours| format!("it is called `{ours}` here"))
                        .or_else(|| crate::nearest::did_you_mean(text, words()));
                    let message = format!("{} cannot be `{text}`", self.subject());
                    let wrong = Diagnostic::error("unknown-word", node.span, message)
                        .expected(expected::of(kind))
                        .hint_if(near);
                    self.complain(wrong);
                    None
                }
                None => self.mismatch(kind, node),
            },
            _ => match node.as_str() {
                Some(text) => Some(Value::from(text)),
                None => self.mismatch(kind, node),
            },
        }
    }

    fn command(&mut self, node: &Node) -> Option<Value> {
        match &node.value {
            node::Value::Seq(items) if items.is_empty() => {
                let message = format!("{} is empty", self.subject());
                let wrong = Diagnostic::error("empty-command", node.span, message)
                    .expected("a program and its arguments");
                self.complain(wrong);
                None
            }
            node::Value::Seq(items) => self.items(&Kind::Template, items),
            node::Value::Str(line) => {
                let words: Vec<String> =
                    line.split_whitespace().map(|w| format!("{w:?}")).collect();
                let plain =
                    !line.contains(['"', '\'', '|', '&', ';', '<', '>', '$', '*', '`', '\\']);
                let hint = if plain {
                    format!("write [{}]", words.join(", "))
                } else if self.mode == Some("process") && self.subject() == "`command`" {
                    "write the program and its arguments as a list, or `shell = \"…\"` if you want a shell".to_owned()
                } else {
                    "write the program and its arguments as a list; for a shell, [\"sh\", \"-c\", \"…\"]".to_owned()
                };
                let message = format!("{} is a string", self.subject());
                let wrong = Diagnostic::error("command-string", node.span, message)
                    .expected("a list of the program and its arguments")
                    .hint(hint);
                self.complain(wrong);
                None
            }
            _ => self.mismatch(&Kind::Command, node),
        }
    }

    /// Complains that the value is of another kind.
    fn mismatch(&mut self, kind: &'static Kind, node: &Node) -> Option<Value> {
        let message = format!("{} is {}", self.subject(), node.kind());
        let secret = matches!(kind, Kind::Template | Kind::Text)
            && node
                .as_map()
                .is_some_and(|map| map.names().any(|key| SECRET.field(key).is_some()));
        let hint = secret.then_some(
            "a secret can only stand in `env`, headers, values and passwords; everybody sees arguments",
        );
        let wrong = Diagnostic::error("wrong-kind", node.span, message);
        self.complain(wrong.expected(expected::of(kind)).hint_if(hint));
        None
    }
}

/// Whether a value is of the right kind, though it may still be wrong.
fn accepts(kind: &Kind, node: &Node) -> bool {
    let is_map = matches!(node.value, node::Value::Map(_));
    let is_list = matches!(node.value, node::Value::Seq(_));
    match kind {
        Kind::Bool => node.as_bool().is_some(),
        Kind::Integer(..) => node.as_int().is_some(),
        Kind::Scalar(scalar) => (scalar.parse)(node) != Err(Problem::Kind),
        Kind::Word(_) | Kind::Text => node.as_str().is_some(),
        Kind::Template | Kind::Path => !is_map && !is_list && !node.is_null(),
        Kind::Secretive => !is_list && !node.is_null(),
        Kind::Command | Kind::List(_) => is_list,
        Kind::OneOrMany(of) => is_list || accepts(of, node),
        Kind::Map(..) => is_map,
        Kind::Element(element) => is_map || short_of(element).is_some_and(|of| accepts(of, node)),
        Kind::Either(kinds) => kinds.iter().any(|kind| accepts(kind, node)),
        Kind::Any => true,
    }
}

/// The kind of an element's shorter spelling.
fn short_of(element: &'static Element) -> Option<&'static Kind> {
    element.field(element.short?).map(|field| &field.kind)
}

/// `KIND/NAME`, both with wildcards.
fn is_object(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*' | '?');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(may);
    name.split_once('/')
        .is_some_and(|(kind, name)| is_part(kind) && is_part(name))
}
