//! Joining an instance's own input and output.
//!
//! `GET /v1/attach/{service}` with `Upgrade: gantry-attach` answers with 101, and from then on the
//! connection carries frames both ways: one byte that says what it is, the length of the body as a
//! big-endian `u32`, and the body.
//!
//! | first byte | body |
//! |---|---|
//! | 0 | bytes: what is typed, or what is printed (with a terminal: all of it) |
//! | 1 | a record in JSON: [`AttachOrder`] to the supervisor, [`Attached`] from it |
//! | 2 | bytes: what is printed as errors, where that is apart |
//!
//! A frame of another kind is passed over. Whoever closes the connection has left; the instance goes on.

use bytes::{Buf as _, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::Exit;

/// The protocol's name in `Upgrade`.
pub const ATTACH: &str = "gantry-attach";

/// The longest body.
const LONGEST: usize = 1 << 20;

/// What stands before a body.
const HEAD: usize = 5;

/// The query of `GET /v1/attach/{service}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachQuery {
    /// Which instance, from 1; needed where several run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// The height of the terminal of whoever joins, in lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
    /// Its width in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<u16>,
    /// Whether what was printed last comes first.
    #[serde(default)]
    pub recent: bool,
}

/// The query of `GET /v1/exec/{service}`, which is otherwise as `GET /v1/attach/{service}`: a command in an
/// instance takes the place of the instance itself. Whoever closes the connection ends the command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecQuery {
    /// Which instance, from 1; needed where several run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
    /// Program and arguments, and variables on top: an [`ExecCommand`] in JSON.
    pub command: String,
    /// The height of the terminal that it is to have, in lines; without a size it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
    /// Its width in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<u16>,
}

/// How `GET /v1/dial/{service}` is asked, with the same upgrade: after the answer the connection is one to that port, byte
/// for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialQuery {
    /// The port, by number or name.
    pub port: String,
    /// Which part is meant, as in `service/web` or `deployment/web`; the usual one if none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// A command to run in an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecCommand {
    /// Program and arguments.
    pub words: Vec<String>,
    /// Variables on top of the instance's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
}

/// Older supervisors join what has one only.
fn has_terminal() -> bool {
    true
}

/// A record from the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Attached {
    /// This instance is joined. The first frame.
    Begun {
        /// Which: `service.number`.
        instance: String,
        /// Whether it has a terminal: then each key that is typed is for it, else each line.
        #[serde(default = "has_terminal")]
        terminal: bool,
    },
    /// It has ended. The last frame.
    Ended {
        /// How.
        exit: Exit,
        /// The same as a sentence without its subject: `ended with exit code 3`.
        message: String,
    },
    /// The way to it broke, and it may go on. The last frame; joining again may succeed.
    Lost {
        /// What happened.
        message: String,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A record to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum AttachOrder {
    /// The terminal has another size.
    Resize {
        /// Lines.
        rows: u16,
        /// Characters in a line.
        columns: u16,
    },
    /// Nothing more will be typed.
    End,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// One frame, with the records of its direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachFrame<R> {
    /// What is typed or printed.
    Bytes(Bytes),
    /// A record.
    Record(R),
    /// What is printed as errors.
    Errors(Bytes),
}

/// What arrives is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is beyond what any frame has.
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    /// A record does not parse.
    #[error("a record does not parse")]
    Record(#[from] serde_json::Error),
}

impl<R: Serialize> AttachFrame<R> {
    /// As it goes over the connection. Bytes beyond the longest body become several frames.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, body) = match self {
            Self::Bytes(bytes) => (0, bytes.clone()),
            Self::Record(record) => {
                let text = serde_json::to_vec(record).expect("what goes over the wire is JSON");
                (1, text.into())
            }
            Self::Errors(bytes) => (2, bytes.clone()),
        };
        for part in body.chunks(LONGEST) {
            let length = u32::try_from(part.len()).unwrap_or(0);
            out.push(kind);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(part);
        }
    }
}

/// Cuts what arrives into frames, however it arrives.
#[derive(Debug, Default)]
pub struct AttachFrames {
    /// What has arrived.
    pub buffer: BytesMut,
}

impl AttachFrames {
    /// The next whole frame; none if more must arrive first.
    pub fn cut<R: DeserializeOwned>(&mut self) -> Result<Option<AttachFrame<R>>, FrameError> {
        loop {
            let Some((kind, rest)) = self.buffer.split_first() else {
                return Ok(None);
            };
            let Some((length, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            let length = u32::from_be_bytes(*length) as usize;
            if length > LONGEST {
                return Err(FrameError::TooLong(length));
            }
            if rest.len() < length {
                return Ok(None);
            }
            let kind = *kind;
            self.buffer.advance(HEAD);
            let body = self.buffer.split_to(length).freeze();
            return Ok(Some(match kind {
                0 => AttachFrame::Bytes(body),
                1 => AttachFrame::Record(serde_json::from_slice(&body)?),
                2 => AttachFrame::Errors(body),
                _ => continue,
            }));
        }
    }
}

#[cfg(test)]
mod tests;
