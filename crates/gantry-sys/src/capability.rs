//! Capabilities: the parts of what root may do.

use std::fmt;

/// The kernel's names, each at its number.
const NAMES: [&str; 41] = [
    "chown",
    "dac-override",
    "dac-read-search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux-immutable",
    "net-bind-service",
    "net-broadcast",
    "net-admin",
    "net-raw",
    "ipc-lock",
    "ipc-owner",
    "sys-module",
    "sys-rawio",
    "sys-chroot",
    "sys-ptrace",
    "sys-pacct",
    "sys-admin",
    "sys-boot",
    "sys-nice",
    "sys-resource",
    "sys-time",
    "sys-tty-config",
    "mknod",
    "lease",
    "audit-write",
    "audit-control",
    "setfcap",
    "mac-override",
    "mac-admin",
    "syslog",
    "wake-alarm",
    "block-suspend",
    "audit-read",
    "perfmon",
    "bpf",
    "checkpoint-restore",
];

/// A set of capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// Every capability, known or not.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of these names, as in `net-bind-service`, `CAP_NET_BIND_SERVICE`. The error is the
    /// first that means nothing.
    pub fn of<T: AsRef<str>>(names: &[T]) -> Result<Self, String> {
        names.iter().try_fold(Self::default(), |set, name| {
            let name = name.as_ref();
            let plain = name.to_ascii_lowercase().replace('_', "-");
            let plain = plain.strip_prefix("cap-").unwrap_or(&plain);
            let number = NAMES.iter().position(|known| *known == plain);
            let number = number.ok_or_else(|| name.to_owned())?;
            Ok(Self(set.0 | 1 << number))
        })
    }

    /// Those that this process may use.
    pub fn ours() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
        Self(line.map_or(0, |set| u64::from_str_radix(set.trim(), 16).unwrap_or(0)))
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    /// Its two halves, as the kernel wants them.
    pub(crate) fn words(self) -> [u32; 2] {
        #[expect(clippy::cast_possible_truncation, reason = "a half at a time")]
        [self.0 as u32, (self.0 >> 32) as u32]
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (0_u32..).zip(NAMES).filter(|(number, _)| self.has(*number));
        let names: Vec<_> = names.map(|(_, name)| name).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_both_spellings() {
        let set = CapabilitySet::of(&["net-bind-service", "CAP_CHOWN"]).unwrap();
        assert_eq!(set.to_string(), "chown, net-bind-service");
        assert_eq!(set.words(), [1 << 10 | 1, 0]);
        assert_eq!(CapabilitySet::of(&["fly"]), Err("fly".to_owned()));
        assert!(set.without(set).is_empty());
        assert!(set.and(CapabilitySet::ALL).has(10));
    }
}
