//! Joining a service's terminal: a connection to its keeper for each who joins.

use std::io;
use std::time::Duration;

use camino::Utf8Path;
use gantry_core::{ExitStatus, FailureKind};
use gantry_driver::{AttachRequest, DriverError, ExecProcess, TerminalSize};
use gantry_keeper::client;
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{
    Bytes, FrameReader, Message, Refusal, Reply, Request, RequestFrame, Role, Size, encode,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{command, sentence};

/// How long the keeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long until it is asked again when it is being replaced.
const AGAIN: Duration = Duration::from_millis(20);

/// How much is on its way to whoever looks on.
const BUFFER: usize = 64 * 1024;

/// How much is typed at once.
const TYPED: usize = 4096;

/// The request by which the terminal is joined; what is typed counts on from it.
const JOIN: u64 = 1;

/// Join it, and wait for a keeper that is about to be there.
pub(crate) async fn join(
    layout: Layout,
    request: AttachRequest,
) -> Result<ExecProcess, DriverError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match join_once(&layout, &request).await {
            Err(error) if error.kind == FailureKind::Unreachable && Instant::now() < deadline => {
                tokio::time::sleep(AGAIN).await;
            }
            joined => return joined,
        }
    }
}

/// Join it, whichever pair of guard and keeper has it.
async fn join_once(layout: &Layout, request: &AttachRequest) -> Result<ExecProcess, DriverError> {
    let further = layout.further_pairs().into_iter();
    let further = further.map(|pair| layout.of_pair(pair));
    let mut refusal = None;
    for pair in std::iter::once(layout.clone()).chain(further) {
        match tokio::time::timeout(PATIENCE, join_at(&pair.place(), request)).await {
            Ok(Err(Failed::Refused(refused @ Refusal::NotFound { .. }))) => {
                refusal.get_or_insert(refused);
            }
            Ok(Ok(joined)) => return Ok(joined),
            Ok(Err(Failed::Refused(refused))) => return Err(refused_as(&refused)),
            Ok(Err(Failed::Wrong(error))) => return Err(error),
            Ok(Err(Failed::Io(error))) => return Err(away(&error.to_string())),
            Err(_) => return Err(away("it does not answer")),
        }
    }
    let nobody = || DriverError::permanent("attach", "it does not run");
    Err(refusal.map_or_else(nobody, |refusal| refused_as(&refusal)))
}

enum Failed {
    Io(io::Error),
    Refused(Refusal),
    Wrong(DriverError),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn away(evidence: &str) -> DriverError {
    DriverError::unreachable("attach", "the keeper cannot be reached").with_evidence(evidence)
}

fn refused_as(refusal: &Refusal) -> DriverError {
    let reason = match refusal {
        Refusal::NoTerminal { .. } => {
            "it runs without a terminal: with `tty = true` in its process table it gets one; \
             what it prints is shown by `gantry logs -f`"
                .to_owned()
        }
        Refusal::NotFound { .. } => "it does not run".to_owned(),
        other => other.to_string(),
    };
    DriverError::permanent("attach", reason)
}

async fn join_at(place: &Utf8Path, request: &AttachRequest) -> Result<ExecProcess, Failed> {
    let name = command::name(&request.instance).map_err(|error| Failed::Wrong(error.into()))?;
    let stream = client::connect(place)?;
    stream.set_nonblocking(true)?;
    let (read, mut write) = UnixStream::from_std(stream)?.into_split();
    let mut from = Keeper::new(read);
    let mut bytes = Vec::new();
    let join = RequestFrame {
        id: JOIN,
        request: Request::Attach {
            instance: name,
            generation: request.generation.0,
            size: request.terminal.map(size),
            recent: request.recent,
        },
    };
    for frame in [client::hello(Role::Terminal, 0), join] {
        encode(&frame, &mut bytes).map_err(io::Error::other)?;
    }
    write.write_all(&bytes).await?;
    loop {
        match from.next().await? {
            // It did not even understand who we are.
            Message::Reply { id: 0, .. } => {
                let reason = "the keeper is of a release that lets nobody join: `gantry down`, then `gantry up`";
                return Err(Failed::Wrong(DriverError::permanent("attach", reason)));
            }
            Message::Reply {
                reply: Reply::Refused(refusal),
                ..
            } => return Err(Failed::Refused(refusal)),
            Message::Reply { .. } => break,
            _ => {}
        }
    }
    Ok(serve(from, write))
}

/// What the keeper says.
struct Keeper {
    stream: OwnedReadHalf,
    reader: FrameReader,
    buffer: Vec<u8>,
}

impl Keeper {
    fn new(stream: OwnedReadHalf) -> Self {
        Self {
            stream,
            reader: FrameReader::new(),
            buffer: vec![0; 16 * 1024],
        }
    }

