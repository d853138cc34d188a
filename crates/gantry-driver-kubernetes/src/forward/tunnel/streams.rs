//! A way into a pod as two streams of a SPDY connection: one of bytes both ways, and one on which the cluster says what
//! is wrong. Each has a client here for itself: one that is slow to read holds no other one back.
//!
//! Source: the protocol `portforward.k8s.io`, as `kubectl` and the kubelet speak it. A pod is asked for by what opens the
//! second stream, so the connection alone is nothing that its program sees.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::client::{Body, UpgradeConnectionError};
use kube::core::Status;
use kube::{Client, Resource as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::{HEAD, Piece, Tunnel};
use crate::forward::spdy::{Decoder, Frame, Opener, bytes_head, ping};
use crate::forward::target::Aim;

const SPDY: HeaderValue = HeaderValue::from_static("SPDY/3.1");
const PROTOCOL: HeaderValue = HeaderValue::from_static("portforward.k8s.io");
const VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// The stream of errors, and that of bytes. Those that are opened here have odd numbers.
const ERROR: u32 = 1;
const DATA: u32 = 3;

/// How much is read at once.
const BLOCK: usize = 32 * 1024;

/// How much is kept of what the cluster says.
const WORDS: usize = 4 * 1024;

/// For how long it is waited whether the cluster says why the bytes have ended: containerd says that after their end.
const WHY: Duration = Duration::from_millis(200);

/// What goes in.
pub(in crate::forward) struct Outward(Box<dyn AsyncWrite + Send + Unpin>);

/// What comes out.
pub(in crate::forward) struct Heard {
    from: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    decoder: Decoder,
    /// What the cluster has said so far.
    words: Vec<u8>,
    /// Whether it says nothing more.
    said: bool,
    /// There are no more bytes; until when it is waited for what the cluster says of that.
    until: Option<Instant>,
}

pub(super) async fn open(client: &Client, aim: &Aim) -> kube::Result<Tunnel> {
    let pods = Pod::url_path(&(), Some(&aim.namespace));
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{pods}/{}/portforward", aim.pod))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, SPDY)
        .header(VERSION, PROTOCOL)
        .body(Body::empty())
        .map_err(kube::Error::HttpError)?;
    let response = client.send(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response).await);
    }
    if !takes_streams(response.headers()) {
        let switched = UpgradeConnectionError::ProtocolSwitch(response.status());
        return Err(kube::Error::UpgradeConnection(switched));
    }
    let pending =
        |error| kube::Error::UpgradeConnection(UpgradeConnectionError::GetPendingUpgrade(error));
    let connection = hyper::upgrade::on(response).await.map_err(pending)?;
    let (from, to) = tokio::io::split(TokioIo::new(connection));
    let begun = begin(Box::new(from), Box::new(to), aim.port).await;
    begun.map_err(|error| kube::Error::Service(error.into()))
}

/// Whether it was understood what is asked for.
fn takes_streams(headers: &HeaderMap) -> bool {
    [(UPGRADE, SPDY), (VERSION, PROTOCOL)]
        .iter()
        .all(|(name, wanted)| {
            let said = headers.get(name).map(HeaderValue::as_bytes);
            said.is_some_and(|said| said.eq_ignore_ascii_case(wanted.as_bytes()))
        })
}

/// What the cluster says instead.
async fn refusal(response: Response<Body>) -> kube::Error {
    let code = response.status();
    let body = Limited::new(response.into_body(), WORDS).collect().await;
    let text = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let status = serde_json::from_slice::<Status>(&text).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&text);
        let said = match said.trim() {
            "" => format!("the cluster answers {code}"),
            said => said.to_owned(),
        };
        Status::failure(&said, "").with_code(code.as_u16())
    });
    kube::Error::Api(status.boxed())
}

