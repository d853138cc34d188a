//! `gantry attach` and `gantry exec`.

mod keys;
mod modes;
mod raw;

use std::io::{self, IsTerminal as _, Read as _};
use std::time::Duration;

use gantry_api::client::{AttachReader, AttachWriter, Client, ClientError};
use gantry_api::{AttachFrame, AttachOrder, AttachQuery, Attached, ExecCommand, ExecQuery, Exit};
use rustix::process::Signal as Kill;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use self::keys::DetachKeys;
use self::keys::Watch;
use self::modes::Modes;
use self::raw::{Raw, size};
use crate::cli::{AttachArgs, ExecArgs, Seat};
use crate::context::Context;
use crate::error::Error;
use crate::output::Output;
use crate::runtime::block_on;
use crate::stack_file::full_name;

/// How much is read of what is typed at once.
const TYPED: usize = 4096;

/// How many pieces of it wait for a service that does not read.
const WAITING: usize = 64;

/// How long it is tried to come back when the way to the service broke.
const COMING_BACK: Duration = Duration::from_secs(10);

/// How long until it is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// How long what was typed last may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The size of a terminal that does not tell it.
const USUAL: (u16, u16) = (24, 80);

/// The signal that asks a program to stop until it is continued.
const STOP: i32 = 20;

/// Join a service, until it ends or the user leaves. Gives the exit code.
pub(crate) fn run(context: &Context<'_>, args: &AttachArgs) -> Result<u8, Error> {
    let purpose = Purpose::Attach {
        looks_on: args.no_stdin,
    };
    let keys = Watch::new(args.detach_keys.clone());
    visit(context, &args.seat, purpose, keys, |name, left| {
        let notes = &context.output.notes;
        match left {
            Left::ByKeys => {
                notes.line(format!("left {name}; it goes on"));
                0
            }
            Left::Ended { exit, message } => {
                notes.line(format!("{name} {message}"));
                u8::from(exit != Exit::Code(0))
            }
            Left::Unseen => 0,
        }
    })
}

/// Run a command in a service's container, until it ends. Gives its exit code.
pub(crate) fn exec(context: &Context<'_>, args: &ExecArgs) -> Result<u8, Error> {
    let command = ExecCommand {
        words: args.command.clone(),
        env: args.env.clone(),
    };
    let both = io::stdin().is_terminal() && io::stdout().is_terminal();
    let purpose = Purpose::Exec {
        command: serde_json::to_string(&command).unwrap_or_default(),
        terminal: both && !args.no_tty,
    };
    visit(context, &args.seat, purpose, Watch::none(), |name, left| {
        let notes = &context.output.notes;
        match left {
            Left::Ended {
                exit: Exit::Code(code),
                ..
            } => u8::try_from(code).unwrap_or(1),
            Left::Ended {
                exit: Exit::Signal(signal),
                ..
            } => u8::try_from(128 + signal).unwrap_or(1),
            Left::Ended { message, .. } => {
                notes.line(format!("the command in {name} {message}"));
                1
            }
            Left::ByKeys | Left::Unseen => 0,
        }
    })
}

/// Visit an instance, and tell how that ended.
fn visit(
    context: &Context<'_>,
    seat: &Seat,
    purpose: Purpose,
    keys: Watch,
    tell: impl FnOnce(&str, Left) -> u8,
) -> Result<u8, Error> {
    let client = context.client_of_running()?;
    block_on(async {
        let status = client.status().await?;
        let known: Vec<&str> = status
            .services
            .iter()
            .map(|service| &*service.name)
            .collect();
        let mut seat = seat.clone().among(&known);
        seat.service = full_name(&seat.service, &known, &status.stack)?;
        let mut visit = Visit::new(context.output, &client, purpose, keys, seat)?;
        let left = visit.stay().await;
        let name = visit.name.clone();
        drop(visit);
        Ok(tell(&name, left?))
    })
}

/// What someone comes for.
enum Purpose {
    /// To join the instance itself; some only look on.
    Attach { looks_on: bool },
    /// To run a command in it, with or without a terminal.
    Exec { command: String, terminal: bool },
}

impl Purpose {
    /// Whether the user's keys and the size of the user's terminal are for it.
    fn has_terminal(&self) -> bool {
        match self {
            Self::Attach { looks_on } => !looks_on,
            Self::Exec { terminal, .. } => *terminal,
        }
    }

    fn hears(&self) -> bool {
        !matches!(self, Self::Attach { looks_on: true })
    }
}

/// How a visit ends.
enum Left {
    /// The user typed the keys for it.
    ByKeys,
    /// The service ended.
    Ended { exit: Exit, message: String },
    /// Nobody reads any more what it prints.
    Unseen,
}

/// How one connection ends.
enum Over {
    Left(Left),
    /// It broke for this reason.
    Broke(String),
}

