//! A stream of one JSON object a line.

use std::marker::PhantomData;

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::connection::broken_off;
use super::error::ClientError;

/// The records of a stream, as they come. Dropping it closes the connection.
#[derive(Debug)]
pub struct Lines<T> {
    body: Incoming,
    buffer: BytesMut,
    ended: bool,
    record: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Lines<T> {
    pub(super) fn new(response: Response<Incoming>) -> Self {
        Self {
            body: response.into_body(),
            buffer: BytesMut::new(),
            ended: false,
            record: PhantomData,
        }
    }

    /// The next record; none at the end. Safe to drop before it is ready: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        Ok(match self.next_line().await? {
            Some(line) => Some(serde_json::from_slice(&line).map_err(ClientError::Unreadable)?),
            None => None,
        })
    }

    /// The next record as the bytes that were sent, without the end of the line.
    pub async fn next_line(&mut self) -> Result<Option<BytesMut>, ClientError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                // An empty line only shows that the connection lives.
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            if self.ended {
                // A last line without an end was torn off.
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(ClientError::BrokenOff { source: None })
                };
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(broken_off(error)),
                None => self.ended = true,
            }
        }
    }
}
