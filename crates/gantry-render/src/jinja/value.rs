//! What templates compute with: Python's values, so far as configuration files have them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::scope::Loop;

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing of that name; what was looked for.
    Missing(Rc<str>),
    /// A value that must not be used; the reason.
    Refused(Rc<str>),
    /// Python's `None`.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// Text.
    Str(Rc<str>),
    /// Text that Jinja2 takes for HTML; it can only be printed.
    Markup(Rc<str>),
    /// A list.
    List(Rc<Vec<Self>>),
    /// A tuple.
    Tuple(Rc<Vec<Self>>),
    /// Something to go over: a range, or the items of a mapping.
    View(Rc<Vec<Self>>),
    /// Something to go over once.
    Stream(Rc<Stream>),
    /// A mapping.
    Dict(Rc<Dict>),
    /// `loop`
    #[doc(hidden)]
    Loop(Rc<Loop>),
    /// `namespace()`
    #[doc(hidden)]
    Namespace(Rc<RefCell<HashMap<Rc<str>, Self>>>),
}

/// A mapping in its order.
pub type Dict = IndexMap<Key, Value>;

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Text.
    Str(Rc<str>),
    /// A whole number.
    Int(i64),
    /// Something else to Python, such as `yes` without quotes: nobody can use it, and the others are there.
    Odd(Rc<str>),
}

/// What a generator of Python gives.
#[derive(Debug)]
pub struct Stream {
    items: Vec<Value>,
    taken: Cell<bool>,
}

impl Stream {
    /// The items, the first time.
    pub(super) fn take(&self) -> Option<&[Value]> {
        (!self.taken.replace(true)).then_some(&self.items)
    }
}

impl Key {
    /// As a value.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Str(text) => Value::Str(Rc::clone(text)),
            Self::Int(number) => Value::Int(*number),
            Self::Odd(text) => Value::Refused(odd(text).into()),
        }
    }
}

/// Why a key cannot be used.
pub(super) fn odd(key: &str) -> String {
    format!("the key `{key}` is no text to Python; put it into quotes")
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(Rc::new(items))
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(Rc::new(dict))
    }
}

impl Value {
    pub(super) fn stream(items: Vec<Self>) -> Self {
        Self::Stream(Rc::new(Stream {
            items,
            taken: Cell::new(false),
        }))
    }

    pub(super) fn view(items: Vec<Self>) -> Self {
        Self::View(Rc::new(items))
    }

    /// What it is, as messages say it.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Missing(_) => "a missing value",
            Self::Refused(_) => "a value that cannot be used",
            Self::None => "None",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Str(_) => "a text",
            Self::Markup(_) => "a text that was escaped",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::View(_) | Self::Stream(_) => "something to go over",
            Self::Dict(_) => "a mapping",
            Self::Loop(_) => "`loop`",
            Self::Namespace(_) => "a namespace",
        }
    }
}
