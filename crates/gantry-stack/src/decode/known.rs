//! What references may stand for while the file is read.

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use serde_json::Value;
use smol_str::SmolStr;

use super::{Decoder, Use};
use crate::diagnostic::Diagnostic;
use crate::nearest::did_you_mean;
use crate::node::Node;
use crate::span::Span;
use crate::template::{Reference, Template, marker};

/// Variables and the stack itself.
#[derive(Debug, Clone, Default)]
pub struct Known {
    vars: IndexMap<SmolStr, Variable>,
    /// The name of the stack.
    pub name: SmolStr,
    /// The stack file.
    pub file: Utf8PathBuf,
    /// Its folder.
    pub dir: Utf8PathBuf,
}

/// A variable is read when it is first asked for, so that variables may refer to each other.
#[derive(Debug, Clone)]
enum Variable {
    Waiting(Node),
    Busy,
    Done(Option<Value>),
}

/// Something is wrong, and that was said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said;

/// What became of a reference.
#[derive(Debug)]
pub(super) enum Lookup {
    /// This is its value.
    Known(Value),
    /// It is for the run to say.
    Later,
    /// It is wrong, and that was said.
    Wrong,
}

impl Known {
    /// What is known from the variables' node and the stack's place.
    pub fn new(vars: Option<&Node>, name: SmolStr, file: Utf8PathBuf, dir: Utf8PathBuf) -> Self {
        let entries = vars.and_then(Node::as_map).into_iter().flatten();
        Self {
            vars: entries
                .map(|entry| {
                    (
                        entry.key.name.clone(),
                        Variable::Waiting(entry.value.clone()),
                    )
                })
                .collect(),
            name,
            file,
            dir,
        }
    }
}

