//! The two processes that this same program is for a running stack.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use gantry_api::home::{GantryHome, StackDir};
use gantry_driver::Driver;
use gantry_driver_compose::ComposeDriver;
use gantry_driver_container::ContainerDriver;
use gantry_driver_kubernetes::{HelmDriver, KubernetesDriver};
use gantry_driver_process::ProcessDriver;
use gantry_engine::supervisor::{self, Ended, SupervisorConfig};
use gantry_keeper::client as keeper;
use gantry_keeper::guard::{self, GuardConfig, OTHER_PROTOCOL};
use gantry_keeper::protocol::{self, Refusal};
use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// What this program was started as by itself. The words are no verbs: nobody types them, and to make ready for all
/// that somebody may type takes longer than to begin.
#[derive(Debug)]
pub(crate) enum Role {
    /// `__guard FOLDER`
    Guard(Utf8PathBuf),
    /// `__supervisor FOLDER`
    Supervisor(Utf8PathBuf),
}

/// The first word of a guard.
pub(crate) const GUARD: &str = "__guard";

const SUPERVISOR: &str = "__supervisor";

impl Role {
    /// The one that the command line asks for, if it does.
    pub(crate) fn asked() -> Option<Self> {
        let mut words = std::env::args_os().skip(1);
        let role = match words.next()?.to_str()? {
            GUARD => Self::Guard,
            SUPERVISOR => Self::Supervisor,
            _ => return None,
        };
        let dir = Utf8PathBuf::from_os_string(words.next()?).ok()?;
        words.next().is_none().then(|| role(dir))
    }

    /// Be it, to the end. Returns the exit code.
    pub(crate) fn play(self) -> Result<u8, Error> {
        match self {
            Self::Guard(dir) => guard(dir),
            Self::Supervisor(dir) => supervisor(dir),
        }
    }
}

/// Be the guard: parent of everything that runs, and of the supervisor.
fn guard(dir: Utf8PathBuf) -> Result<u8, Error> {
    let program = std::env::current_exe()
        .map_err(|source| Error::io("find the program that runs", source))?;
    let program = program.to_string_lossy().into_owned();
    let supervisor_command = vec![program, SUPERVISOR.to_owned(), dir.to_string()];
    let ended = guard::run(GuardConfig {
        dir,
        supervisor_command,
    });
    Ok(ended.code())
}

/// Why the stack's keeper does not speak with this release, if that is so.
fn foreign_keeper(dir: &Utf8Path) -> Option<Refusal> {
    match keeper::Client::open(dir, protocol::Role::Observer, 0) {
        Err(keeper::ClientError::Refused(refusal @ Refusal::Version { .. })) => Some(refusal),
        // Whatever else is wrong is told by whoever needs it.
        _ => None,
    }
}

/// The drivers that are built in.
pub(crate) fn drivers() -> Vec<Arc<dyn Driver>> {
    vec![
        Arc::new(ProcessDriver::new()),
        Arc::new(ContainerDriver::new()),
        Arc::new(ComposeDriver::new()),
        Arc::new(KubernetesDriver::new()),
        Arc::new(HelmDriver::new()),
    ]
}

/// Be the supervisor of the stack in this folder, until the stack is down.
fn supervisor(dir: Utf8PathBuf) -> Result<u8, Error> {
    let log = EnvFilter::try_from_env("GANTRY_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(log)
        .with_ansi(false)
        .init();
    if let Some(refusal) = foreign_keeper(&dir) {
        tracing::warn!(
            "{refusal}: gantry was replaced while this stack was up. The supervisor of the release that it was brought up with goes on; gantry down and gantry up change over"
        );
        return Ok(OTHER_PROTOCOL);
    }
    let home = match dir.parent().and_then(Utf8Path::parent) {
        Some(home) => GantryHome::at(home),
        None => GantryHome::from_env()?,
    };
    let text = |name: OsString| name.into_string().ok();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
        .collect();
    let ended = supervisor::run(SupervisorConfig {
        home,
        dir: StackDir::at(dir),
        host_mode: Some(ProcessDriver::new().mode()),
        drivers: drivers(),
        environment,
        give_back: gantry_sys::give_back_memory,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    match ended {
        Ok(Ended::Down) => Ok(0),
        // Asked to end by a signal: the guard starts another one for what runs.
        Ok(Ended::Left) => Ok(1),
        Err(error) => Err(Error::io("keep the stack", io::Error::other(error))),
    }
}
