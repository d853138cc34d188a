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
use gantry_keeper::protocol::{Refusal, Role};
use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// Be the guard: parent of everything that runs, and of the supervisor.
pub(crate) fn guard(dir: Utf8PathBuf) -> Result<u8, Error> {
    let program = std::env::current_exe()
        .map_err(|source| Error::io("find the program that runs", source))?;
    let program = program.to_string_lossy().into_owned();
    let supervisor_command = vec![program, "__supervisor".to_owned(), dir.to_string()];
    let ended = guard::run(GuardConfig {
        dir,
        supervisor_command,
    });
    Ok(ended.code())
}

/// Why the stack's keeper does not speak with this release, if that is so.
fn foreign_keeper(dir: &Utf8Path) -> Option<Refusal> {
    match keeper::Client::open(dir, Role::Observer, 0) {
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
pub(crate) fn supervisor(dir: Utf8PathBuf) -> Result<u8, Error> {
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