impl Decoder<'_> {
    /// Reads every variable.
    pub fn variables(&mut self) -> IndexMap<String, Value> {
        let names: Vec<SmolStr> = self.known.vars.keys().cloned().collect();
        for name in &names {
            self.variable(name, None);
        }
        let done = |name: SmolStr| match self.known.vars.get(&name) {
            Some(Variable::Done(Some(value))) => Some((name.to_string(), value.clone())),
            _ => None,
        };
        names.into_iter().filter_map(done).collect()
    }

    fn variable(&mut self, name: &str, asked_at: Option<&Node>) -> Lookup {
        let Some(variable) = self.known.vars.get_mut(name) else {
            return Lookup::Later;
        };
        match variable {
            Variable::Done(Some(value)) => Lookup::Known(value.clone()),
            Variable::Done(None) => Lookup::Wrong,
            Variable::Busy => {
                if let Some(node) = asked_at {
                    let wrong = format!("the variable `{name}` refers to itself");
                    self.error("variable-cycle", node.span, wrong);
                }
                Lookup::Wrong
            }
            Variable::Waiting(_) => {
                let Variable::Waiting(node) = std::mem::replace(variable, Variable::Busy) else {
                    return Lookup::Wrong;
                };
                // A variable may hold references; the edge is that of whoever uses it.
                let late = std::mem::replace(&mut self.late, true);
                let service = self.service.take();
                let path = std::mem::take(&mut self.path);
                let value = self.under(name, |decoder| decoder.any(&node));
                self.path = path;
                self.service = service;
                self.late = late;
                self.known
                    .vars
                    .insert(name.into(), Variable::Done(value.clone()));
                value.map_or(Lookup::Wrong, Lookup::Known)
            }
        }
    }

    /// The value of a text that is one reference, if it is known; its kind is kept.
    pub(super) fn known_whole(&mut self, node: &Node) -> Option<Result<Value, Said>> {
        let template = Template::parse_node(node).ok()?;
        match self.look_up_quietly(template.as_reference()?, node)? {
            Lookup::Known(value) => {
                self.note_uses(&value, node);
                Some(Ok(value))
            }
            Lookup::Wrong => Some(Err(Said)),
            Lookup::Later => None,
        }
    }

    /// Notes the references inside a variable's value for whoever uses it.
    fn note_uses(&mut self, value: &Value, node: &Node) {
        match value {
            Value::Object(map) => match marker::to_template(value.clone()) {
                Ok(template) => {
                    for one in template.references() {
                        self.note_use(one, node.span);
                    }
                }
                Err(_) => map.values().for_each(|value| self.note_uses(value, node)),
            },
            Value::Array(items) => items.iter().for_each(|item| self.note_uses(item, node)),
            _ => {}
        }
    }

    /// Notes a reference that is left for the run.
    pub(super) fn note_use(&mut self, reference: &Reference, span: Span) {
        self.uses.push(Use {
            service: self.service.clone(),
            mode: self.mode,
            reference: reference.clone(),
            span,
        });
    }

    /// As `look_up`, but nothing for what is not known now.
    fn look_up_quietly(&mut self, reference: &Reference, node: &Node) -> Option<Lookup> {
        matches!(reference.path.first()?.as_str(), "vars" | "stack")
            .then(|| self.look_up(reference, node))
    }

    /// What a reference stands for. Complains if it can stand for nothing.
    pub(super) fn look_up(&mut self, reference: &Reference, node: &Node) -> Lookup {
        let names = reference.names();
        let found = match names.as_slice() {
            ["vars", name, below @ ..] => {
                let below: Vec<SmolStr> = below.iter().map(SmolStr::new).collect();
                match self.variable(name, Some(node)) {
                    Lookup::Known(value) => match descend(&value, &below) {
                        Some(value) => return Lookup::Known(value),
                        None => Lookup::Later,
                    },
                    other => other,
                }
            }
            ["stack", "name"] => return Lookup::Known(Value::from(self.known.name.as_str())),
            ["stack", "file"] => return Lookup::Known(Value::from(self.known.file.as_str())),
            ["stack", "dir"] => return Lookup::Known(Value::from(self.known.dir.as_str())),
            ["services", _, "host" | "url" | "name" | "mode"]
            | ["services", _, "ports" | "addresses" | "urls", _]
            | ["ports", _]
            | ["instance" | "name" | "host"] => {
                if self.late {
                    return Lookup::Later;
                }
                self.too_early(reference, node);
                return Lookup::Wrong;
            }
            _ => Lookup::Later,
        };
        match (found, &reference.default) {
            (Lookup::Wrong, _) => Lookup::Wrong,
            (_, Some(default)) => Lookup::Known(default.clone()),
            (_, None) => {
                self.unknown_reference(reference, node);
                Lookup::Wrong
            }
        }
    }

    /// Complains about a reference to the run in a value that is needed before.
    pub(super) fn too_early(&mut self, reference: &Reference, node: &Node) {
        let message = format!(
            "{} must be known when the file is read, and `{}` is only known when the stack runs",
            self.subject(),
            reference.path_text()
        );
        let place = self.place_of(reference, node);
        self.complain(
            Diagnostic::error("late-reference", place, message)
                .hint("only {{ stack.… }} and variables without such references may stand here"),
        );
    }

    fn unknown_reference(&mut self, reference: &Reference, node: &Node) {
        let path = reference.path_text();
        let names = reference.names();
        let place = self.place_of(reference, node);
        let (message, hint) = match names.as_slice() {
            ["vars", name, ..] => {
                let known = || self.known.vars.keys().map(SmolStr::as_str);
                let hint = did_you_mean(name, known()).unwrap_or_else(|| {
                    let all: Vec<&str> = known().collect();
                    if all.is_empty() {
                        "the stack has no [vars]".to_owned()
                    } else {
                        format!("the variables are {}", all.join(", "))
                    }
                });
                (format!("there is no variable `{name}`"), hint)
            }
            ["stack", ..] => (
                format!("nothing is known under `{path}`"),
                "a stack has stack.name, stack.file and stack.dir".to_owned(),
            ),
            ["services", name, "port", ..] => (
                format!("nothing is known under `{path}`"),
                format!("write services.{name}.ports.NAME"),
            ),
            ["services", ..] => (
                format!("nothing is known under `{path}`"),
                "a service has services.NAME.host, .url, .ports.PORT and .addresses.PORT"
                    .to_owned(),
            ),
            ["port", ..] => (
                format!("nothing is known under `{path}`"),
                "write ports.NAME".to_owned(),
            ),
            ["env", name] => (
                format!("nothing is known under `{path}`"),
                format!("a variable of the environment is ${{{name}}}"),
            ),
            [first, ..] => {
                let roots = [
                    "vars", "stack", "services", "ports", "instance", "name", "host",
                ];
                let hint = did_you_mean(first, roots).unwrap_or_else(|| {
                    "references begin with vars, stack, services, ports, instance, name or host; a literal {{ is {{{{"
                        .to_owned()
                });
                (format!("nothing is known under `{path}`"), hint)
            }
            [] => return,
        };
        self.complain(Diagnostic::error("unknown-reference", place, message).hint(hint));
    }
}

fn descend(value: &Value, below: &[SmolStr]) -> Option<Value> {
    below
        .iter()
        .try_fold(value, |value, name| match value {
            Value::Object(map) => map.get(name.as_str()),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
        .cloned()
}
