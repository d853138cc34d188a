//! A text or a secret: what an environment variable, a header or a password may be.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Reference, Secret, Template, marker};

/// A text or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// A text, with references in it.
    Text(Template),
    /// A secret, by where it is found.
    Secret(Secret),
}

impl EnvValue {
    /// All that is looked up in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let template = match self {
            Self::Text(template) => Some(template),
            Self::Secret(_) => None,
        };
        template.into_iter().flat_map(Template::references)
    }
}

impl Default for EnvValue {
    fn default() -> Self {
        Self::Text(Template::default())
    }
}

impl From<&str> for EnvValue {
    fn from(text: &str) -> Self {
        Self::Text(Template::literal(text))
    }
}

impl Serialize for EnvValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(template) => template.serialize(serializer),
            Self::Secret(secret) => marker::of_secret(secret).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match marker::secret(&value) {
            Some(secret) => secret.map(Self::Secret).map_err(|error| error.to_string()),
            None => marker::to_template(value).map(Self::Text),
        }
        .map_err(serde::de::Error::custom)
    }
}
