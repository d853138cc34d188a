//! What goes to and from a terminal.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a terminal: in JSON a text that has for each byte the character of the same number, as
/// JavaScript's `atob` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().copied().map(char::from).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |char: char| u8::try_from(char);
        let bytes = text.chars().map(byte).collect::<Result<_, _>>();
        bytes
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a character beyond U+00FF is no byte"))
    }
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}
