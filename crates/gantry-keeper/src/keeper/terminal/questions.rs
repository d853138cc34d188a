//! What a terminal was asked: it must not be asked again by showing it to somebody who comes later, or
//! the answer is typed to a program that does not expect it.

/// The same without sequences to which terminals answer: what and where they are, which colours and modes
/// they have.
pub(super) fn without_questions(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0x1b | 0x05)) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let length = sequence(rest);
        let (one, after) = rest.split_at(length);
        if !asks(one) {
            kept.extend_from_slice(one);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

/// How long the sequence is that begins here.
fn sequence(bytes: &[u8]) -> usize {
    let all = bytes.len();
    match bytes.get(1) {
        _ if bytes[0] != 0x1b => 1,
        Some(b'[') => {
            let end = bytes[2..]
                .iter()
                .position(|byte| !(b' '..=b'?').contains(byte));
            end.map_or(all, |end| end + 3)
        }
        // Texts, which end with a bell or with ESC \.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => {
            let end = bytes[2..]
                .iter()
                .position(|byte| matches!(byte, 0x07 | 0x1b));
            match end.map(|end| end + 2) {
                Some(end) if bytes[end] == 0x07 => end + 1,
                Some(end) if bytes.get(end + 1) == Some(&b'\\') => end + 2,
                Some(end) => end,
                None => all,
            }
        }
        Some(_) => 2,
        None => 1,
    }
}

/// Whether a terminal answers to this.
fn asks(sequence: &[u8]) -> bool {
    let (last, middle) = match sequence {
        // ENQ, the old way to ask what it is, and texts for the terminal itself.
        [0x05] | [0x1b, b'Z'] | [0x1b, b'P', ..] => return true,
        [0x1b, b']', text @ ..] => return memchr::memmem::find(text, b";?").is_some(),
        [0x1b, b'[', middle @ .., last] => (*last, middle),
        _ => return false,
    };
    match last {
        // Its kind, its state and the cursor's place, its parameters, the state of modes.
        b'c' | b'n' | b'x' => true,
        b'p' => middle.contains(&b'$'),
        b'q' => middle.starts_with(b">"),
        b'u' => middle.starts_with(b"?"),
        // Its windows' sizes and titles.
        b't' => matches!(middle, [b'1', b'1'..=b'9', ..] | [b'2', b'0' | b'1', ..]),
        _ => false,
    }
}