/// Asks for a port of the pod. Nothing is waited for: what is wrong with it is said on the stream of errors.
pub(in crate::forward) async fn begin(
    from: Box<dyn AsyncRead + Send + Unpin>,
    mut to: Box<dyn AsyncWrite + Send + Unpin>,
    port: u16,
) -> io::Result<Tunnel> {
    let port = port.to_string();
    let mut opener = Opener::new();
    let mut open = |stream, kind, last| {
        let headers = [
            ("port", port.as_str()),
            ("requestid", "0"),
            ("streamtype", kind),
        ];
        opener.open(stream, &headers, last)
    };
    let mut frames = open(ERROR, "error", true);
    frames.unsplit(open(DATA, "data", false));
    to.write_all(&frames).await?;
    to.flush().await?;
    let heard = Heard {
        from,
        buffer: BytesMut::new(),
        decoder: Decoder::default(),
        words: Vec::new(),
        said: false,
        until: None,
    };
    Ok(Tunnel::new(
        super::Outward::Streams(Outward(to)),
        super::Source::Streams(heard),
    ))
}

impl Outward {
    /// Sends bytes, before which [`HEAD`] are free.
    pub(super) async fn send(&mut self, mut block: BytesMut) -> io::Result<()> {
        let length = block.len().saturating_sub(HEAD);
        if let Some(head) = block.first_chunk_mut() {
            *head = bytes_head(DATA, length, false);
        }
        self.write(&block).await
    }

    /// Nothing more is sent.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.write(&bytes_head(DATA, 0, true)).await
    }

    pub(super) async fn ask(&mut self, number: u64) -> io::Result<()> {
        self.write(&ping(question(number))).await
    }

    pub(super) async fn answer(&mut self, question: u32) -> io::Result<()> {
        self.write(&ping(question)).await
    }

    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.0.write_all(frame).await?;
        self.0.flush().await
    }
}

/// The number of a question from here is odd.
fn question(number: u64) -> u32 {
    let low = u32::try_from(number & u64::from(u32::MAX >> 1)).unwrap_or(0);
    low << 1 | 1
}

impl Heard {
    /// The next piece. It may be given up at any time.
    pub(super) async fn next(&mut self) -> Piece {
        loop {
            match self.decoder.next(&mut self.buffer) {
                Ok(Some(frame)) => return self.piece(frame),
                Ok(None) if self.said && self.until.is_some() => return self.end(),
                Ok(None) => {}
                Err(foreign) => return Piece::broken(&foreign),
            }
            self.buffer.reserve(BLOCK);
            let read = self.from.read_buf(&mut self.buffer);
            let read = match self.until {
                Some(until) => timeout_at(until, read).await,
                None => Ok(read.await),
            };
            match read {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) | Err(_) if self.until.is_some() => return self.end(),
                Ok(Ok(_)) | Err(_) => return Piece::cut(),
                Ok(Err(error)) => return Piece::broken(&error),
            }
        }
    }

    fn piece(&mut self, frame: Frame) -> Piece {
        match frame {
            Frame::Bytes {
                stream: DATA,
                bytes,
                last,
            } => {
                if last {
                    self.ends();
                }
                if bytes.is_empty() {
                    return Piece::Other;
                }
                return Piece::Bytes(bytes);
            }
            Frame::Reply {
                stream: DATA,
                last: true,
            }
            | Frame::Reset { stream: DATA } => self.ends(),
            Frame::Bytes {
                stream: ERROR,
                bytes,
                last,
            } => {
                let room = WORDS.saturating_sub(self.words.len());
                self.words
                    .extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                self.said |= last;
                if last && !self.words.is_empty() {
                    return self.end();
                }
            }
            Frame::Reset { stream: ERROR } => self.said = true,
            // The last bit says who has asked.
            Frame::Ping(number) if number & 1 == 0 => return Piece::Asked(number),
            Frame::Ping(number) => return Piece::Answer(u64::from(number >> 1)),
            Frame::Bytes { .. }
            | Frame::Reply { .. }
            | Frame::Reset { .. }
            | Frame::Away
            | Frame::Other => {}
        }
        Piece::Other
    }

    /// There are no more bytes.
    fn ends(&mut self) {
        self.until.get_or_insert_with(|| Instant::now() + WHY);
    }

    fn end(&mut self) -> Piece {
        if self.words.is_empty() {
            return Piece::End;
        }
        let words = std::mem::take(&mut self.words);
        Piece::Told(String::from_utf8_lossy(&words).into_owned())
    }
}