struct Visit<'a> {
    out: &'a Output,
    client: &'a Client,
    purpose: Purpose,
    seat: Seat,
    /// Which instance it is, once that is known.
    name: String,
    raw: Option<Raw>,
    modes: Modes,
    keys: Watch,
    typed: Option<mpsc::Receiver<Vec<u8>>>,
    /// Whether what is printed last ended a line.
    line_ended: bool,
    ends: Ends,
    resized: Signal,
    stops: Signal,
}

impl<'a> Visit<'a> {
    fn new(
        out: &'a Output,
        client: &'a Client,
        purpose: Purpose,
        keys: Watch,
        seat: Seat,
    ) -> Result<Self, Error> {
        let failed = |source| Error::io("listen to signals", source);
        Ok(Self {
            out,
            client,
            purpose,
            name: seat.service.clone(),
            seat,
            raw: None,
            modes: Modes::default(),
            keys,
            typed: None,
            line_ended: true,
            ends: Ends::new().map_err(failed)?,
            resized: signal(SignalKind::window_change()).map_err(failed)?,
            stops: signal(SignalKind::from_raw(STOP)).map_err(failed)?,
        })
    }

    async fn join(&self, recent: bool) -> Result<(AttachReader, AttachWriter), ClientError> {
        let size = self.size();
        let (rows, columns) = (size.map(|(rows, _)| rows), size.map(|(_, columns)| columns));
        let (service, instance) = (&self.seat.service, self.seat.instance);
        match &self.purpose {
            Purpose::Attach { .. } => {
                let query = AttachQuery {
                    instance,
                    rows,
                    columns,
                    recent,
                };
                self.client.attach(service, &query).await
            }
            Purpose::Exec { command, .. } => {
                let query = ExecQuery {
                    instance,
                    command: command.clone(),
                    rows,
                    columns,
                };
                self.client.exec(service, &query).await
            }
        }
    }

    /// The size of the user's terminal. Who only looks on fits into whatever size there is.
    fn size(&self) -> Option<(u16, u16)> {
        let known = size().filter(|_| self.purpose.has_terminal());
        match self.purpose {
            // A command has a terminal if it has a size.
            Purpose::Exec { terminal: true, .. } => known.or(Some(USUAL)),
            _ => known,
        }
    }

    /// Stay, over as many connections as it takes.
    async fn stay(&mut self) -> Result<Left, Error> {
        let (mut reader, mut writer) = self.join(true).await?;
        if self.purpose.has_terminal() {
            let entered = Raw::enter();
            self.raw = entered.map_err(|source| Error::io("change the terminal", source))?;
        }
        if self.purpose.hears() {
            self.typed = Some(read_input());
        }
        loop {
            match self.sit(reader, writer).await? {
                Over::Left(left) => return Ok(left),
                Over::Broke(reason) if matches!(self.purpose, Purpose::Exec { .. }) => {
                    let name = self.name.clone();
                    return Err(Error::CommandLost { name, reason });
                }
                Over::Broke(reason) => self.note(&format!("{reason}: joining {} again", self.name)),
            }
            match self.come_back().await? {
                Ok(joined) => (reader, writer) = joined,
                Err(left) => return Ok(left),
            }
            self.note("joined again; what was printed meanwhile is in its logs");
        }
    }

    /// Join again, unless the user leaves meanwhile.
    async fn come_back(&mut self) -> Result<Result<(AttachReader, AttachWriter), Left>, Error> {
        let deadline = Instant::now() + COMING_BACK;
        loop {
            let error = match self.join(false).await {
                Ok(joined) => return Ok(Ok(joined)),
                Err(error) => error,
            };
            let gone = matches!(error, ClientError::NoSupervisor { .. });
            if gone || Instant::now() > deadline {
                return Err(error.into());
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.ends.any() => return Err(Error::Interrupted),
                Some(typed) = next_typed(&mut self.typed, None) => {
                    // What is typed to nobody is lost, but whoever wants to leave can.
                    if typed.is_some_and(|typed| self.keys.pass(&typed).1) {
                        return Ok(Err(Left::ByKeys));
                    }
                }
            }
        }
    }

