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
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        feed(&mut hasher, value);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Digest(digest)
    }
}

impl fmt::Debug for SpecKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpecKey(…)")
    }
}

/// Every value is fed with its kind and its length, so that no two values feed the same bytes.
fn feed(hasher: &mut blake3::Hasher, value: &Value) {
    let mut tagged = |tag: u8, bytes: &[u8]| {
        hasher.update(&[tag]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        Value::Null => tagged(b'n', &[]),
        Value::Bool(value) => tagged(b'b', &[u8::from(*value)]),
        Value::Number(value) => tagged(b'd', value.to_string().as_bytes()),
        Value::String(value) => tagged(b's', value.as_bytes()),
        Value::Array(values) => {
            tagged(b'a', &(values.len() as u64).to_le_bytes());
            for value in values {
                feed(hasher, value);
            }
        }
        Value::Object(fields) => {
            tagged(b'o', &(fields.len() as u64).to_le_bytes());
            let mut names: Vec<_> = fields.keys().collect();
            names.sort_unstable();
            for name in names {
                feed(hasher, &Value::String(name.clone()));
                feed(hasher, &fields[name]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
