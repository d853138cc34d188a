//! What services have used.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an instance, or a service with all its instances, has used. What is not known is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds on processors since its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    /// Processors that it keeps busy: 1.5 is one and a half. Since usage was last asked for, or else
    /// since its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Bytes read from disks since its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// Bytes written to disks since its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// Processes, and threads where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

impl Usage {
    /// Add another's; what only one of them knows is as that one says.
    pub fn add(&mut self, other: &Self) {
        fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            }
        }
        self.cpu_s = sum(self.cpu_s, other.cpu_s);
        self.cpus = sum(self.cpus, other.cpus);
        self.memory = sum(self.memory, other.memory);
        self.read = sum(self.read, other.read);
        self.written = sum(self.written, other.written);
        self.pids = sum(self.pids, other.pids);
    }
}

/// What all instances that run have used: the body of `GET /v1/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageReport {
    /// The version of this format: [`crate::VERSION`].
    pub version: u32,
    /// When it was read.
    pub at: Timestamp,
    /// The instances that run.
    pub instances: Vec<InstanceUsage>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceUsage {
    /// `service.number`, counted from 1.
    pub id: String,
    /// Its service.
    pub service: String,
    /// What it has used.
    #[serde(flatten)]
    pub usage: Usage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_adds_up() {
        let mut sum = Usage {
            memory: Some(1),
            ..Usage::default()
        };
        let other = Usage {
            memory: Some(2),
            pids: Some(3),
            ..Usage::default()
        };
        sum.add(&other);
        assert_eq!((sum.memory, sum.pids, sum.cpus), (Some(3), Some(3), None));
    }
}
