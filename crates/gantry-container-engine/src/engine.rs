//! Which engine it is: where it may be, in which order it is looked for, and what it is.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use gantry_driver::DriverError;
use tokio::net::{TcpStream, UnixStream};

use crate::trouble;

/// How many seconds an answer may take. Waiting for what takes longer goes by streams.
const PATIENCE: u64 = 120;

/// How long an engine may take to say what it is. Podman asks the package manager for versions of its parts first,
/// which takes its time on a busy machine.
const ANSWERS: Duration = Duration::from_secs(30);

/// Where Docker listens if nobody says otherwise.
const DOCKER: &str = "unix:///var/run/docker.sock";
/// Where Podman listens for everybody.
const PODMAN: &str = "unix:///run/podman/podman.sock";

/// The variable that chooses an engine for all services that leave it open.
pub const CHOICE: &str = "GANTRY_ENGINE";

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Docker, or what behaves like it.
    Docker,
    /// Podman.
    Podman,
}

/// An engine that answered.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Its API.
    pub api: Docker,
    /// Which program it is.
    pub kind: Kind,
    /// Its version, as it says.
    pub version: String,
    /// Where it is, and why this one.
    pub place: Place,
}

/// A place where an engine may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `unix://…` or `tcp://…`.
    pub address: String,
    /// Why it is looked for there.
    pub because: String,
}

impl Place {
    fn new(address: impl Into<String>, because: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            because: because.into(),
        }
    }

    /// The path of its socket, if it has one.
    fn socket(&self) -> Option<&str> {
        self.address.strip_prefix("unix://")
    }

    /// Whether containers run on this machine.
    pub fn is_local(&self) -> bool {
        self.socket().is_some()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.because)
    }
}

/// The places for a choice, in the order in which they are tried: `auto`, `docker`, `podman` or an address.
pub fn places(choice: &str, env: &BTreeMap<String, String>) -> Vec<Place> {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    match choice {
        "" | "auto" => {
            if let Some(choice) = set(CHOICE).filter(|choice| *choice != "auto") {
                let because = |place: Place| {
                    Place::new(
                        place.address,
                        format!("{CHOICE}={choice}; {}", place.because),
                    )
                };
                return places(choice, env).into_iter().map(because).collect();
            }
            let mut both = places("docker", env);
            both.extend(places("podman", env));
            both
        }
        "docker" => {
            if let Some(address) = set("DOCKER_HOST") {
                return vec![Place::new(address, "DOCKER_HOST says so")];
            }
            let own = set("XDG_RUNTIME_DIR").map(|run| {
                let own = format!("unix://{run}/docker.sock");
                Place::new(own, "the place of a Docker of one's own")
            });
            let usual = Place::new(DOCKER, "Docker's usual place");
            std::iter::once(usual).chain(own).collect()
        }
        "podman" => {
            if let Some(address) = set("CONTAINER_HOST") {
                return vec![Place::new(address, "CONTAINER_HOST says so")];
            }
            let own = set("XDG_RUNTIME_DIR").map(|run| {
                let own = format!("unix://{run}/podman/podman.sock");
                Place::new(own, "the place of a Podman of one's own")
            });
            let usual = Place::new(PODMAN, "Podman's usual place");
            own.into_iter().chain([usual]).collect()
        }
        address => vec![Place::new(address, "it is chosen by its address")],
    }
}

/// Finds the engine of a choice. Where a choice has several places, the first that answers is it.
pub async fn find(choice: &str, env: &BTreeMap<String, String>) -> Result<Engine, DriverError> {
    let mut tried = Vec::new();
    let places = places(choice, env);
    for place in &places {
        match at(place).await {
            Ok(engine) => return Ok(engine),
            // Who chose it by its address knows why.
            Err(error) if place.address == choice => {
                tried.push(format!("{}: {error}", place.address));
            }
            Err(error) => tried.push(format!("{place}: {error}")),
        }
    }
    let reason = match tried.as_slice() {
        [only] => format!("no engine answers at {only}"),
        tried => format!("no engine answers; tried {}", tried.join("; ")),
    };
    Err(DriverError::unreachable("connect", reason))
}

/// The engine at a place, if one answers there in time.
pub async fn at(place: &Place) -> Result<Engine, DriverError> {
    let connected = tokio::time::timeout(ANSWERS, connect(place)).await;
    let silent = |_| DriverError::unreachable("connect", "it does not answer in time");
    connected.map_err(silent)?
}

async fn connect(place: &Place) -> Result<Engine, DriverError> {
    knock(place).await?;
    let failed = |error: &bollard::errors::Error| trouble::of("connect", error);
    let api = match place.socket() {
        Some(path) => Docker::connect_with_socket(path, PATIENCE, API_DEFAULT_VERSION),
        None => Docker::connect_with_http(&place.address, PATIENCE, API_DEFAULT_VERSION),
    };
    let api = api.map_err(|error| failed(&error))?;
    let api = api
        .negotiate_version()
        .await
        .map_err(|error| failed(&error))?;
    let version = api.version().await.map_err(|error| failed(&error))?;
    let components = version.components.unwrap_or_default();
    let podman = components.iter().any(|it| it.name.contains("Podman"));
    Ok(Engine {
        api,
        kind: if podman { Kind::Podman } else { Kind::Docker },
        version: version.version.unwrap_or_default(),
        place: place.clone(),
    })
}

/// What a place says before anything is asked: an engine's client has fewer words for it.
async fn knock(place: &Place) -> Result<(), DriverError> {
    let knocked = match (place.socket(), place.address.strip_prefix("tcp://")) {
        (Some(path), _) => UnixStream::connect(path).await.map(|_| ()),
        (None, Some(address)) => TcpStream::connect(address).await.map(|_| ()),
        (None, None) => Ok(()),
    };
    let Err(error) = knocked else {
        return Ok(());
    };
    let reason = match error.kind() {
        ErrorKind::ConnectionRefused if place.socket().is_none() => "connection refused".to_owned(),
        ErrorKind::NotFound => "there is no such socket".to_owned(),
        ErrorKind::PermissionDenied => "no permission to use its socket".to_owned(),
        ErrorKind::ConnectionRefused => "nobody listens at its socket".to_owned(),
        _ => error.to_string(),
    };
    Err(DriverError::unreachable("connect", reason))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        })
    }
}
