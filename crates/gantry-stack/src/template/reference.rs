//! A path to something that is looked up.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use smol_str::SmolStr;

/// One `{{ … }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The names of the path.
    pub path: Vec<SmolStr>,
    /// What stands in when the path leads nowhere.
    pub default: Option<Value>,
}

impl Reference {
    /// A path without a default.
    pub fn new<I, S>(path: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        Self {
            path: path
                .into_iter()
                .map(|name| SmolStr::new(name.as_ref()))
                .collect(),
            default: None,
        }
    }

    /// The names of the path as texts, to match against.
    pub fn names(&self) -> Vec<&str> {
        self.path.iter().map(SmolStr::as_str).collect()
    }

    /// The service that is asked, if it is another one: the `db` of `services.db.host`.
    pub fn service(&self) -> Option<&str> {
        match self.path.as_slice() {
            [root, service, ..] if root == "services" => Some(service),
            _ => None,
        }
    }

    /// The path as it is written, without the default.
    pub fn path_text(&self) -> String {
        let length: usize = self.path.iter().map(|name| name.len() + 1).sum();
        let mut text = String::with_capacity(length);
        for name in &self.path {
            if !text.is_empty() {
                text.push('.');
            }
            if !name.is_empty() && name.chars().all(is_name_character) {
                text.push_str(name);
            } else {
                text.push('"');
                text.push_str(name);
                text.push('"');
            }
        }
        text
    }
}

/// Whether a name may have this character without quotes.
pub(super) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*')
}

/// A text with the escapes that the grammar has, which are fewer than JSON's.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '"' | '\\' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path_text())?;
        match &self.default {
            Some(Value::String(text)) => write!(f, " | default(\"{}\")", escaped(text)),
            Some(default) => write!(f, " | default({default})"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    r#ref: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    default: Option<Value>,
}

/// Keeps a default of `null` apart from no default.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            r#ref: self.path_text(),
            default: self.default.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let path = super::parse::path(&wire.r#ref).map_err(serde::de::Error::custom)?;
        Ok(Self {
            path,
            default: wire.default,
        })
    }
}
