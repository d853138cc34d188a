//! One connection to a port of a pod, by way of the cluster's API.
//!
//! It is a websocket of two channels, one of bytes both ways and one on which the cluster says what is wrong. Each frame
//! begins with the number of its channel, and the first one on each says the port.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Buf as _, Bytes};
use futures::stream::BoxStream;
use futures::{Sink, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource as _;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::task::AbortOnDropHandle;

use super::carry::{self, Traffic};
use super::target::Aim;
use crate::cluster::{Cluster, is_absent, trouble};

/// How long it may take to be opened.
const OPEN: Duration = Duration::from_secs(10);

/// For how long a refusal is waited for: the cluster tells of one as soon as the pod has refused, and nothing otherwise.
const REFUSAL: Duration = Duration::from_millis(200);

/// How much of a tunnel that is one stream is under way here.
const BUFFER: usize = 256 * 1024;

/// The channel of bytes, and that of errors.
pub(super) const DATA: u8 = 0;
const ERROR: u8 = 1;

/// A connection.
pub(crate) struct Tunnel {
    pub(super) sink: Pin<Box<dyn Sink<Message, Error = Error> + Send>>,
    pub(super) heard: Heard,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

/// What comes out of it.
pub(super) struct Heard {
    frames: BoxStream<'static, Result<Message, Error>>,
    /// What was read before anyone wanted it.
    early: VecDeque<Piece>,
    /// Which channels have said their port.
    begun: [bool; 2],
}

/// A tunnel as one stream.
pub(crate) struct Whole {
    near: DuplexStream,
    _task: AbortOnDropHandle<()>,
}

impl AsyncRead for Whole {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_read(context, buffer)
    }
}

impl AsyncWrite for Whole {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_shutdown(context)
    }
}

/// Why none was opened.
#[derive(Debug)]
pub(crate) struct Unopened {
    pub(crate) reason: String,
    /// Whether there is no such pod.
    pub(crate) is_gone: bool,
}

impl From<String> for Unopened {
    fn from(reason: String) -> Self {
        Self {
            reason,
            is_gone: false,
        }
    }
}

/// One thing that came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// An answer to a question on the connection itself.
    Answer(Bytes),
    /// A sign of life.
    Other,
    /// The pod, or who leads to it, says what is wrong.
    Told(String),
    End,
    Broken(String),
}

/// Opens one.
pub(crate) async fn open(cluster: &Cluster, aim: &Aim) -> Result<Tunnel, Unopened> {
    let road = cluster.road().map_err(|error| error.reason)?;
    let pods = kube::core::Request::new(Pod::url_path(&(), Some(&aim.namespace)));
    let request = pods.portforward(&aim.pod, &[aim.port]);
    let request = request.map_err(|error| error.to_string())?;
    let opened = tokio::time::timeout(OPEN, road.client.connect(request)).await;
    let late = |_| {
        format!(
            "the cluster has not opened a way to pod/{} within {} s",
            aim.pod,
            OPEN.as_secs()
        )
    };
    let connection = opened.map_err(late)?.map_err(|error| Unopened {
        is_gone: is_absent(&error),
        reason: trouble("forward", &error).reason,
    })?;
    let (sink, frames) = connection.into_stream().split();
    Ok(Tunnel::new(Box::pin(sink), frames.boxed()))
}

impl Tunnel {
    pub(super) fn new(
        sink: Pin<Box<dyn Sink<Message, Error = Error> + Send>>,
        frames: BoxStream<'static, Result<Message, Error>>,
    ) -> Self {
        let heard = Heard {
            frames,
            early: VecDeque::new(),
            begun: [false; 2],
        };
        Self { sink, heard }
    }

    /// Whether the pod has taken it, and keeps it.
    pub(crate) async fn is_kept(&mut self) -> Result<(), String> {
        self.is_taken().await?;
        if self.is_over() {
            return Err("it was closed at once".to_owned());
        }
        Ok(())
    }

    /// Whether the pod was seen to have closed it.
    pub(crate) fn is_over(&self) -> bool {
        self.heard.early.contains(&Piece::End)
    }

    /// Whether the pod has taken it: then what becomes of it is between the client and the pod's program.
    pub(crate) async fn is_taken(&mut self) -> Result<(), String> {
        let refusal = tokio::time::sleep(REFUSAL);
        tokio::pin!(refusal);
        loop {
            let piece = tokio::select! {
                piece = self.heard.read() => piece,
                () = &mut refusal => return Ok(()),
            };
            match piece {
                Piece::Bytes(_) | Piece::End => {
                    self.heard.early.push_back(piece);
                    return Ok(());
                }
                Piece::Told(error) => return Err(plain(&error)),
                Piece::Broken(error) => return Err(error),
                Piece::Answer(_) | Piece::Other => {}
            }
        }
    }
}

impl Tunnel {
    /// As one stream; what carries it ends with that.
    pub(crate) fn into_stream(self) -> Whole {
        let (near, far) = tokio::io::duplex(BUFFER);
        let task = tokio::spawn(async move {
            let (from, to) = tokio::io::split(far);
            carry::carry(from, to, self, &Traffic::default()).await;
        });
        Whole {
            near,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

impl Heard {
    /// The next piece. It may be given up at any time.
    pub(super) async fn next(&mut self) -> Piece {
        match self.early.pop_front() {
            Some(piece) => piece,
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Piece {
        match self.frames.next().await {
            None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Piece::End,
            Some(Ok(Message::Binary(frame))) => self.piece(frame),
            Some(Ok(Message::Pong(answer))) => Piece::Answer(answer),
            Some(Ok(_)) => Piece::Other,
            Some(Err(error)) => Piece::Broken(broken(&error)),
        }
    }

    fn piece(&mut self, mut frame: Bytes) -> Piece {
        let channel = frame.first().copied();
        let begun = channel.and_then(|channel| self.begun.get_mut(usize::from(channel)));
        let (Some(channel), Some(begun)) = (channel, begun) else {
            return Piece::Other;
        };
        if !std::mem::replace(begun, true) {
            return Piece::Other;
        }
        frame.advance(1);
        match channel {
            DATA if !frame.is_empty() => Piece::Bytes(frame),
            ERROR => Piece::Told(String::from_utf8_lossy(&frame).into_owned()),
            _ => Piece::Other,
        }
    }
}

/// How the way itself came to an end.
fn broken(error: &Error) -> String {
    match error {
        Error::Io(error) => format!("the connection to the cluster is broken: {error}"),
        Error::Protocol(_) => "the connection to the cluster was cut".to_owned(),
        error => format!("the connection to the cluster is broken: {error}"),
    }
}

/// What the system said, without who it went through.
pub(crate) fn plain(error: &str) -> String {
    let error = error.trim();
    if error.contains("connection refused") {
        return "nobody listens there in the pod: connection refused".to_owned();
    }
    let parts: Vec<&str> = error.split(": ").collect();
    let told = parts
        .iter()
        .rposition(|part| part.starts_with("dial ") || part.contains("connect"));
    match told {
        Some(at) => parts[at..].join(": "),
        None => error.to_owned(),
    }
}
