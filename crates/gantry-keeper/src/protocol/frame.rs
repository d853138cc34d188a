//! Frames: the length of the body as a little-endian `u32`, then the body.

use std::io::{self, Write};

use serde::Serialize;

/// The longest body. A length beyond it is not a frame but noise.
pub const MAX_FRAME: usize = 64 * 1024 * 1024;

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is beyond [`MAX_FRAME`]. The connection cannot be used any more.
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME}")]
    TooLong(usize),
    /// The body is not what was expected. The next frame may be.
    #[error("a frame does not parse")]
    Body(#[from] serde_json::Error),
}

/// What a frame can hold.
pub trait FrameBody: Sized {
    /// Read it from a body.
    fn read(body: &[u8]) -> serde_json::Result<Self>;
}

/// Append one frame to `out`.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        out.truncate(start);
        return Err(error.into());
    }
    let length = out.len() - start - 4;
    match u32::try_from(length) {
        Ok(word) if length <= MAX_FRAME => {
            out[start..start + 4].copy_from_slice(&word.to_le_bytes());
            Ok(())
        }
        _ => {
            out.truncate(start);
            Err(FrameError::TooLong(length))
        }
    }
}

/// Write one frame to a blocking writer, in one piece.
pub fn write_frame<T: Serialize>(value: &T, mut to: impl Write) -> io::Result<()> {
    let mut out = Vec::with_capacity(512);
    encode(value, &mut out).map_err(io::Error::other)?;
    to.write_all(&out)
}

/// So much room stays for the next frames; a list of thousands of instances is rare.
const KEPT: usize = 256 * 1024;

/// Cuts a stream of bytes into frames, however the bytes arrive. Does no reading itself, so it serves
/// a blocking socket, an event loop and an async runtime alike.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameReader {
    /// A reader with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > 64 * 1024 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, decoded; `None` if more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is no iterator: `None` is not the end, and the type is the caller's choice"
    )]
    pub fn next<T: FrameBody>(&mut self) -> Result<Option<T>, FrameError> {
        let waiting = &self.buffer[self.start..];
        let Some((word, body)) = waiting.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*word) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = body.get(..length) else {
            return Ok(None);
        };
        self.start += 4 + length;
        let message = T::read(body)?;
        if self.start == self.buffer.len() && self.buffer.capacity() > KEPT {
            *self = Self::default();
        }
        Ok(Some(message))
    }
}
