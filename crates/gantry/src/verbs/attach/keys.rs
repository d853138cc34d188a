//! The keys that leave.

use std::str::FromStr;

/// Keys that are typed one after the other to leave. None leave if there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys(Vec<u8>);

impl FromStr for DetachKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(key).collect::<Result<_, _>>().map(Self)
    }
}

/// What one key sends.
fn key(text: &str) -> Result<u8, String> {
    let held = text.strip_prefix("ctrl-").map(str::as_bytes);
    match (held, text.as_bytes()) {
        (Some([letter @ (b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'['..=b'_')]), _) => {
            Ok(letter.to_ascii_uppercase() & 0x1f)
        }
        (None, [letter @ b' '..=b'~']) => Ok(*letter),
        _ => Err(format!(
            "{text:?} is no key; write keys as ctrl-p,ctrl-q: letters, or ctrl- with one of a to z, @, [, \\, ], ^, _"
        )),
    }
}

/// Looks for them in what is typed.
#[derive(Debug)]
pub(super) struct Watch {
    keys: DetachKeys,
    /// What was typed that may be the beginning of them.
    held: Vec<u8>,
}

impl Watch {
    /// No keys leave.
    pub(super) fn none() -> Self {
        Self::new(DetachKeys(Vec::new()))
    }

    pub(super) fn new(keys: DetachKeys) -> Self {
        Self {
            keys,
            held: Vec::new(),
        }
    }

    /// What of this goes on to the service, and whether the keys were typed: then nothing after them
    /// counts.
    pub(super) fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let DetachKeys(keys) = &self.keys;
        if keys.is_empty() {
            return (typed.to_vec(), false);
        }
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            self.held.push(*byte);
            while !keys.starts_with(&self.held) {
                passed.push(self.held.remove(0));
            }
            if self.held.len() == keys.len() {
                self.held.clear();
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests;
