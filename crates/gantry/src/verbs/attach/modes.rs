//! What a service has switched on in the user's terminal, so that it can be switched off when the user
//! leaves in the middle of it.

use std::fmt::Write as _;

/// Modes that are worth switching off, with what does: a screen of its own, a hidden cursor, the mouse,
/// pasting in brackets, other keys.
const MODES: [(&str, bool, &str); 12] = [
    ("47", true, "\x1b[?47l"),
    ("1047", true, "\x1b[?1047l"),
    ("1049", true, "\x1b[?1049l"),
    ("25", false, "\x1b[?25h"),
    ("1", true, "\x1b[?1l"),
    ("1000", true, "\x1b[?1000l"),
    ("1002", true, "\x1b[?1002l"),
    ("1003", true, "\x1b[?1003l"),
    ("1004", true, "\x1b[?1004l"),
    ("1006", true, "\x1b[?1006l"),
    ("2004", true, "\x1b[?2004l"),
    ("7", false, "\x1b[?7h"),
];

/// No sequence that switches them is longer.
const LONGEST: usize = 64;

/// Follows what is printed.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a mode of its own, and all combinations occur"
)]
pub(super) struct Modes {
    /// The beginning of a sequence.
    begun: Vec<u8>,
    on: [bool; MODES.len()],
    /// Whether letters were coloured since they last were not.
    coloured: bool,
    /// Whether the keys of the number pad mean something else.
    keypad: bool,
    /// Whether keys with others held send something else.
    other_keys: bool,
    /// How often keys were asked to tell more of themselves.
    telling_keys: usize,
    /// Whether only a part of the screen scrolls.
    region: bool,
}

impl Modes {
    /// This was printed.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (self.begun.len(), byte) {
                (_, 0x1b) => self.begun = vec![0x1b],
                (0, _) => {}
                (1, b'[') => self.begun.push(*byte),
                (1, b'=' | b'>') => {
                    self.keypad = *byte == b'=';
                    self.begun.clear();
                }
                (2.., b' '..=b'?') if self.begun.len() < LONGEST => self.begun.push(*byte),
                (2.., b'@'..=b'~') => {
                    let sequence = std::mem::take(&mut self.begun);
                    self.switch(&sequence[2..], *byte);
                }
                _ => self.begun.clear(),
            }
        }
    }

    fn switch(&mut self, middle: &[u8], end: u8) {
        let Ok(middle) = std::str::from_utf8(middle) else {
            return;
        };
        let (sign, numbers) = match middle.split_at_checked(1) {
            Some((sign @ ("?" | ">" | "<" | "="), numbers)) => (sign, numbers),
            _ => ("", middle),
        };
        match (sign, end) {
            ("?", b'h' | b'l') => {
                for number in numbers.split(';') {
                    let known = MODES.iter().position(|(mode, ..)| *mode == number);
                    if let Some(index) = known {
                        self.on[index] = (end == b'h') == MODES[index].1;
                    }
                }
            }
            ("", b'm') => self.coloured = !matches!(numbers, "" | "0"),
            ("", b'r') => self.region = !numbers.is_empty(),
            (">", b'm') => match numbers.split_once(';') {
                Some(("4", level)) => self.other_keys = !matches!(level, "" | "0"),
                _ => self.other_keys &= !matches!(numbers, "" | "4"),
            },
            (">", b'u') => self.telling_keys += 1,
            ("<", b'u') => {
                let less = numbers.parse().unwrap_or(1);
                self.telling_keys = self.telling_keys.saturating_sub(less);
            }
            _ => {}
        }
    }

    /// What switches all of it off.
    pub(super) fn undone(&self) -> String {
        let coloured = if self.coloured { "\x1b[0m" } else { "" };
        let on = MODES.iter().zip(self.on).filter(|(_, on)| *on);
        let mut off: String = std::iter::once(coloured)
            .chain(on.map(|((_, _, off), _)| *off))
            .collect();
        if self.keypad {
            off.push_str("\x1b>");
        }
        if self.other_keys {
            off.push_str("\x1b[>4;0m");
        }
        if self.telling_keys > 0 {
            // Writing to a text does not fail.
            let _ = write!(off, "\x1b[<{}u", self.telling_keys);
        }
        if self.region {
            // It would put the cursor into the corner.
            off.push_str("\x1b7\x1b[r\x1b8");
        }
        off
    }
}

#[cfg(test)]
mod tests;
