//! How frames are read.
//!
//! A type that is told by a word among its fields is read twice by serde: first everything, as values of any kind, then the
//! fields. What comes by the thousand is told by its word alone here, and its fields are then read from the text.

use std::borrow::Cow;

use serde::Deserialize;

use super::event::Event;
use super::frame::FrameBody;
use super::message::{Message, Request, RequestFrame, Spawn};

impl FrameBody for RequestFrame {
    fn read(body: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(default)]
            id: u64,
            #[serde(borrow)]
            request: Cow<'a, str>,
        }
        let head: Head<'_> = serde_json::from_slice(body)?;
        if head.request != "spawn" {
            return serde_json::from_slice(body);
        }
        let spawn: Spawn = serde_json::from_slice(body)?;
        Ok(Self {
            id: head.id,
            request: Request::Spawn(spawn),
        })
    }
}

impl FrameBody for Message {
    fn read(body: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow)]
            message: Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct Events {
            events: Vec<Event>,
        }
        let head: Head<'_> = serde_json::from_slice(body)?;
        if head.message != "events" {
            return serde_json::from_slice(body);
        }
        let Events { events } = serde_json::from_slice(body)?;
        Ok(Self::Events { events })
    }
}
