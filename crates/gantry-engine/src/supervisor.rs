//! One supervisor: from its lock to its end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_api::home::{GantryHome, SocketPath, StackDir, SupervisorFile};
use gantry_api::{EventKind, Health, Supervisor};
use gantry_core::ModeName;
use gantry_driver::{Driver, SpecKey};
use jiff::Timestamp;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::dispatcher::{Dispatcher, End, Parts};
use crate::event_log::EventLog;
use crate::identity::{Identity, name_of};
use crate::inbox::Incoming;
use crate::journal::Journal;
use crate::lock::{LockError, StackLock};
use crate::port_book::PortBook;
use crate::ports::PortLedger;
use crate::saved;
use crate::serve::{Door, router};
use crate::sessions::{Drivers, Sessions};

/// How long clients have to read the end of their streams.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a supervisor is run with.
pub struct SupervisorConfig {
    /// The folder of all stacks of the user.
    pub home: GantryHome,
    /// The folder of the stack.
    pub dir: StackDir,
    /// The drivers that are built in.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// The mode whose session runs commands on this machine for everyone else, if there is one.
    pub host_mode: Option<ModeName>,
    /// The environment that services begin with.
    pub environment: BTreeMap<String, String>,
    /// The version of gantry.
    pub version: String,
    /// What is done when there is nothing to do after much was done; for example, to give memory back.
    pub give_back: fn(),
}

/// Failed to run a supervisor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// The stack is kept by another one.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no runtime, no socket, no signal handler.
    #[error("failed to {what}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// How a supervisor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The stack is down.
    Down,
    /// It cannot go on; what runs stays.
    Left,
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> SupervisorError {
    let what = what.into();
    move |source| SupervisorError::System { what, source }
}

/// Keep a stack until it is down. Blocks, with a runtime of its own on this thread.
pub fn run(config: SupervisorConfig) -> Result<Ended, SupervisorError> {
    let dir = config.dir.clone();
    dir.create()
        .map_err(failed(format!("make the folder {}", dir.path())))?;
    let _lock = StackLock::take(&dir.lock())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start the runtime"))?;
    let ended = runtime.block_on(keep(config))?;
    // Threads that look at files for probes are not waited for.
    runtime.shutdown_background();
    Ok(ended)
}

async fn keep(config: SupervisorConfig) -> Result<Ended, SupervisorError> {
    let dir = config.dir.clone();
    let (saved, lost_plan) = saved::read(&dir.plan());
    let supervisor = Supervisor {
        pid: std::process::id(),
        version: config.version,
        since: Timestamp::now(),
    };
    let fresh_key = random_key().map_err(failed("read random bytes"))?;
    let identity = Identity {
        name: saved
            .as_ref()
            .map_or_else(|| name_of(&dir), |plan| plan.stack.clone()),
        file: saved
            .as_ref()
            .map(|plan| plan.file.clone())
            .unwrap_or_default(),
        folder: saved
            .as_ref()
            .map(|plan| plan.folder.clone())
            .unwrap_or_default(),
        key: saved.as_ref().map_or(fresh_key, |plan| plan.key.clone()),
        foreground: saved.as_ref().is_some_and(|plan| plan.foreground),
        supervisor: supervisor.clone(),
        dir: dir.clone(),
    };
    let health = Health {
        version: gantry_api::VERSION,
        stack: identity.name.clone(),
        supervisor,
    };
    let (outbox, inbox) = mpsc::unbounded_channel();
    let (journal, lost_starts) = Journal::open(&dir.path().join("starts"));
    let mut dispatcher = Dispatcher::new(Parts {
        sessions: Sessions::new(
            Drivers::new(config.drivers),
            identity.for_drivers(),
            Arc::new(config.environment),
            config.host_mode,
            outbox.clone(),
        ),
        ports: PortBook::new(PortLedger::new(config.home.ports(), dir.path())),
        events: EventLog::open(&dir.path().join("events.log")),
        journal,
        identity,
        give_back: config.give_back,
        inbox,
        outbox: outbox.clone(),
    });
    let begun = dispatcher.event(EventKind::SupervisorBegun, String::new());
    dispatcher.events.append(begun);
    for message in lost_plan.into_iter().chain(lost_starts) {
        tracing::error!("{message}");
        dispatcher.note(None, message);
    }
    watch_signals(&outbox)?;
    dispatcher.open_host().await;
    match saved {
        Some(plan) => dispatcher.restore(plan).await,
        None => dispatcher.look_for_strays().await,
    }
    let listener = listen(&dir)?;
    dispatcher.introduce();
    let (stop, stopped) = oneshot::channel::<()>();
    let door = Door {
        dispatcher: outbox,
        health,
    };
    let server = axum::serve(listener, router(door)).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let mut server = tokio::spawn(server.into_future());
    let end = dispatcher.run().await;
    dispatcher.events.flush();
    // The socket is gone before the streams end: whoever connects now is told that nobody is here.
    let _ = fs::remove_file(dir.supervisor_socket());
    if end == End::Down {
        let _ = fs::remove_file(dir.supervisor_file());
    }
    drop(dispatcher);
    let _ = stop.send(());
    let _ = tokio::time::timeout(FAREWELL, &mut server).await;
    server.abort();
    Ok(match end {
        End::Down => Ended::Down,
        End::Leave => Ended::Left,
    })
}

fn listen(dir: &StackDir) -> Result<UnixListener, SupervisorError> {
    let socket = dir.supervisor_socket();
    let what = || format!("listen at {socket}");
    // We hold the lock: whoever listened there is dead.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed(what())(error));
        }
        _ => {}
    }
    let way = SocketPath::of(&socket).map_err(failed(what()))?;
    let listener = UnixListener::bind(way.path()).map_err(failed(what()))?;
    // The folder is this user's alone, so nobody could have come in before this.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).map_err(failed(what()))?;
    Ok(listener)
}

/// A signal that asks for the end is meant for the whole stack: the guard passes those that it gets
/// on to here. A supervisor that is only to be replaced is killed.
fn watch_signals(outbox: &mpsc::UnboundedSender<Incoming>) -> Result<(), SupervisorError> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(failed("watch signals"))?;
        let outbox = outbox.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = outbox.send(Incoming::Interrupted);
            }
        });
    }
    Ok(())
}

fn random_key() -> io::Result<SpecKey> {
    use std::io::Read as _;
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(SpecKey::new(bytes))
}

impl Dispatcher {
    /// Write down who keeps the stack, for people and for `ls`.
    pub(crate) fn introduce(&self) {
        let identity = &self.identity;
        if identity.file == Utf8PathBuf::new() {
            return;
        }
        let file = SupervisorFile {
            format: 1,
            pid: identity.supervisor.pid,
            version: identity.supervisor.version.clone(),
            since: identity.supervisor.since,
            file: identity.file.clone(),
            name: identity.name.clone(),
        };
        if let Err(error) = file.write(&identity.dir) {
            tracing::warn!(%error, "failed to write down who keeps the stack");
        }
    }
}
