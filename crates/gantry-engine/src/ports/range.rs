//! Which ports may be drawn.

use std::fmt;
use std::fs;

/// Ports from the first to the last, without those that the kernel gives to outgoing connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
    /// The kernel's ephemeral range.
    without: (u16, u16),
}

impl PortRange {
    /// The range below the kernel's ephemeral ports, or above them where it reaches too far down.
    pub fn of_this_machine() -> Self {
        let ephemeral = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
            .ok()
            .and_then(|text| parse_ephemeral(&text))
            .unwrap_or((32_768, 60_999));
        Self {
            // Below 10,000 live the ports that people give their services by hand.
            first: 10_000,
            last: u16::MAX,
            without: ephemeral,
        }
    }

    /// From `first` to `last`.
    pub fn between(first: u16, last: u16) -> Self {
        Self {
            first,
            last,
            without: (0, 0),
        }
    }

    /// One of them; numbers that lie apart give ports that lie apart.
    pub(super) fn nth(self, number: u16) -> u16 {
        let count = self.from(self.first).count().max(1);
        let port = self.from(self.first).nth(usize::from(number) % count);
        port.unwrap_or(self.first)
    }

    /// All of them once, beginning with `start` if it is one of them.
    pub(super) fn from(self, start: u16) -> impl Iterator<Item = u16> {
        let start = start.clamp(self.first, self.last);
        (start..=self.last)
            .chain(self.first..start)
            .filter(move |port| !(self.without.0..=self.without.1).contains(port))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ports {} to {}", self.first, self.last)?;
        if self.without.1 >= self.first {
            let (low, high) = self.without;
            write!(f, " (without the kernel's own, {low} to {high})")?;
        }
        Ok(())
    }
}

fn parse_ephemeral(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}
