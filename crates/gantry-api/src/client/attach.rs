//! An instance that was joined.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::error::ClientError;
use crate::attach::{AttachFrame, AttachFrames, AttachOrder, Attached, FrameError};

/// What comes from an instance.
#[derive(Debug)]
pub struct AttachReader {
    stream: ReadHalf<TokioIo<Upgraded>>,
    frames: AttachFrames,
}

/// What goes to it.
#[derive(Debug)]
pub struct AttachWriter {
    stream: WriteHalf<TokioIo<Upgraded>>,
    bytes: Vec<u8>,
}

pub(super) fn split(upgraded: Upgraded) -> (AttachReader, AttachWriter) {
    let (read, write) = tokio::io::split(TokioIo::new(upgraded));
    let reader = AttachReader {
        stream: read,
        frames: AttachFrames::default(),
    };
    let writer = AttachWriter {
        stream: write,
        bytes: Vec::new(),
    };
    (reader, writer)
}

impl AttachReader {
    /// The next frame. It breaks off if the supervisor ends before it has said how the instance did. Safe
    /// to drop before it is ready: nothing is lost.
    pub async fn next(&mut self) -> Result<AttachFrame<Attached>, ClientError> {
        loop {
            match self.frames.cut() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(FrameError::Record(error)) => return Err(ClientError::Unreadable(error)),
                Err(FrameError::TooLong(_)) => return Err(BROKEN_OFF),
            }
            match self.stream.read_buf(&mut self.frames.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(BROKEN_OFF),
            }
        }
    }
}

impl AttachWriter {
    /// Send a frame. If this is given up before it is done, nothing more may be sent.
    pub async fn send(&mut self, frame: &AttachFrame<AttachOrder>) -> Result<(), ClientError> {
        self.bytes.clear();
        frame.encode(&mut self.bytes);
        let written = self.stream.write_all(&self.bytes).await;
        written.map_err(|_| BROKEN_OFF)
    }
}

const BROKEN_OFF: ClientError = ClientError::BrokenOff { source: None };