    async fn next(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.reader.next().map_err(io::Error::other)? {
                return Ok(message);
            }
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.reader.push(&self.buffer[..length]),
            }
        }
    }
}

fn serve(from: Keeper, to: OwnedWriteHalf) -> ExecProcess {
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    let (typing, showing) = tokio::io::split(theirs);
    let (sizes, resized) = mpsc::unbounded_channel();
    let (tell, told) = oneshot::channel();
    let (typed, answers) = mpsc::unbounded_channel();
    let show = AbortOnDropHandle::new(tokio::spawn(show(from, showing, typed, tell)));
    let pass = AbortOnDropHandle::new(tokio::spawn(pass(typing, resized, answers, to)));
    ExecProcess {
        io: Box::new(ours),
        stderr: None,
        resize: Box::new(move |size| {
            // Once the program has ended, its size does not matter.
            let _ = sizes.send(size);
        }),
        exit: Box::pin(async move {
            let _tasks = (show, pass);
            let lost = || DriverError::unreachable("attach", "the way to it was given up");
            told.await.unwrap_or_else(|_| Err(lost()))
        }),
    }
}

/// From the keeper to whoever looks on.
async fn show(
    mut from: Keeper,
    mut to: WriteHalf<DuplexStream>,
    typed: mpsc::UnboundedSender<u64>,
    tell: oneshot::Sender<Result<ExitStatus, DriverError>>,
) {
    let exit = loop {
        let shown = match from.next().await {
            Ok(Message::Output {
                bytes: Bytes(bytes),
            }) => to.write_all(&bytes).await,
            Ok(Message::Skipped { bytes }) => {
                let note = format!("\r\n[{bytes} bytes are left out here]\r\n");
                to.write_all(note.as_bytes()).await
            }
            Ok(Message::Reply { id, .. }) => {
                // Nobody types any more.
                let _ = typed.send(id);
                Ok(())
            }
            Ok(Message::Ended { exit }) => break Ok(sentence::status(&exit, None)),
            Ok(Message::Hello(_) | Message::Events { .. }) => Ok(()),
            Err(error) => {
                let error = error.to_string();
                break Err(
                    DriverError::unreachable("attach", "the keeper was replaced")
                        .with_evidence(error),
                );
            }
        };
        if shown.is_err() {
            return;
        }
    };
    let _ = to.shutdown().await;
    let _ = tell.send(exit);
}

/// From whoever has joined to the keeper. What was typed is awaited before more of it is taken, so that
/// nobody is faster than the program that reads it.
async fn pass(
    mut from: ReadHalf<DuplexStream>,
    mut resized: mpsc::UnboundedReceiver<TerminalSize>,
    mut typed: mpsc::UnboundedReceiver<u64>,
    mut to: OwnedWriteHalf,
) {
    let mut last = JOIN;
    let mut waits = false;
    let mut ended = false;
    let mut buffer = [0; TYPED];
    loop {
        let frame = tokio::select! {
            size = resized.recv() => match size {
                Some(size) => RequestFrame { id: 0, request: Request::Resize { size: self::size(size) } },
                None => return,
            },
            Some(id) = typed.recv(), if waits => {
                waits = id != last;
                continue;
            }
            length = from.read(&mut buffer), if !waits && !ended => {
                let Ok(length @ 1..) = length else {
                    ended = true;
                    continue;
                };
                last += 1;
                waits = true;
                let bytes = Bytes(buffer[..length].to_vec());
                RequestFrame { id: last, request: Request::Input { bytes } }
            }
        };
        let mut bytes = Vec::new();
        if encode(&frame, &mut bytes).is_err() || to.write_all(&bytes).await.is_err() {
            // The other task hears of it too, and tells.
            return;
        }
    }
}

fn size(size: TerminalSize) -> Size {
    Size {
        rows: size.rows,
        columns: size.columns,
    }
}
