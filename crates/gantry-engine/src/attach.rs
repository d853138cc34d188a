//! Joining an instance, or a command in it: from the request to the session that knows the way, and back.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use gantry_api::{
    ATTACH, AttachFrame, AttachFrames, AttachOrder, AttachQuery, Attached, ErrorBody, ErrorCode,
    ExecCommand,
};
use gantry_core::{FailureKind, Generation, InstanceId, InstanceView};
use gantry_driver::{
    AttachRequest, ChildName, DialRequest, DriverError, Duplex, ExecProcess, ExecRequest, Power,
    Session, TerminalSize,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};

use crate::dispatcher::Dispatcher;
use crate::effects::reload::is_up;
use crate::explain::no_service;
use crate::plan_view::invalid;
use crate::wire;

/// How much is passed on at once.
const PIECE: usize = 16 * 1024;

/// What someone wants of an instance.
pub(crate) enum Purpose {
    /// To join it.
    Attach(AttachQuery),
    /// To run a command in it, and to join that.
    Exec(ExecCommand, Option<TerminalSize>),
    /// To connect to a port of it, or of this part of it.
    Dial(Option<ChildName>, String),
}

impl Purpose {
    fn power(&self) -> Power {
        match self {
            Self::Attach(_) => Power::Attach,
            Self::Exec(..) => Power::Exec,
            Self::Dial(..) => Power::Dial,
        }
    }

    /// What cannot be done if it cannot be done.
    fn refusal(&self, name: &str) -> String {
        match self {
            Self::Attach(_) => format!("{name} cannot be joined"),
            Self::Exec(..) => format!("no command can be run in {name}"),
            Self::Dial(..) => format!("{name} cannot be connected to"),
        }
    }
}

/// An instance that can be joined.
pub(crate) struct Seat {
    session: Arc<dyn Session>,
    pub(crate) instance: InstanceId,
    pub(crate) generation: Generation,
    pub(crate) purpose: Purpose,
}

impl Dispatcher {
    /// Find the instance that is meant.
    pub(crate) fn seat(
        &self,
        service: &str,
        instance: Option<u32>,
        purpose: Purpose,
    ) -> Result<Seat, ErrorBody> {
        let key = self.world.key(service).ok_or_else(|| no_service(service))?;
        let view = self.world.service(key);
        let running: Vec<InstanceView> = view
            .into_iter()
            .flat_map(|view| view.instances)
            .filter(is_up)
            .collect();
        let refused = |message: String, hint: Option<String>| ErrorBody {
            code: ErrorCode::Conflict,
            message,
            hint,
        };
        let numbers: Vec<(u32, &InstanceView)> = running
            .iter()
            .filter_map(|view| Some((self.world.instance_id(view.key)?.number(), view)))
            .collect();
        let names = |numbers: &[(u32, &InstanceView)]| {
            let names = numbers
                .iter()
                .map(|(number, _)| format!("{service}/{number}"));
            names.collect::<Vec<_>>().join(", ")
        };
        let found = match (instance, numbers.as_slice()) {
            (_, []) => {
                let hint = format!("`gantry start {service}` starts it");
                return Err(refused(
                    format!("service {service} does not run"),
                    Some(hint),
                ));
            }
            (Some(wanted), all) => {
                let found = all.iter().find(|(number, _)| *number == wanted);
                found.map(|(_, view)| *view).ok_or_else(|| {
                    let message = format!("there is no instance {service}/{wanted} that runs");
                    refused(message, Some(format!("these run: {}", names(all))))
                })?
            }
            (None, [(_, view)]) => *view,
            (None, all) => {
                let message = format!("service {service} runs in {} instances", all.len());
                return Err(refused(message, Some(format!("name one: {}", names(all)))));
            }
        };
        let not_now = |why: &str| {
            let refusal = purpose.refusal(&format!("service {service}"));
            refused(format!("{refusal}: {why}"), None)
        };
        let instance = self.world.instance_id(found.key);
        let instance = instance.ok_or_else(|| not_now("it is not known any more"))?;
        let target = self.target_of(key).map_err(|why| not_now(&why))?;
        let driver = self.sessions.drivers.of(&target.mode);
        if !driver.is_some_and(|driver| driver.capabilities().powers.contains(&purpose.power())) {
            return Err(not_now(&format!(
                "its mode {} has no way to do that",
                target.mode
            )));
        }
        let session = self.sessions.get(&target).cloned();
        Ok(Seat {
            session: session.ok_or_else(|| not_now("its backend is away"))?,
            instance,
            generation: found.generation,
            purpose,
        })
    }
}

