//! What supervisors and keepers send each other.

use gantry_keeper::protocol::{FrameBody, FrameError, FrameReader, Message, RequestFrame, encode};
use serde::Serialize;

/// The bytes as they are, and each of their lines as the body of a frame.
pub fn run(bytes: &[u8]) {
    read::<RequestFrame>(bytes);
    read::<Message>(bytes);
    let mut frames = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let length = u32::try_from(line.len()).expect("an input is short");
        frames.extend_from_slice(&length.to_le_bytes());
        frames.extend_from_slice(line);
    }
    read::<RequestFrame>(&frames);
    read::<Message>(&frames);
}

/// However the bytes arrive, the same frames come out, and what is written again is read again.
fn read<T: FrameBody + Serialize + PartialEq>(bytes: &[u8]) {
    let whole = frames::<T>(bytes, bytes.len().max(1));
    let piecemeal = frames::<T>(bytes, 3);
    assert_eq!(whole.len(), piecemeal.len());
    for (one, other) in whole.iter().zip(&piecemeal) {
        let mut written = Vec::new();
        encode(one, &mut written).expect("what was read can be written");
        assert!(one == other && frames::<T>(&written, 4096).first() == Some(one));
    }
}

fn frames<T: FrameBody>(bytes: &[u8], piece: usize) -> Vec<T> {
    let mut reader = FrameReader::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                // The next frame may be a good one.
                Err(FrameError::Body(_)) => {}
                Err(FrameError::TooLong(_)) => return found,
            }
        }
    }
    found
}