    /// One connection, to its end.
    async fn sit(&mut self, mut reader: AttachReader, writer: AttachWriter) -> Result<Over, Error> {
        let (queue, waiting) = mpsc::channel(WAITING);
        // Apart from what is shown: a service that does not read must not keep it from being shown.
        let sending = tokio::spawn(write(writer, waiting));
        loop {
            let before = self.raw.is_none().then_some(&queue);
            tokio::select! {
                frame = reader.next() => match frame {
                    Ok(AttachFrame::Bytes(bytes)) => {
                        self.print(&bytes);
                        if self.out.is_closed() {
                            return Ok(Over::Left(Left::Unseen));
                        }
                    }
                    Ok(AttachFrame::Errors(bytes)) => self.out.notes.bytes(&bytes),
                    Ok(AttachFrame::Record(Attached::Begun { instance, terminal })) => {
                        self.name = instance;
                        if !terminal {
                            // It reads lines, which the user's own terminal makes.
                            self.raw = None;
                        }
                    }
                    Ok(AttachFrame::Record(Attached::Ended { exit, message })) => {
                        return Ok(Over::Left(Left::Ended { exit, message }));
                    }
                    Ok(AttachFrame::Record(Attached::Lost { message })) => {
                        return Ok(Over::Broke(message));
                    }
                    Ok(AttachFrame::Record(Attached::Unknown)) => {}
                    Err(ClientError::BrokenOff { .. }) => {
                        return Ok(Over::Broke("the supervisor was replaced".into()));
                    }
                    Err(error) => return Err(error.into()),
                },
                Some(typed) = next_typed(&mut self.typed, before) => {
                    if let Some(typed) = typed {
                        let (passed, leaves) = self.keys.pass(&typed);
                        if !passed.is_empty()
                            && let Err(mpsc::error::TrySendError::Full(_)) =
                                queue.try_send(AttachFrame::Bytes(passed.into()))
                        {
                            // As a terminal does when nobody reads what is typed.
                            self.out.results.bytes(b"\x07");
                        }
                        if leaves {
                            // What was typed before is for the service.
                            drop(queue);
                            let _ = tokio::time::timeout(LAST_WORDS, sending).await;
                            return Ok(Over::Left(Left::ByKeys));
                        }
                        continue;
                    }
                    self.typed = None;
                    // Who attaches may still look on.
                    if matches!(self.purpose, Purpose::Exec { .. }) {
                        let _ = queue.send(AttachFrame::Record(AttachOrder::End)).await;
                    }
                }
                () = self.ends.any() => return Err(Error::Interrupted),
                _ = self.resized.recv() => self.resize(&queue),
                _ = self.stops.recv() => {
                    self.pause()?;
                    self.resize(&queue);
                }
            }
        }
    }

    fn print(&mut self, bytes: &[u8]) {
        self.out.results.bytes(bytes);
        self.modes.follow(bytes);
        if let Some(last) = bytes.last() {
            self.line_ended = *last == b'\n';
        }
    }

    fn resize(&self, queue: &mpsc::Sender<AttachFrame<AttachOrder>>) {
        if let Some((rows, columns)) = self.size() {
            // The next size comes if this one has no room.
            let _ = queue.try_send(AttachFrame::Record(AttachOrder::Resize { rows, columns }));
        }
    }

    /// Stop, as the user's shell has asked, with the terminal as it was.
    fn pause(&self) -> Result<(), Error> {
        let failed = |source: io::Error| Error::io("stop until it is continued", source);
        if let Some(raw) = &self.raw {
            raw.leave();
        }
        rustix::process::kill_process(rustix::process::getpid(), Kill::STOP)
            .map_err(|errno| failed(errno.into()))?;
        match &self.raw {
            Some(raw) => raw.again().map_err(failed),
            None => Ok(()),
        }
    }

    /// Say something in the middle of what the service prints.
    fn note(&mut self, text: &str) {
        let end = if self.raw.is_some() { "\r\n" } else { "\n" };
        let before = if self.line_ended { "" } else { end };
        self.line_ended = true;
        let note = format!("{before}[gantry] {text}{end}");
        self.out.notes.bytes(note.as_bytes());
    }
}

/// Whatever ends it gives the terminal back as it was.
impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.out.results.terminal {
            self.out.results.bytes(self.modes.undone().as_bytes());
        }
        self.raw = None;
        if self.out.results.terminal && !self.line_ended {
            self.out.results.bytes(b"\n");
        }
    }
}

/// What is typed next: none at its end, and never if nothing is read at all. With a queue it waits until
/// that has room.
async fn next_typed(
    typed: &mut Option<mpsc::Receiver<Vec<u8>>>,
    queue: Option<&mpsc::Sender<AttachFrame<AttachOrder>>>,
) -> Option<Option<Vec<u8>>> {
    let typed = typed.as_mut()?;
    if let Some(queue) = queue {
        // Whoever took from it is gone with the connection, which is seen elsewhere.
        let _ = queue.reserve().await;
    }
    Some(typed.recv().await)
}

/// Read standard input in a thread of its own, which ends with the process: a read cannot be taken back.
fn read_input() -> mpsc::Receiver<Vec<u8>> {
    let (send, typed) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut buffer = [0; TYPED];
        loop {
            match io::stdin().lock().read(&mut buffer) {
                Ok(length @ 1..) => {
                    if send.blocking_send(buffer[..length].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    });
    typed
}

async fn write(mut writer: AttachWriter, mut waiting: mpsc::Receiver<AttachFrame<AttachOrder>>) {
    while let Some(frame) = waiting.recv().await {
        if writer.send(&frame).await.is_err() {
            // Whoever reads sees it too.
            return;
        }
    }
}

/// The signals that ask for the end.
struct Ends([Signal; 4]);

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::quit())?,
        ]))
    }

    /// One of them.
    async fn any(&mut self) {
        let ends = self.0.each_mut();
        let ends = ends.map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(ends).await;
    }
}
