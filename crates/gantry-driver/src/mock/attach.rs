//! Joining the mock's instances: what they print is shown, and they answer lines.

use std::sync::Arc;

use futures::{FutureExt as _, StreamExt as _};
use gantry_core::{ExitStatus, Generation};
use smol_str::SmolStr;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::oneshot;

use super::backend::{Key, Life};
use super::{Shared, output};
use crate::{AttachRequest, DriverError, ExecProcess, LogFrom, LogRequest, OutputStream};

/// How many lines whoever joins sees at first.
const RECENT: usize = 20;

/// How much is on its way at most.
const BUFFER: usize = 64 * 1024;

pub(super) fn join(
    shared: &Arc<Shared>,
    stack: &SmolStr,
    request: AttachRequest,
) -> Result<ExecProcess, DriverError> {
    let key: Key = (stack.clone(), request.instance.clone());
    let refused = |reason: &str| Err(DriverError::permanent("attach", reason));
    {
        let backend = shared.lock();
        let thing = backend.things.get(&key).filter(|thing| {
            thing.generation == request.generation && matches!(thing.life, Life::Running { .. })
        });
        match thing {
            None => return refused("it does not run"),
            Some(thing) if !thing.spec.answers => {
                return refused("it cannot be joined: give it `answers`");
            }
            Some(_) => {}
        }
    }
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    let (tell, told) = oneshot::channel();
    let tail = if request.recent { RECENT } else { 0 };
    let log = LogRequest {
        instance: request.instance,
        child: None,
        from: LogFrom::Tail(tail),
        follow: true,
    };
    let log = output::read(shared, stack, &log);
    let joined = Joined {
        shared: Arc::clone(shared),
        key,
        generation: request.generation,
    };
    tokio::spawn(joined.serve(theirs, log, tell));
    Ok(ExecProcess {
        io: Box::new(ours),
        stderr: None,
        resize: Box::new(|_| ()),
        exit: Box::pin(async move {
            told.await
                .unwrap_or_else(|_| Err(DriverError::unreachable("attach", "it was left")))
        }),
    })
}

struct Joined {
    shared: Arc<Shared>,
    key: Key,
    generation: Generation,
}

impl Joined {
    async fn serve(
        self,
        theirs: DuplexStream,
        mut log: crate::LogStream,
        tell: oneshot::Sender<Result<ExitStatus, DriverError>>,
    ) {
        let (input, mut output) = tokio::io::split(theirs);
        let mut lines = BufReader::new(input).lines();
        let mut printed = self.shared.lock().printed.subscribe();
        let mut hears = true;
        let exit = loop {
            if let Some(exit) = self.exit() {
                break exit;
            }
            tokio::select! {
                Some(Ok(record)) = log.next() => {
                    let line = format!("{}\r\n", record.text);
                    if output.write_all(line.as_bytes()).await.is_err() {
                        return;
                    }
                }
                line = lines.next_line(), if hears => match line {
                    Ok(Some(line)) => self.answer(line.trim_end_matches('\r')),
                    _ => hears = false,
                },
                // Its end is told in the same way.
                Ok(()) = printed.changed() => {}
            }
        };
        while let Some(Some(Ok(record))) = log.next().now_or_never() {
            let line = format!("{}\r\n", record.text);
            if output.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
        let _ = output.shutdown().await;
        let _ = tell.send(Ok(exit));
    }

    /// How it ended, if it has.
    fn exit(&self) -> Option<ExitStatus> {
        let backend = self.shared.lock();
        let gone = || ExitStatus::Unknown("it is gone".into());
        match backend.things.get(&self.key) {
            Some(thing) if thing.generation == self.generation => match &thing.life {
                Life::Ended { exit, .. } => Some(exit.clone()),
                _ => None,
            },
            _ => Some(gone()),
        }
    }

    fn answer(&self, line: &str) {
        let mut backend = self.shared.lock();
        let answer = format!("got {line}");
        backend.print(&self.key, OutputStream::Stdout, &answer);
        if line == "end" {
            self.shared
                .end(&mut backend, &self.key, ExitStatus::Code(7));
        }
    }
}
