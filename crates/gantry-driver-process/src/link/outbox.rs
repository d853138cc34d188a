//! What the keeper is asked and told, until it goes out.

use std::collections::HashMap;

use gantry_keeper::protocol::{self as keeper, Request, RequestFrame};

use super::Asked;

/// Frames that were not sent, and what is asked of whoever answers.
pub(super) struct Outbox {
    frames: Vec<u8>,
    asked: HashMap<u64, Asked>,
    next_id: u64,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            frames: Vec::new(),
            asked: HashMap::new(),
            next_id: 1,
        }
    }

    pub(super) fn ask(&mut self, request: &Request, asked: Asked) {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id, asked);
        self.put(&RequestFrame { id, request });
    }

    /// The same without an answer.
    pub(super) fn tell(&mut self, request: &Request) {
        self.put(&RequestFrame { id: 0, request });
    }

    fn put(&mut self, frame: &RequestFrame<&Request>) {
        // Only a body over the limit of 64 MiB fails, which no specification reaches.
        if let Err(error) = keeper::encode(frame, &mut self.frames) {
            tracing::error!(%error, "a request to the keeper was not sent");
        }
    }

    /// What this answer is to.
    pub(super) fn answered(&mut self, id: u64) -> Option<Asked> {
        self.asked.remove(&id)
    }

    /// All frames, to be sent.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let frames = std::mem::take(&mut self.frames);
        Some(frames).filter(|frames| !frames.is_empty())
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Nothing of it will be answered.
    pub(super) fn clear(&mut self) -> Vec<Asked> {
        self.frames.clear();
        self.asked.drain().map(|(_, asked)| asked).collect()
    }
}
