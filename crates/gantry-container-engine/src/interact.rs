//! Joining a container's terminal, and commands inside that someone watches.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{
    AttachContainerOptions, LogsOptions, ResizeContainerTTYOptions, WaitContainerOptions,
};
use futures::{Stream, StreamExt as _};
use gantry_core::ExitStatus;
use gantry_driver::{DriverError, ExecProcess, TerminalSize};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf,
};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::Engine;
use crate::exec::Guard;
use crate::state::{self, Run};
use crate::trouble;

/// How much is on its way to whoever looks on, and how much is typed at once.
const BUFFER: usize = 64 * 1024;
const TYPED: usize = 4096;

/// How long the end of a container is waited for after that of its output.
const ENDS: Duration = Duration::from_secs(5);

/// How long the last lines are waited for.
const LINES: Duration = Duration::from_secs(5);

/// A command to run in a container while someone watches.
#[derive(Debug)]
pub struct Watched {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables on top, as `NAME=value`.
    pub env: Vec<String>,
    /// A terminal of this size, or none.
    pub terminal: Option<TerminalSize>,
}

/// Joins the terminal of a container, which is one that has a terminal. So many `recent` lines come first.
///
/// They are asked for when it has been joined, and of the engine itself: our own log may be behind, and what
/// is printed in between comes twice rather than never.
pub async fn attach(
    engine: &Engine,
    id: &str,
    terminal: Option<TerminalSize>,
    recent: usize,
) -> Result<ExecProcess, DriverError> {
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        ..AttachContainerOptions::default()
    };
    let ended = tokio::spawn(end_of(engine.clone(), id.to_owned()));
    let attached = engine.api.attach_container(id, Some(options)).await;
    let attached = attached.map_err(|error| trouble::of("attach", &error))?;
    let recent = last_lines(engine, id, recent).await;
    let resize = {
        let (engine, id) = (engine.clone(), id.to_owned());
        resizer(move |size| {
            let (engine, id) = (engine.clone(), id.clone());
            async move {
                let options = ResizeContainerTTYOptions {
                    h: i32::from(size.rows),
                    w: i32::from(size.columns),
                };
                engine.api.resize_container_tty(&id, options).await
            }
        })
    };
    if let Some(size) = terminal {
        resize(size);
    }
    let (joined, over) = carry(attached.output, attached.input, recent, None, None);
    let exit = Box::pin(async move {
        let broke = over.await.ok().flatten();
        let away = |reason: String| DriverError::unreachable("attach", reason);
        match tokio::time::timeout(ENDS, ended).await {
            Ok(Ok(end)) => end,
            Ok(Err(error)) => Err(away(error.to_string())),
            Err(_) => Err(away(broke.unwrap_or_else(|| "the engine ended it".into()))),
        }
    });
    Ok(ExecProcess {
        io: Box::new(joined),
        stderr: None,
        resize,
        exit,
    })
}

/// The last lines that it printed, as far as the engine tells.
async fn last_lines(engine: &Engine, id: &str, count: usize) -> Vec<u8> {
    let mut lines = Vec::new();
    if count == 0 {
        return lines;
    }
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        tail: count.to_string(),
        ..LogsOptions::default()
    };
    let mut pieces = engine.api.logs(id, Some(options));
    let read = async {
        while let Some(Ok(piece)) = pieces.next().await {
            lines.extend_from_slice(&piece.into_bytes());
        }
    };
    // Without them one can still join.
    let _ = tokio::time::timeout(LINES, read).await;
    lines
}

/// Waits for the end of a container that runs.
async fn end_of(engine: Engine, id: String) -> Result<ExitStatus, DriverError> {
    let options = WaitContainerOptions {
        condition: "not-running".to_owned(),
    };
    let mut answers = engine.api.wait_container(&id, Some(options));
    let code = match answers.next().await {
        Some(Ok(answer)) => answer.status_code,
        // An exit code that is not 0 comes as an error.
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(error)) => return Err(trouble::of("attach", &error)),
        None => {
            return Err(DriverError::unreachable(
                "attach",
                "the engine ended its answer",
            ));
        }
    };
    // It may know more of it, if it is still there.
    match state::inspect(&engine, &id).await {
        Ok(Some(state::State {
            run: Run::Exited { exit, .. },
            ..
        })) => Ok(exit),
        _ => Ok(ExitStatus::Code(i32::try_from(code).unwrap_or(-1))),
    }
}

