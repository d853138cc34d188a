//! The socket: opening it, reading and writing it, and what to do when it breaks.

use std::io;
use std::time::Duration;

use camino::Utf8Path;
use gantry_driver::DriverError;
use gantry_keeper::client;
use gantry_keeper::layout::{FIRST_PAIR, Layout};
use gantry_keeper::protocol::{
    FrameReader, JobName, Message, Reply, Request, RequestFrame, Role, Welcome, encode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Asked, GRACE, Link, ListFor, Order};

/// A pair that was wanted and is not there is wanted again after so long.
const WANT_AGAIN: Duration = Duration::from_millis(200);

/// How long a pair that was never there may take to come, since nothing of it can be missed.
const NEW: Duration = Duration::from_secs(10);

/// How much is read at once.
const READ: usize = 16 * 1024;

/// A connection on which both sides said hello.
pub(crate) struct Opened {
    pub(super) welcome: Welcome,
    stream: UnixStream,
    reader: FrameReader,
}

impl Opened {
    /// How many instances the pair should be given; 0: as many as there are.
    pub(crate) fn capacity(&self) -> u64 {
        self.welcome.capacity
    }
}

/// A connection in use. Dropping it closes the socket.
pub(super) struct Connection {
    bytes: mpsc::UnboundedSender<Vec<u8>>,
    _reader: AbortOnDropHandle<()>,
    _writer: AbortOnDropHandle<()>,
}

impl Connection {
    pub(super) fn write(&self, bytes: Vec<u8>) {
        // The reader reports that the connection broke.
        let _ = self.bytes.send(bytes);
    }
}

/// Connects, waiting for a keeper that is about to be there. If nobody listens, the first pair is asked to
/// start the pair.
pub(crate) async fn connect_within(
    pair: &Layout,
    seen: u64,
    patience: Duration,
) -> Result<Opened, DriverError> {
    let dir = pair.place();
    let deadline = Instant::now() + patience;
    let mut wanted: Option<Instant> = None;
    let mut pause = Duration::from_millis(5);
    loop {
        let error = match connect(&dir, Role::Supervisor, seen).await {
            Ok(opened) => return Ok(opened),
            Err(Failed::Refused(reason)) => return Err(DriverError::permanent("connect", reason)),
            Err(Failed::Io(error)) => error,
        };
        if Instant::now() + pause > deadline {
            return Err(
                DriverError::unreachable("connect", silence(pair)).with_evidence(error.to_string())
            );
        }
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        if nobody.contains(&error.kind()) && wanted.is_none_or(|at| at.elapsed() > WANT_AGAIN) {
            wanted = Some(Instant::now());
            want(pair).await;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// Asks for a pair, over a connection of its own: what the first keeper is told on the other one may take it
/// a while.
async fn want(pair: &Layout) {
    let number = pair.pair();
    if number == FIRST_PAIR {
        return;
    }
    let first = pair.of_pair(FIRST_PAIR).place();
    let Ok(mut opened) = connect(&first, Role::Observer, 0).await else {
        return;
    };
    let mut bytes = Vec::new();
    let frame = RequestFrame {
        id: 0,
        request: Request::Pair { number },
    };
    if encode(&frame, &mut bytes).is_ok() {
        // Whoever wants it sees whether it comes.
        let _ = opened.stream.write_all(&bytes).await;
    }
}

fn silence(pair: &Layout) -> String {
    format!("no keeper answers at {}", pair.socket())
}

enum Failed {
    Io(io::Error),
    Refused(String),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn connect(dir: &Utf8Path, role: Role, seen: u64) -> Result<Opened, Failed> {
    let stream = client::connect(dir)?;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let mut hello = Vec::new();
    encode(&client::hello(role, seen), &mut hello).map_err(io::Error::other)?;
    stream.write_all(&hello).await?;
    let mut reader = FrameReader::new();
    let mut buffer = vec![0; READ];
    let welcome = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            let message = reader.next::<Message>().map_err(io::Error::other)?;
            match message {
                Some(Message::Hello(welcome)) => return Ok(welcome),
                Some(Message::Reply {
                    reply: Reply::Refused(refusal),
                    ..
                }) => return Err(Failed::Refused(refusal.to_string())),
                Some(_) => {}
                None => fill(&mut stream, &mut reader, &mut buffer).await?,
            }
        }
    })
    .await
    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Opened {
        welcome,
        stream,
        reader,
    })
}

async fn fill(
    stream: &mut (impl AsyncReadExt + Unpin),
    reader: &mut FrameReader,
    buffer: &mut [u8],
) -> io::Result<()> {
    match stream.read(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            reader.push(&buffer[..length]);
            Ok(())
        }
    }
}

async fn read(
    mut stream: OwnedReadHalf,
    mut reader: FrameReader,
    orders: mpsc::WeakUnboundedSender<Order>,
    number: u64,
) {
    let send = |order| {
        orders
            .upgrade()
            .is_some_and(|orders| orders.send(order).is_ok())
    };
    let mut buffer = vec![0; READ];
    let error = loop {
        match reader.next::<Message>() {
            Ok(Some(message)) => {
                if !send(Order::Said(number, message)) {
                    return;
                }
            }
            Ok(None) => {
                if let Err(error) = fill(&mut stream, &mut reader, &mut buffer).await {
                    break error.to_string();
                }
            }
            Err(error) => break error.to_string(),
        }
    };
    send(Order::Broke(number, error));
}

