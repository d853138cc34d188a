//! The elements of a stack file, each described once.
//!
//! An [`Element`] lists its [`Field`]s: key, kind, default, and what it is for. From these come
//! the decoder ([`decode`](crate::decode)), the JSON Schema ([`schema`](crate::schema)) and the reference page
//! ([`reference_page`](crate::reference_page)). **To add a key, add a line to the element's list** and the field of the
//! same name to the type in [`model`](crate::model) or [`modes`](crate::modes); a test refuses one without the other.

use serde_json::{Map, Value};

use crate::decode::Decoder;
use crate::node::Node;

pub mod mode;
pub mod scalar;

mod conflict;
mod dependency;
mod forward;
mod hooks;
mod kubernetes;
mod logs;
mod probe;
mod reload;
mod render;
mod repository;
mod resources;
mod restart;
mod secret;
mod service;
mod stack;
mod stop;

pub use conflict::CONFLICT;
pub use dependency::DEPENDENCY;
pub use forward::FORWARD;
pub use hooks::{HOOK, HOOKS};
pub use kubernetes::KUBERNETES_DEFAULTS;
pub use logs::LOGS;
pub use probe::{FILE, GRPC, HTTP, PROBE, TLS};
pub use reload::RELOAD;
pub use render::RENDER;
pub use repository::REPOSITORY;
pub use resources::RESOURCES;
pub use restart::RESTART;
pub use scalar::Scalar;
pub use secret::SECRET;
pub use service::SERVICE;
pub use stack::STACK;
pub use stop::STOP;

#[cfg(test)]
mod tests;

/// A mapping with known keys.
#[derive(Debug)]
pub struct Element {
    /// What it is called in messages and as a heading: `restart`.
    pub name: &'static str,
    /// What it is, as one or more sentences.
    pub doc: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
    /// A shorter spelling: a value that is no mapping stands for the mapping with only this key.
    pub short: Option<&'static str>,
    /// At most one key of each group may be there.
    pub exclusive: &'static [&'static [&'static str]],
    /// One key of each group must be there.
    pub one_of: &'static [&'static [&'static str]],
    /// The last step: further checks, and from the keys to the form of the model.
    pub finish: Option<Finish>,
}

/// The last step of decoding an element. Nothing comes back when the complaint was already made.
pub type Finish = fn(&mut Decoder<'_>, &Node, Map<String, Value>) -> Option<Value>;

impl Element {
    /// An element without anything special.
    pub const fn new(name: &'static str, doc: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            doc,
            fields,
            short: None,
            exclusive: &[],
            one_of: &[],
            finish: None,
        }
    }

    /// With a shorter spelling.
    #[must_use]
    pub const fn short(mut self, key: &'static str) -> Self {
        self.short = Some(key);
        self
    }

    /// With keys of which at most one may be there.
    #[must_use]
    pub const fn exclusive(mut self, groups: &'static [&'static [&'static str]]) -> Self {
        self.exclusive = groups;
        self
    }

    /// With keys of which one must be there.
    #[must_use]
    pub const fn one_of(mut self, groups: &'static [&'static [&'static str]]) -> Self {
        self.one_of = groups;
        self
    }

    /// With a last step.
    #[must_use]
    pub const fn finish(mut self, finish: Finish) -> Self {
        self.finish = Some(finish);
        self
    }

    /// The field with this key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// One key of an element.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Whether it must be there, and what it is if not.
    pub need: Need,
    /// What it is for, as one or more sentences.
    pub doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be there.
    Optional,
    /// It may be there; if not, it is this, as TOML writes it.
    Default(&'static str),
}

/// A key that may be there.
pub const fn field(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        key,
        kind,
        need: Need::Optional,
        doc,
    }
}

impl Field {
    /// It must be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    /// What it is when absent, as TOML writes it.
    #[must_use]
    pub const fn default(mut self, toml: &'static str) -> Self {
        self.need = Need::Default(toml);
        self
    }
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Integer(i64, i64),
    /// A text, a number or the like, read by its own small parser.
    Scalar(&'static Scalar),
    /// One of some words, each with what it means.
    Word(&'static [(&'static str, &'static str)]),
    /// A text that must be known when the file is read.
    Text,
    /// A text with references in it.
    Template,
    /// A path with references in it; a relative one begins at the folder of the file it is written in.
    Path,
    /// A text with references in it, or a secret.
    Secretive,
    /// A program and its arguments.
    Command,
    /// A list.
    List(&'static Self),
    /// One, or a list of them.
    OneOrMany(&'static Self),
    /// A mapping with names of the user's own.
    Map(Names, &'static Self),
    /// A mapping with known keys.
    Element(&'static Element),
    /// The first of these that fits what is there.
    Either(&'static [Self]),
    /// Anything; texts in it may have references, and secrets may stand in it.
    Any,
}

/// What a user's own names may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Names of services, by the core's rule.
    Service,
    /// Letters, digits, hyphens and underscores.
    Plain,
    /// Names of environment variables.
    Variable,
    /// Anything that does not begin with `$`.
    Free,
    /// Kind and name of objects in a cluster, `KIND/NAME`, both with `*` and `?` if wanted.
    Object,
}

/// An element and all that its fields lead to, each once, outer ones first.
pub fn walk(root: &'static Element) -> Vec<&'static Element> {
    let mut found: Vec<&'static Element> = vec![root];
    let mut at = 0;
    while let Some(element) = found.get(at) {
        for field in element.fields {
            inner(&field.kind, &mut |element| {
                if !found.iter().any(|known| std::ptr::eq(*known, element)) {
                    found.push(element);
                }
            });
        }
        at += 1;
    }
    found
}

fn inner(kind: &'static Kind, visit: &mut dyn FnMut(&'static Element)) {
    match kind {
        Kind::List(of) | Kind::OneOrMany(of) | Kind::Map(_, of) => inner(of, visit),
        Kind::Element(element) => visit(element),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| inner(kind, visit)),
        Kind::Secretive => visit(&SECRET),
        _ => {}
    }
}
