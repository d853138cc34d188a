//! The gRPC health check: one call of `grpc.health.v1.Health/Check`, framed by hand over HTTP/2.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::address::Address;
use crate::outcome::Outcome;

/// How much of an answer is read: a good one has 7 bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// What is called.
const METHOD: &str = "/grpc.health.v1.Health/Check";

/// A server that is asked for its health, or for that of one of its services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCheck {
    /// Where.
    pub address: Address,
    /// The service's name; empty for the server as a whole.
    pub service: String,
}

impl GrpcCheck {
    /// What is asked.
    pub fn what(&self) -> String {
        match self.service.as_str() {
            "" => format!("the gRPC health of {}", self.address),
            service => format!("the gRPC health of {service} at {}", self.address),
        }
    }

    /// What was missing when the time was over.
    pub(crate) fn lateness(&self, connected: &AtomicBool) -> String {
        if connected.load(Ordering::Relaxed) {
            format!("{} was not told", self.what())
        } else {
            format!("no connection to {}", self.address)
        }
    }

    pub(crate) async fn run(&self, connected: &AtomicBool) -> Outcome {
        match self.ask(connected).await {
            Ok(health) if health == SERVING => {
                Outcome::healthy(format!("{} is SERVING", self.subject()))
            }
            Ok(health) => {
                let word = match health {
                    0 => "UNKNOWN".to_owned(),
                    2 => "NOT_SERVING".to_owned(),
                    3 => "SERVICE_UNKNOWN".to_owned(),
                    other => format!("in the unknown state {other}"),
                };
                Outcome::unhealthy(format!("{} is {word}", self.subject()))
            }
            Err(evidence) => Outcome::unhealthy(evidence),
        }
    }

    /// Whose health it is.
    fn subject(&self) -> String {
        match self.service.as_str() {
            "" => self.address.to_string(),
            service => format!("{service} at {}", self.address),
        }
    }

    async fn ask(&self, connected: &AtomicBool) -> Result<u64, String> {
        let stream = self.address.connect().await;
        let stream = stream.map_err(|error| self.address.refusal(&error))?;
        connected.store(true, Ordering::Relaxed);
        let no_http2 = |error: hyper::Error| {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
            format!("{} does not speak HTTP/2: {cause}", self.address)
        };
        let (mut sender, connection) =
            http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .map_err(no_http2)?;
        let call = async {
            let answer = sender.send_request(self.request()?).await;
            self.read(answer.map_err(no_http2)?).await
        };
        // The connection is driven here, so that nothing of it outlives the check.
        tokio::pin!(call, connection);
        tokio::select! {
            biased;
            answer = &mut call => answer,
            // What it ended with is what the call says.
            _ = &mut connection => call.await,
        }
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, String> {
        Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{METHOD}", self.address))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(message(&self.service)))
            .map_err(|error| format!("{} cannot be asked: {error}", self.what()))
    }

    async fn read(&self, answer: Response<hyper::body::Incoming>) -> Result<u64, String> {
        let (head, body) = answer.into_parts();
        let kind = head.headers.get(CONTENT_TYPE);
        let kind = kind.map_or("", |kind| kind.to_str().unwrap_or(""));
        if head.status != StatusCode::OK || !kind.starts_with("application/grpc") {
            let kind = if kind.is_empty() { "nothing" } else { kind };
            let status = head.status.as_u16();
            return Err(format!(
                "{} is no gRPC server: it answered {status} with {kind}",
                self.address
            ));
        }
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| format!("{} broke off: {error}", self.what()))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        // An answer without a message has its status among the headers.
        let status = trailers
            .get("grpc-status")
            .or(head.headers.get("grpc-status"));
        match status.and_then(|status| status.to_str().ok()) {
            Some("0") => health(&body.to_bytes())
                .ok_or_else(|| format!("{} was told in a message that is none", self.what())),
            Some("5") => Err(format!(
                "{} does not know the service {:?} (NOT_FOUND)",
                self.address, self.service
            )),
            Some("12") => Err(format!(
                "{} has no health service (UNIMPLEMENTED)",
                self.address
            )),
            Some(code) => {
                let said = said(&trailers).or_else(|| said(&head.headers));
                let said = said.map_or_else(String::new, |said| format!(": {said}"));
                Err(format!("{} failed with code {code}{said}", self.what()))
            }
            None => Err(format!("{} ended without a status", self.what())),
        }
    }
}

const SERVING: u64 = 1;

/// A request's message, with its head: not compressed, and its length.
fn message(service: &str) -> Bytes {
    let mut fields = BytesMut::new();
    if !service.is_empty() {
        // Field 1, a text.
        fields.put_u8(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            fields.put_u8(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
            length >>= 7;
        }
        fields.put_u8(u8::try_from(length).unwrap_or(0));
        fields.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::with_capacity(5 + fields.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(fields.len()).unwrap_or(u32::MAX));
    framed.put_slice(&fields);
    framed.freeze()
}

/// Field 1 of an answer's message; 0, as everything that is left out, if it is not there.
fn health(bytes: &[u8]) -> Option<u64> {
    let (head, rest) = bytes.split_at_checked(5)?;
    let length = u32::from_be_bytes(head[1..].try_into().ok()?);
    let mut fields = rest.get(..usize::try_from(length).ok()?)?;
    if head[0] != 0 {
        return None;
    }
    let mut health = 0;
    while !fields.is_empty() {
        let tag = varint(&mut fields)?;
        match tag & 7 {
            0 => {
                let value = varint(&mut fields)?;
                if tag >> 3 == 1 {
                    health = value;
                }
            }
            1 => fields = fields.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut fields)?).ok()?;
                fields = fields.get(length..)?;
            }
            5 => fields = fields.get(4..)?,
            _ => return None,
        }
    }
    Some(health)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn said(headers: &HeaderMap<HeaderValue>) -> Option<String> {
    let text = headers.get("grpc-message")?.to_str().ok()?;
    (!text.is_empty()).then(|| text.replace("%20", " "))
}

#[cfg(test)]
mod tests;
