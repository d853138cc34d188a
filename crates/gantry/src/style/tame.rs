//! A service's line as it may be shown among those of others.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;

/// The same line without what would move the cursor or change the terminal, as programs that believe to
/// have one of their own print it. Colours stay. What was printed over is not shown: of a bar of progress
/// that is its last state.
pub(crate) fn tame(line: &[u8]) -> Cow<'_, [u8]> {
    let wild = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if !line.iter().any(wild) {
        return Cow::Borrowed(line);
    }
    let mut tame = Vec::with_capacity(line.len());
    // Where the cursor is put back to its line's beginning, if something follows.
    let mut returned = false;
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        let (one, after) = match *byte {
            ESCAPE => rest.split_at(sequence(rest)),
            _ => (&rest[..1], after),
        };
        rest = after;
        match *byte {
            ESCAPE if one.starts_with(b"\x1b[") && one.ends_with(b"m") => {
                let numbers = &one[2..one.len() - 1];
                if numbers.iter().all(|byte| (b'0'..=b';').contains(byte)) {
                    tame.extend_from_slice(one);
                }
            }
            b'\r' => returned = true,
            0x08 => {
                if tame.last().is_some_and(|byte| *byte >= b' ') {
                    // The whole of a letter.
                    while tame.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
            }
            _ if wild(byte) => {}
            _ => {
                if std::mem::take(&mut returned) {
                    tame.clear();
                }
                tame.push(*byte);
            }
        }
    }
    Cow::Owned(tame)
}

/// How long the sequence is that begins here.
fn sequence(bytes: &[u8]) -> usize {
    let ends = |from: usize, is: fn(&u8) -> bool| {
        let found = bytes.get(from..).and_then(|rest| rest.iter().position(is));
        found.map_or(bytes.len(), |at| from + at + 1)
    };
    match bytes.get(1) {
        Some(b'[') => ends(2, |byte| !(b' '..=b'?').contains(byte)),
        // A text ends with a bell, or with ESC and a backslash, which is a sequence of its own here.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => {
            let end = ends(2, |byte| matches!(*byte, 0x07 | ESCAPE));
            if bytes.get(end - 1) == Some(&ESCAPE) {
                end - 1
            } else {
                end
            }
        }
        // A set of characters has a name behind it.
        Some(b' '..=b'/') => bytes.len().min(3),
        Some(_) => 2,
        None => 1,
    }
}
