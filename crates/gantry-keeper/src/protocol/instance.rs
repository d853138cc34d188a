//! How the two sides name things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Counts the starts of one instance. A spawn, a stop and every event carry it.
pub type Generation = u32;

/// The name of one instance: service and number from 1, as in `api.2`.
///
/// The keeper makes folders and cgroups of it, so the service may only consist of letters, digits,
/// `-`, `_` and `.`, beginning with a letter or a digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceName(Box<str>);

/// Why a text is no instance name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instance name (SERVICE.NUMBER, as in `api.2`)")]
pub struct InstanceNameError(String);

impl InstanceName {
    /// The instance with this number, from 1.
    pub fn new(service: &str, number: u32) -> Result<Self, InstanceNameError> {
        format!("{service}.{number}").parse()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service's part.
    pub fn service(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(service, _)| service)
    }

    /// The number, from 1.
    pub fn number(&self) -> u32 {
        self.0
            .rsplit_once('.')
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(1)
    }
}

impl FromStr for InstanceName {
    type Err = InstanceNameError;

    fn from_str(text: &str) -> Result<Self, InstanceNameError> {
        let valid = text.rsplit_once('.').is_some_and(|(service, number)| {
            (1..=200).contains(&service.len())
                && service
                    .bytes()
                    .next()
                    .is_some_and(|byte| byte.is_ascii_alphanumeric())
                && service
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !number.starts_with(['0', '+'])
                && number.parse::<u32>().is_ok()
        });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InstanceNameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for InstanceName {
    type Error = InstanceNameError;

    fn try_from(text: String) -> Result<Self, InstanceNameError> {
        text.parse()
    }
}

impl From<InstanceName> for String {
    fn from(name: InstanceName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a job. The supervisor chooses it, and finds the job again by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobName(pub Box<str>);

impl JobName {
    /// The job of this name. Any text will do; it is used as a key only.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