async fn write(mut stream: OwnedWriteHalf, mut bytes: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = bytes.recv().await {
        if stream.write_all(&bytes).await.is_err() {
            // The reader sees it too, and reports it.
            return;
        }
    }
}

impl Link {
    pub(super) fn take_connection(&mut self, opened: Opened) {
        self.connections += 1;
        let (read_half, write_half) = opened.stream.into_split();
        let (bytes, outgoing) = mpsc::unbounded_channel();
        let orders = self.orders.clone();
        let reader = tokio::spawn(read(read_half, opened.reader, orders, self.connections));
        let writer = tokio::spawn(write(write_half, outgoing));
        self.connection = Some(Connection {
            bytes,
            _reader: AbortOnDropHandle::new(reader),
            _writer: AbortOnDropHandle::new(writer),
        });
    }

    /// The connection broke: seek another, and say so if that takes long.
    pub(super) fn lose(&mut self, reason: &str) {
        tracing::info!(reason, "lost the connection to the keeper");
        self.connection = None;
        self.unresolved.clear();
        for asked in self.outbox.clear() {
            // Slots and jobs are asked again by themselves.
            match asked {
                Asked::List(ListFor::Session(reply)) => {
                    self.waiting.push_back(Order::List(reply));
                }
                Asked::List(ListFor::Shutdown(reply)) => {
                    self.waiting.push_back(Order::Shutdown(reply, false));
                }
                Asked::List(ListFor::Leave(instance)) => {
                    self.waiting.push_back(Order::Leave(instance));
                }
                Asked::Release(service) => self.waiting.push_back(Order::Release(service)),
                // Sent twice would be worse than not knowing.
                Asked::Signal(reply) => {
                    let error = DriverError::unreachable(
                        "signal",
                        "the keeper was killed over it, and whether the signal arrived is not known",
                    );
                    let _ = reply.send(Err(error));
                }
                // It ended, or died before it had heard that, and then there is another one.
                Asked::Shutdown(reply) => self.waiting.push_back(Order::Shutdown(reply, true)),
                _ => {}
            }
        }
        self.seek();
    }

    pub(super) fn seek(&mut self) {
        let (orders, number, seen) = (self.orders.clone(), self.connections, self.seen);
        let layout = self.layout.clone();
        let task = tokio::spawn(async move {
            let send = |order| {
                orders
                    .upgrade()
                    .is_some_and(|orders| orders.send(order).is_ok())
            };
            let patience = if number == 0 { NEW } else { GRACE };
            let grace = Instant::now() + patience;
            let mut told = false;
            loop {
                let patience = if told { NEW } else { patience };
                match connect_within(&layout, seen, patience).await {
                    Ok(opened) => {
                        send(Order::Connected(Box::new(opened)));
                        return;
                    }
                    Err(error) if !told => {
                        tracing::warn!(%error, "the keeper is away");
                        told = true;
                        // A refusal comes at once, and must not be repeated at once.
                        tokio::time::sleep_until(grace).await;
                        if !send(Order::StillAway(number)) {
                            return;
                        }
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        });
        self.reconnecting = Some(AbortOnDropHandle::new(task));
    }

    pub(super) fn report_away(&mut self) {
        let told_to_end = |order: &Order| matches!(order, Order::Shutdown(_, true));
        if let Some(at) = self.waiting.iter().position(told_to_end)
            && let Some(Order::Shutdown(reply, _)) = self.waiting.remove(at)
        {
            // And it did. Whoever asked may have given up.
            let _ = reply.send(Ok(()));
            self.reconnecting = None;
            return;
        }
        self.report_unreachable(silence(&self.layout));
    }

    fn report_unreachable(&mut self, reason: String) {
        if !std::mem::replace(&mut self.reported_away, true)
            && let Some(pairs) = self.pairs.upgrade()
        {
            pairs.away(self.layout.pair(), reason);
        }
    }

    /// There is a keeper again: everything that is pending is asked again.
    pub(super) fn return_to(&mut self, opened: Opened) {
        self.reconnecting = None;
        let first = self.connections == 0;
        if first {
            self.history = opened.welcome.last_sequence;
            self.guard = opened.welcome.guard_pid;
        }
        // A keeper whose numbers are lower lost its ledger, and counts anew.
        self.seen = self.seen.min(opened.welcome.last_sequence);
        self.acknowledged = self.seen;
        if !first {
            self.history = self.history.min(self.seen);
        }
        // Under another guard, what is known of who is guarded is not true any more.
        let another = self.guard != opened.welcome.guard_pid;
        self.guard = opened.welcome.guard_pid;
        if opened.welcome.salvaged && !first {
            // What has ended meanwhile is in no event: only who knows nothing looks whether it is there.
            let reason = "the keeper's ledger was damaged; what runs is looked at anew";
            self.report_unreachable(reason.to_owned());
        }
        self.take_connection(opened);
        if self.adopted.is_some() {
            self.ask(&Request::List, Asked::List(ListFor::Adopt));
        }
        if self.reported_away || another {
            self.ask(&Request::List, Asked::List(ListFor::Reachable));
        }
        let instances: Vec<_> = self.slots.keys().cloned().collect();
        for instance in instances {
            self.ask_again(&instance);
        }
        let jobs: Vec<(JobName, Request)> = self
            .jobs
            .iter()
            .map(|(name, job)| (name.clone(), job.request.clone()))
            .collect();
        for (name, request) in jobs {
            self.ask(&request, Asked::Job(name));
        }
        for order in std::mem::take(&mut self.waiting) {
            self.take(order);
        }
    }
}