/// Runs a command in a container. It is killed when nobody looks on any more.
pub async fn exec(engine: &Engine, id: &str, watched: Watched) -> Result<ExecProcess, DriverError> {
    let failed = |error: &Error| trouble::of("exec", error);
    let tty = watched.terminal.is_some();
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(tty),
        env: Some(watched.env),
        cmd: Some(watched.command),
        ..ExecConfig::default()
    };
    let made = engine.api.create_exec(id, config).await;
    let made = made.map_err(|error| failed(&error))?.id;
    let options = StartExecOptions {
        detach: false,
        tty,
        output_capacity: None,
    };
    let guard = Guard::new(engine, id, &made);
    let started = engine.api.start_exec(&made, Some(options)).await;
    let started = started.map_err(|error| failed(&error))?;
    let StartExecResults::Attached { output, input } = started else {
        return Err(DriverError::permanent("exec", "its output was not given"));
    };
    let resize = {
        let (engine, made) = (engine.clone(), made.clone());
        resizer(move |size| {
            let (engine, made) = (engine.clone(), made.clone());
            async move {
                let options = ResizeExecOptions {
                    height: size.rows,
                    width: size.columns,
                };
                engine.api.resize_exec(&made, options).await
            }
        })
    };
    if let Some(size) = watched.terminal {
        resize(size);
    }
    let (near, far) = tokio::io::duplex(BUFFER);
    let errors = (!tty).then_some(near);
    let (joined, over) = carry(output, input, Vec::new(), errors, Some(guard));
    let engine = engine.clone();
    let exit = Box::pin(async move {
        if let Some(broke) = over.await.ok().flatten() {
            return Err(DriverError::unreachable("exec", broke));
        }
        let seen = engine.api.inspect_exec(&made).await;
        let code = seen.map_err(|error| trouble::of("exec", &error))?.exit_code;
        let code = code.and_then(|code| i32::try_from(code).ok());
        Ok(code.map_or_else(
            || ExitStatus::Unknown("the engine does not tell it".into()),
            ExitStatus::Code,
        ))
    });
    Ok(ExecProcess {
        io: Box::new(joined),
        stderr: (!tty).then(|| Box::new(far) as Box<dyn AsyncRead + Send + Unpin>),
        resize,
        exit,
    })
}

/// What tells another size: the newest counts, and an engine that does not take it is told the next one.
fn resizer<F>(
    tell: impl Fn(TerminalSize) -> F + Send + Sync + 'static,
) -> Box<dyn Fn(TerminalSize) + Send + Sync>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    Box::new(move |size| {
        let told = tell(size);
        tokio::spawn(async move {
            if let Err(error) = told.await {
                tracing::debug!(%error, "another size was not taken");
            }
        });
    })
}

/// What someone who joined reads and writes; whoever carries learns that it is dropped.
struct Io {
    // Dropped first: who carries must not take a stream that is gone for an end.
    _left: DropGuard,
    stream: DuplexStream,
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Carries both ways, until the engine ends it or nobody looks on, and drops the guard then. Gives what is joined, and
/// later why it broke, if it did.
fn carry(
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Send + Unpin + 'static,
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
    recent: Vec<u8>,
    mut errors: Option<DuplexStream>,
    mut guard: Option<Guard>,
) -> (Io, oneshot::Receiver<Option<String>>) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let gone = CancellationToken::new();
    let io = Io {
        stream: far,
        _left: gone.clone().drop_guard(),
    };
    let (tell, over) = oneshot::channel();
    tokio::spawn(async move {
        let (mut typed, mut shown) = tokio::io::split(near);
        let show = async {
            let first = shown.write_all(&recent).await;
            let mut broke = None;
            while first.is_ok() {
                let written = match output.next().await {
                    Some(Ok(LogOutput::StdErr { message })) if errors.is_some() => {
                        match &mut errors {
                            Some(errors) => errors.write_all(&message).await,
                            None => Ok(()),
                        }
                    }
                    Some(Ok(piece)) => shown.write_all(&piece.into_bytes()).await,
                    Some(Err(error)) => {
                        broke = Some(error.to_string());
                        break;
                    }
                    None => break,
                };
                if written.is_err() {
                    break;
                }
            }
            let _ = shown.shutdown().await;
            errors = None;
            broke
        };
        let hear = async {
            let mut piece = [0; TYPED];
            while let Ok(length @ 1..) = typed.read(&mut piece).await {
                let heard = input.write_all(&piece[..length]).await;
                if heard.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            let _ = input.shutdown().await;
            // Nothing more is typed; what is shown goes on.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = gone.cancelled() => {}
            broke = show => {
                if let Some(guard) = guard.as_mut().filter(|_| broke.is_none()) {
                    guard.is_over();
                }
                // Nobody may be left who wants to know.
                let _ = tell.send(broke);
            }
            () = hear => {}
        }
    });
    (io, over)
}
