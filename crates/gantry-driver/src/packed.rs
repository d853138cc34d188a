//! JSON that is kept as text.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value as its text, for what is kept for long and looked at rarely: a small object takes a
/// tenth of the memory of its [`Value`], and is read and written again without being taken apart.
///
/// Two are equal if their texts are, and copies share one. `null` takes nothing. It can be read from JSON text only, not from a
/// [`Value`].
#[derive(Clone, Default)]
pub struct Packed(Option<Arc<RawValue>>);

impl Packed {
    /// What this is as JSON. Panics if it is something that JSON cannot be, such as a map whose keys are no texts.
    pub fn of<T: Serialize>(value: &T) -> Self {
        let packed = serde_json::value::to_raw_value(value).expect("it can be JSON");
        packed.into()
    }

    /// This one, in the same memory as the other if they are equal.
    #[must_use]
    pub fn shared_with(self, other: &Self) -> Self {
        if self == *other { other.clone() } else { self }
    }

    /// The same in memory of its own.
    #[must_use]
    pub fn apart(&self) -> Self {
        self.0
            .as_deref()
            .map_or_else(Self::default, |text| text.to_owned().into())
    }

    /// The value.
    pub fn value(&self) -> Value {
        match &self.0 {
            None => Value::Null,
            Some(text) => serde_json::from_str(text.get()).expect("it was JSON"),
        }
    }

    /// What it is the JSON of.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.text())
    }

    fn text(&self) -> &str {
        self.0.as_ref().map_or("null", |text| text.get())
    }
}

impl From<&Value> for Packed {
    fn from(value: &Value) -> Self {
        Self::of(value)
    }
}

impl From<Box<RawValue>> for Packed {
    fn from(text: Box<RawValue>) -> Self {
        // A copy takes no more than it needs: what was written has room for more.
        Self((text.get() != "null").then(|| text.into()))
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Packed {}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_deref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Box::<RawValue>::deserialize(deserializer)?.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Packed;

    #[test]
    fn a_value_comes_back_as_it_was() {
        for value in [json!(null), json!({"b": [1, "x"], "a": 0.1}), json!("")] {
            let packed = Packed::from(&value);
            assert_eq!(packed.value(), value);
            let text = serde_json::to_string(&packed).expect("JSON");
            assert_eq!(text, value.to_string());
            let read: Packed = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read, packed);
        }
        assert_eq!(Packed::default(), Packed::from(&Value::Null));
    }
}