/// The size of a terminal, if all of it is known.
pub(crate) fn terminal(rows: Option<u16>, columns: Option<u16>) -> Option<TerminalSize> {
    let (rows, columns) = rows.zip(columns)?;
    Some(TerminalSize { rows, columns })
}

/// Whether the client asks for what comes after the answer.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ErrorBody> {
    let wanted = headers.get(header::UPGRADE);
    if wanted.is_some_and(|wanted| wanted.as_bytes() == ATTACH.as_bytes()) {
        Ok(())
    } else {
        Err(invalid(format!("this path wants `Upgrade: {ATTACH}`")))
    }
}

impl Seat {
    /// Join, and go on with what the connection becomes.
    pub(crate) async fn take(self, upgrade: OnUpgrade) -> Result<Response, ErrorBody> {
        let instance = self.instance.to_string();
        let refusal = self.purpose.refusal(&instance);
        let refused = |error: DriverError| ErrorBody {
            code: match error.kind {
                FailureKind::Unreachable | FailureKind::Transient => ErrorCode::Leaving,
                _ => ErrorCode::Conflict,
            },
            message: format!("{refusal}: {error}"),
            hint: None,
        };
        if let Purpose::Dial(child, port) = self.purpose {
            let request = DialRequest {
                instance: self.instance,
                child,
                port,
            };
            let dialled = dial(&*self.session, request).await.map_err(refused)?;
            tokio::spawn(async move {
                if let Ok(client) = upgrade.await {
                    let (mut client, mut far) = (TokioIo::new(client), dialled);
                    // However it ends, both are closed.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut far).await;
                }
            });
            return Ok(switching());
        }
        let joined = self.join().await.map_err(refused)?;
        tokio::spawn(async move {
            match upgrade.await {
                Ok(client) => carry(client, instance, joined).await,
                Err(error) => tracing::debug!(%error, "who wanted to join an instance is gone"),
            }
        });
        Ok(switching())
    }
}

fn switching() -> Response {
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, ATTACH)];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn dial(session: &dyn Session, request: DialRequest) -> Result<Box<dyn Duplex>, DriverError> {
    match session.as_dial() {
        Some(dial) => dial.dial(request).await,
        None => Err(no_way()),
    }
}

fn no_way() -> DriverError {
    DriverError::permanent("attach", "its backend has no way to do that")
}

impl Seat {
    async fn join(self) -> Result<ExecProcess, DriverError> {
        let Self {
            session,
            instance,
            generation,
            purpose,
        } = self;
        match purpose {
            Purpose::Attach(query) => {
                let request = AttachRequest {
                    instance,
                    generation,
                    child: None,
                    terminal: terminal(query.rows, query.columns),
                    recent: query.recent,
                };
                let attach = session.as_attach().ok_or_else(no_way)?;
                attach.attach(request).await
            }
            Purpose::Exec(command, terminal) => {
                let request = ExecRequest {
                    instance,
                    generation,
                    child: None,
                    command: command.words,
                    env: command.env,
                    terminal,
                };
                let exec = session.as_exec().ok_or_else(no_way)?;
                exec.exec(request).await
            }
            Purpose::Dial(..) => Err(no_way()),
        }
    }
}

