//! One connection to a port of a pod, by way of the cluster's API: as two streams (`streams.rs`), or, where those are
//! refused, as two channels (`channels.rs`).

pub(super) mod channels;
pub(super) mod streams;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

use super::carry::{self, Traffic};
use super::road::Road;
use super::spdy;
use super::target::Aim;
use crate::cluster::{Cluster, is_absent, trouble};

/// How long it may take to be opened.
const OPEN: Duration = Duration::from_secs(10);

/// For how long a refusal is waited for: the cluster tells of one as soon as the pod has refused, and nothing otherwise.
const REFUSAL: Duration = Duration::from_millis(200);

/// How much of a tunnel that is one stream is under way here.
const BUFFER: usize = 256 * 1024;

/// How much is to be free before bytes that are sent.
pub(super) const HEAD: usize = spdy::HEAD;

/// A connection.
pub(crate) struct Tunnel {
    pub(super) outward: Outward,
    pub(super) heard: Heard,
}

/// What goes in.
pub(super) enum Outward {
    Streams(streams::Outward),
    Channels(channels::Outward),
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

/// What comes out of it.
pub(super) struct Heard {
    source: Source,
    /// What was read before anyone wanted it.
    early: VecDeque<Piece>,
}

enum Source {
    Streams(streams::Heard),
    Channels(channels::Heard),
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
    /// An answer to a question on the connection itself, by its number.
    Answer(u64),
    /// A question that is to be answered.
    Asked(u32),
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
    let opened = tokio::time::timeout(OPEN, open_on(road, aim)).await;
    let late = |_| {
        format!(
            "the cluster has not opened a way to pod/{} within {} s",
            aim.pod,
            OPEN.as_secs()
        )
    };
    opened.map_err(late)?.map_err(|error| Unopened {
        is_gone: is_absent(&error),
        reason: trouble("forward", &error).reason,
    })
}

/// As streams, or, where that is refused and channels are not, as channels from then on.
async fn open_on(road: &Road, aim: &Aim) -> kube::Result<Tunnel> {
    if road.only_channels.load(Ordering::Relaxed) {
        return channels::open(&road.client, aim).await;
    }
    let refused = match streams::open(&road.client, aim).await {
        Err(error) if may_take_channels(&error) => error,
        other => return other,
    };
    let Ok(tunnel) = channels::open(&road.client, aim).await else {
        return Err(refused);
    };
    // Who is not at its best now may take streams later.
    if !is_passing(&refused) {
        road.only_channels.store(true, Ordering::Relaxed);
    }
    Ok(tunnel)
}

fn is_passing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 429 | 500..))
}

/// Whether that may be about how it was asked: something between here and the cluster may take nothing but websockets, and
/// who asks for streams needs another right (`create`) than who asks for channels (`get`).
fn may_take_channels(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => !matches!(status.code, 401 | 404),
        kube::Error::UpgradeConnection(_) => true,
        _ => false,
    }
}

impl Tunnel {
    fn new(outward: Outward, source: Source) -> Self {
        let heard = Heard {
            source,
            early: VecDeque::new(),
        };
        Self { outward, heard }
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
                Piece::Answer(_) | Piece::Asked(_) | Piece::Other => {}
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
        match &mut self.source {
            Source::Streams(streams) => streams.next().await,
            Source::Channels(channels) => channels.next().await,
        }
    }
}

impl Outward {
    /// Sends bytes, before which [`HEAD`] are free.
    pub(super) async fn send(&mut self, block: BytesMut) -> io::Result<()> {
        match self {
            Self::Streams(streams) => streams.send(block).await,
            Self::Channels(channels) => channels.send(block).await,
        }
    }

    /// Says that nothing more is sent, where there is a word for it.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Streams(streams) => streams.end().await,
            Self::Channels(_) => Ok(()),
        }
    }

    /// Asks whether the other end is there.
    pub(super) async fn ask(&mut self, number: u64) -> io::Result<()> {
        match self {
            Self::Streams(streams) => streams.ask(number).await,
            Self::Channels(channels) => channels.ask(number).await,
        }
    }

    /// Answers the other end.
    pub(super) async fn answer(&mut self, question: u32) -> io::Result<()> {
        match self {
            Self::Streams(streams) => streams.answer(question).await,
            // Whoever reads from it has answered.
            Self::Channels(_) => Ok(()),
        }
    }
}

impl Piece {
    /// How the way itself came to an end.
    fn broken(error: &dyn fmt::Display) -> Self {
        Self::Broken(format!("the connection to the cluster is broken: {error}"))
    }

    /// It ended without a word.
    fn cut() -> Self {
        Self::Broken("the connection to the cluster was cut".to_owned())
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
