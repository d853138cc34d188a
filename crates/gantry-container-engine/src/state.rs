//! How a container is doing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum, RestartPolicyNameEnum,
};
use gantry_core::ExitStatus;
use gantry_driver::DriverError;
use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use crate::engine::Engine;
use crate::listing::{AGAIN, PUT_AWAY};
use crate::output::to_the_microsecond;
use crate::trouble;

/// A container.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The engine's own name for it.
    pub id: String,
    /// When it was made: before it printed anything. To the microsecond, as our log store has it.
    pub made: Option<Timestamp>,
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// Whether it runs.
    pub run: Run,
    /// What its own health check says.
    pub health: Health,
    /// Whether it has a terminal of its own.
    pub tty: bool,
    /// Whether the engine starts it again by itself, now that it has ended.
    pub restarts: bool,
    /// What its health check is, for engines that have nobody who runs it.
    pub check: Option<Check>,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// From one question to the next.
    pub interval: Duration,
}

/// Looks at the container of this name or id; `None` if there is none.
pub async fn inspect(engine: &Engine, id: &str) -> Result<Option<State>, DriverError> {
    let begun = Instant::now();
    let found = loop {
        match engine.api.inspect_container(id, None).await {
            Ok(found) => break found,
            Err(error) if trouble::is_not_found(&error) => return Ok(None),
            // Between its end and its being put away Podman calls a container `stopped`, which no Docker does.
            Err(error) if trouble::is_unreadable(&error) && begun.elapsed() < PUT_AWAY => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(trouble::of("observe", &error)),
        }
    };
    Ok(Some(State {
        id: found.id.clone().unwrap_or_else(|| id.to_owned()),
        made: found
            .created
            .as_deref()
            .and_then(time)
            .and_then(to_the_microsecond),
        run: run(engine, &found),
        health: health(&found),
        tty: found.config.as_ref().and_then(|it| it.tty) == Some(true),
        restarts: restarts(&found),
        check: check(&found),
        labels: found.config.and_then(|it| it.labels).unwrap_or_default(),
    }))
}

/// Whether it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// It was made, and never started.
    Created,
    /// It runs.
    Running {
        /// Its process, where it is one of this machine.
        pid: Option<u32>,
        /// Since when.
        since: Option<Timestamp>,
    },
    /// It has ended.
    Exited {
        /// How.
        exit: ExitStatus,
        /// Since when it ran.
        since: Option<Timestamp>,
        /// When it ended.
        at: Option<Timestamp>,
    },
}

/// What its own health check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It has none: it is as ready as it is running.
    Unchecked,
    /// Nothing yet.
    Starting,
    /// It passes.
    Healthy,
    /// It fails; what was seen.
    Unhealthy(SmolStr),
}

impl Health {
    /// Whether it is ready; `None` if nothing is known yet.
    pub fn ready(&self) -> Option<bool> {
        match self {
            Self::Unchecked | Self::Healthy => Some(true),
            Self::Starting => None,
            Self::Unhealthy(_) => Some(false),
        }
    }
}

fn run(engine: &Engine, found: &ContainerInspectResponse) -> Run {
    let Some(state) = &found.state else {
        return Run::Created;
    };
    let since = state.started_at.as_deref().and_then(time);
    if state.running == Some(true) {
        let pid = state.pid.and_then(|pid| u32::try_from(pid).ok());
        return Run::Running {
            pid: pid.filter(|pid| *pid > 0 && engine.place.is_local()),
            since,
        };
    }
    if state.status == Some(ContainerStateStatusEnum::CREATED) || since.is_none() {
        return Run::Created;
    }
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    let limit = found.host_config.as_ref().and_then(|host| host.memory);
    let exit = match code {
        _ if state.oom_killed == Some(true) => ExitStatus::OutOfMemory {
            limit: limit
                .filter(|bytes| *bytes > 0)
                .map(|bytes| format_smolstr!("{} MiB", bytes / (1024 * 1024))),
            code,
        },
        Some(code) => ExitStatus::Code(code),
        None => ExitStatus::Unknown("the engine does not tell it".into()),
    };
    let at = state.finished_at.as_deref().and_then(time);
    Run::Exited { exit, since, at }
}

/// A time as engines write it; what never was is the year 1.
fn time(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > 0).then_some(time)
}

/// Whether it is an engine's own policy to start it again.
fn restarts(found: &ContainerInspectResponse) -> bool {
    let state = found.state.as_ref();
    if state.and_then(|state| state.restarting) == Some(true) {
        return true;
    }
    let policy = found
        .host_config
        .as_ref()
        .and_then(|host| host.restart_policy.as_ref());
    let code = state.and_then(|state| state.exit_code).unwrap_or_default();
    match policy.and_then(|policy| policy.name) {
        Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED) => true,
        Some(RestartPolicyNameEnum::ON_FAILURE) if code != 0 => {
            let most = policy.and_then(|policy| policy.maximum_retry_count);
            let most = most.filter(|most| *most > 0);
            most.is_none_or(|most| found.restart_count.unwrap_or_default() < most)
        }
        _ => false,
    }
}

/// How often health checks are run that do not say it.
const INTERVAL: Duration = Duration::from_secs(30);

fn check(found: &ContainerInspectResponse) -> Option<Check> {
    let check = found.config.as_ref()?.healthcheck.as_ref()?;
    let test = check.test.as_deref().unwrap_or_default();
    if test.first().is_none_or(|kind| kind == "NONE") {
        return None;
    }
    let interval = check.interval.and_then(|nanos| u64::try_from(nanos).ok());
    let interval = interval.filter(|nanos| *nanos > 0);
    Some(Check {
        interval: interval.map_or(INTERVAL, Duration::from_nanos),
    })
}

fn health(found: &ContainerInspectResponse) -> Health {
    let health = found.state.as_ref().and_then(|state| state.health.as_ref());
    let Some(health) = health else {
        return Health::Unchecked;
    };
    match health.status {
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::UNHEALTHY) => {
            let last = health.log.as_ref().and_then(|log| log.last());
            let said = last.and_then(|last| last.output.as_deref());
            let said = said.map(str::trim).filter(|said| !said.is_empty());
            Health::Unhealthy(match said {
                Some(said) => format_smolstr!("its health check says: {said}"),
                None => "its health check fails".into(),
            })
        }
        _ => Health::Unchecked,
    }
}