/// Both ways, until the instance ends or the client leaves.
async fn carry(client: Upgraded, instance: String, joined: ExecProcess) {
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (output, input) = tokio::io::split(joined.io);
    let mut to_client = ToClient(to_client);
    let shown = async {
        let terminal = joined.stderr.is_none();
        to_client
            .tell(Attached::Begun { instance, terminal })
            .await?;
        let errors = joined
            .stderr
            .map(|errors| (errors, Vec::with_capacity(PIECE)));
        to_client.show(output, errors).await?;
        let last = match joined.exit.await {
            Ok(exit) => Attached::Ended {
                message: exit.sentence().to_string(),
                exit: wire::exit(&exit),
            },
            Err(error) => Attached::Lost {
                message: error.reason,
            },
        };
        to_client.tell(last).await?;
        to_client.0.shutdown().await
    };
    tokio::select! {
        // A client that does not take what it is told is gone.
        _ = shown => {}
        () = listen(from_client, input, joined.resize) => {}
    }
}

struct ToClient(WriteHalf<TokioIo<Upgraded>>);

impl ToClient {
    async fn send(&mut self, frame: &AttachFrame<Attached>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.0.write_all(&bytes).await
    }

    async fn tell(&mut self, record: Attached) -> std::io::Result<()> {
        self.send(&AttachFrame::Record(record)).await
    }

    /// All that is printed, to its end.
    async fn show(
        &mut self,
        mut output: impl AsyncRead + Unpin,
        mut errors: Option<Errors>,
    ) -> std::io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        let mut goes_on = true;
        while goes_on || errors.is_some() {
            tokio::select! {
                read = output.read_buf(&mut piece), if goes_on => {
                    goes_on = matches!(read, Ok(1..));
                    let bytes = std::mem::replace(&mut piece, Vec::with_capacity(PIECE));
                    self.send(&AttachFrame::Bytes(bytes.into())).await?;
                }
                read = read_errors(&mut errors), if errors.is_some() => {
                    match read {
                        Some(bytes) => self.send(&AttachFrame::Errors(bytes.into())).await?,
                        None => errors = None,
                    }
                }
            }
        }
        Ok(())
    }
}

/// How long the way stays open behind a client that has left.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What is printed as errors, where that is apart, and what of it was read.
type Errors = (Box<dyn AsyncRead + Send + Unpin>, Vec<u8>);

/// More of it; none at its end.
async fn read_errors(errors: &mut Option<Errors>) -> Option<Vec<u8>> {
    let (stream, piece) = errors.as_mut()?;
    match stream.read_buf(piece).await {
        Ok(1..) => Some(std::mem::replace(piece, Vec::with_capacity(PIECE))),
        Ok(0) | Err(_) => None,
    }
}

/// What the client types and says, until it leaves.
async fn listen(
    mut client: ReadHalf<TokioIo<Upgraded>>,
    mut input: impl AsyncWrite + Unpin,
    resize: Box<dyn Fn(TerminalSize) + Send + Sync>,
) {
    let mut frames = AttachFrames::default();
    loop {
        match frames.cut() {
            Ok(Some(AttachFrame::Bytes(bytes))) => {
                // One that hears nothing any more may still be looked at.
                let _ = input.write_all(&bytes).await;
            }
            Ok(Some(AttachFrame::Record(AttachOrder::Resize { rows, columns }))) => {
                resize(TerminalSize { rows, columns });
            }
            Ok(Some(AttachFrame::Record(AttachOrder::End))) => {
                let _ = input.shutdown().await;
            }
            Ok(Some(AttachFrame::Record(AttachOrder::Unknown) | AttachFrame::Errors(_))) => {}
            Ok(None) => {
                let read = client.read_buf(&mut frames.buffer).await;
                if !matches!(read, Ok(1..)) {
                    // What was typed last may still be on its way to where the driver hands it on.
                    tokio::time::sleep(LAST_WORDS).await;
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "who joined an instance is not understood");
                return;
            }
        }
    }
}
