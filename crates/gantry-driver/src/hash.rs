//! Keyed hashes of specifications.

use std::fmt;

use gantry_core::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The key with which a stack's specifications are hashed. Made once for each stack and kept with its
/// state: a hash without a key would give a weak secret in a specification away to whoever sees the
/// hash, in a label for example.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecKey([u8; 32]);

impl SpecKey {
    /// This key. The bytes must be random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of a value. The order of the keys of its objects makes no difference.
    pub fn digest(&self, value: &Value) -> Digest {
        // Hashed in one piece: the hasher takes many small ones in ten times the time.
        let mut bytes = Vec::with_capacity(1024);
        feed(&mut bytes, value);
        let hash = blake3::keyed_hash(&self.0, &bytes);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_bytes()[..16]);
        Digest(digest)
    }
}

impl fmt::Debug for SpecKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpecKey(…)")
    }
}

/// Every value is fed with its kind and its length, so that no two values feed the same bytes.
fn feed(into: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => tagged(into, b'n', &[]),
        Value::Bool(value) => tagged(into, b'b', &[u8::from(*value)]),
        Value::Number(value) => tagged(into, b'd', value.to_string().as_bytes()),
        Value::String(value) => tagged(into, b's', value.as_bytes()),
        Value::Array(values) => {
            tagged(into, b'a', &(values.len() as u64).to_le_bytes());
            for value in values {
                feed(into, value);
            }
        }
        Value::Object(fields) => {
            tagged(into, b'o', &(fields.len() as u64).to_le_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                tagged(into, b's', name.as_bytes());
                feed(into, value);
            }
        }
    }
}

fn tagged(into: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    into.push(tag);
    into.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    into.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
