//! What nearly every service has as everybody else.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is kept only where it is not its type's default: else it takes a word. A service has a dozen limits
/// that nobody sets.
#[derive(Debug, Clone)]
pub(crate) struct Seldom<T>(Option<Box<T>>);

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Default + PartialEq> From<T> for Seldom<T> {
    fn from(value: T) -> Self {
        Self((value != T::default()).then(|| Box::new(value)))
    }
}

impl<T: Default + Clone> Seldom<T> {
    /// The value.
    pub(crate) fn value(&self) -> T {
        self.0.as_deref().cloned().unwrap_or_default()
    }
}

impl<T> Seldom<T> {
    /// The value, which is this one for nearly everybody.
    pub(crate) fn get_or<'a>(&'a self, default: &'a T) -> &'a T {
        self.0.as_deref().unwrap_or(default)
    }

    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: PartialEq> PartialEq for Seldom<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Serialize + Default> Serialize for Seldom<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => T::default().serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de> + Default + PartialEq> Deserialize<'de> for Seldom<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(T::deserialize(deserializer)?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::Seldom;

    #[test]
    fn it_is_written_and_read_as_its_value() {
        for (number, text) in [(0_u8, "0"), (7, "7")] {
            let seldom = Seldom::from(number);
            assert_eq!(seldom.is_default(), number == 0);
            assert_eq!(seldom.value(), number);
            assert_eq!(serde_json::to_string(&seldom).expect("JSON"), text);
            let read: Seldom<u8> = serde_json::from_str(text).expect("JSON");
            assert_eq!(read, seldom);
        }
    }
}
