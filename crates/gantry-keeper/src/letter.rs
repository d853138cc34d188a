//! Reading one message of a service: lines of `NAME=value`, as `sd_notify` sends them.

use std::time::Duration;

/// What one message says. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of its own, and all combinations occur"
)]
pub(crate) struct Message {
    pub(crate) ready: bool,
    pub(crate) reloading: bool,
    pub(crate) stopping: bool,
    pub(crate) status: Option<String>,
    /// A sign of life.
    pub(crate) alive: bool,
    /// It asks to be taken for dead.
    pub(crate) dead: bool,
    /// How often there will be a sign of life from now on.
    pub(crate) watchdog: Option<Duration>,
    pub(crate) leader: Option<u32>,
    /// So long from now it needs for what it is at.
    pub(crate) more_time: Option<Duration>,
}

/// How much of a status is kept, in characters.
const STATUS: usize = 500;

impl Message {
    /// Read it. There is no message that cannot be read.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut message = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(at) = line.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = (&line[..at], &line[at + 1..]);
            match (name, value) {
                (b"READY", b"1") => message.ready = true,
                (b"RELOADING", b"1") => message.reloading = true,
                (b"STOPPING", b"1") => message.stopping = true,
                (b"WATCHDOG", b"1") => message.alive = true,
                (b"WATCHDOG", b"trigger") => message.dead = true,
                (b"STATUS", text) => message.status = Some(one_line(text)),
                (b"MAINPID", text) => message.leader = number(text),
                (b"WATCHDOG_USEC", text) => message.watchdog = micros(text),
                (b"EXTEND_TIMEOUT_USEC", text) => message.more_time = micros(text),
                _ => {}
            }
        }
        message
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

fn micros(text: &[u8]) -> Option<Duration> {
    number(text).map(Duration::from_micros)
}

/// On one line, without what a terminal would obey.
fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(STATUS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_names_are_read_and_the_others_left() {
        let message = Message::parse(
            b"READY=1\nSTATUS=half \x1b[31mway\nMAINPID=12\nERRNO=2\nnoise\n\xff\xfe=\nWATCHDOG_USEC=2000000\nEXTEND_TIMEOUT_USEC=5",
        );
        let expected = Message {
            ready: true,
            status: Some("half  [31mway".into()),
            leader: Some(12),
            watchdog: Some(Duration::from_secs(2)),
            more_time: Some(Duration::from_micros(5)),
            ..Message::default()
        };
        assert_eq!(message, expected);
        // Only the exact words count.
        let nothing = Message::parse(b"READY=0\nready=1\nMAINPID=-3\nWATCHDOG=yes\nSTOPPING=");
        assert_eq!(nothing, Message::default());
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_stumble(bytes: Vec<u8>) {
            let status = Message::parse(&bytes).status.unwrap_or_default();
            assert!(status.chars().count() <= STATUS && !status.contains(char::is_control));
        }
    }
}
