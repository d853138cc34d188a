//! Names, keys and counters.
//!
//! Two kinds of identity exist. People and disks use *names* ([`ServiceName`], [`InstanceId`]); the
//! world uses *keys* ([`ServiceKey`], [`InstanceKey`]), small numbers that index its tables. A key is
//! only meaningful to the world that gave it, so a key never goes over a wire or to a disk.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The longest name a service may have, in bytes: a name becomes part of paths and labels.
pub const NAME_LIMIT: usize = 128;

/// The name of a service: letters, digits, `-`, `_` and `.`, beginning with a letter or a digit.
///
/// Cloning is cheap: short names are stored in place, long ones are shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ServiceName(SmolStr);

/// Why a text is not a service name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a service name must not be empty")]
    Empty,
    /// The text is longer than [`NAME_LIMIT`].
    #[error("a service name has at most {NAME_LIMIT} bytes, this one has {0}")]
    TooLong(usize),
    /// The first character is neither a letter nor a digit.
    #[error("a service name begins with a letter or a digit, not with {0:?}")]
    Start(char),
    /// A character is none of letters, digits, `-`, `_`, `.`.
    #[error("a service name has only letters, digits, `-`, `_` and `.`, not {0:?}")]
    Character(char),
}

impl ServiceName {
    /// Checks `text` and makes it a name.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if text.len() > NAME_LIMIT {
            return Err(NameError::TooLong(text.len()));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::Start(first));
        }
        if let Some(bad) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        {
            return Err(NameError::Character(bad));
        }
        Ok(Self(SmolStr::new(text)))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ServiceName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<'de> Deserialize<'de> for ServiceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SmolStr::deserialize(deserializer)?;
        Self::new(text.as_str()).map_err(serde::de::Error::custom)
    }
}

/// The name of a mode. The core compares and prints it, and knows nothing else about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModeName(SmolStr);

impl ModeName {
    /// A mode of this name.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(SmolStr::new(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One copy of a service, as people write it: `api.2` is the second instance of `api`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The service.
    pub service: ServiceName,
    /// The slot, from 0. Printed as a number from 1.
    pub slot: u16,
}

impl InstanceId {
    /// The instance in `slot` (from 0) of `service`.
    pub fn new(service: ServiceName, slot: u16) -> Self {
        Self { service, slot }
    }

    /// The number people see, from 1.
    pub fn number(&self) -> u32 {
        u32::from(self.slot) + 1
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.number())
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not an instance id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceIdError {
    /// There is no `.` with a number from 1 after it.
    #[error("an instance is written SERVICE.NUMBER with a number from 1 to 65536")]
    Number,
    /// The part before the number is not a service name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for InstanceId {
    type Err = InstanceIdError;

    fn from_str(text: &str) -> Result<Self, InstanceIdError> {
        let (name, number) = text.rsplit_once('.').ok_or(InstanceIdError::Number)?;
        let slot = number
            .parse::<u32>()
            .ok()
            .and_then(|number| number.checked_sub(1))
            .and_then(|slot| u16::try_from(slot).ok())
            .ok_or(InstanceIdError::Number)?;
        Ok(Self {
            service: ServiceName::new(name)?,
            slot,
        })
    }
}

impl Serialize for InstanceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SmolStr::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The index of a service in one world. Stays the same while that world lives, even if the service
/// leaves the file and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey(pub u32);

impl ServiceKey {
    /// The key as an index into a table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One slot of a service in one world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// The service.
    pub service: ServiceKey,
    /// The slot, from 0.
    pub slot: u16,
}

/// Makes a counter type: a number with a name, printed as the number.
macro_rules! counter {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

counter! {
    /// Counts the starts of one slot, from 1. It never goes back, not even over restarts of the
    /// supervisor, so that a message about an earlier start is never taken for one about this.
    Generation(u32)
}
counter! {
    /// Counts the specifications a service has had, from 1.
    Revision(u32)
}
counter! {
    /// One thing that someone asked for. Given by the caller, unique in a supervisor's life.
    OperationId(u64)
}
counter! {
    /// One effect. A completion that carries another id than the one awaited is late, and ignored.
    EffectId(u64)
}
counter! {
    /// One timer.
    TimerId(u64)
}
counter! {
    /// Milliseconds: a duration, or a point on a monotonic clock whose zero only the caller knows.
    Millis(u64)
}

impl Millis {
    /// So many whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// This and `other`, without overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The same length as the standard library's type.
    pub fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// The length as people write it in a stack file: `250ms`, `10m`, `1h 30m`.
    pub fn in_words(self) -> String {
        const UNITS: [(u64, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        let mut rest = self.0;
        let mut words = Vec::new();
        for (size, unit) in UNITS {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                words.push(format!("{count}{unit}"));
            }
        }
        if words.is_empty() {
            return "0s".to_owned();
        }
        words.join(" ")
    }
}

impl From<std::time::Duration> for Millis {
    fn from(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A keyed hash of a service's resolved specification: equal means that nothing changed.
///
/// Keyed, because a plain hash of a specification gives a weak secret in it away.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u8; 16]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
