//! What must be there before a project can start.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gantry_container_engine::engine::{self, Engine};
use gantry_container_engine::listing::{self, Listed};
use gantry_container_engine::owner::Owner;
use gantry_container_engine::trouble;
use gantry_core::{InstanceId, ServiceName};
use gantry_driver::{Around, Described, DriverError, Missing, Need, Prerequisite, Settings};
use gantry_stack::modes::compose::{ComposeSpec, Pull};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::asking::Asking;
use crate::cli::{self, Family};
use crate::limits;
use crate::project::Project;
use crate::spec::{self, Spec};

/// A need that only this driver can look for.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    compose: Wanted,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    /// An engine, and a command for it.
    Command { engine: String },
    /// That the files are right, and that nobody has what they claim.
    Project {
        service: ServiceName,
        spec: Box<ComposeSpec>,
        settings: Box<Settings>,
        /// Only whether it has this part.
        part: Option<String>,
    },
}

/// The needs of these services; what many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for (service, described) in services {
        let wanted = Wanted::Command {
            engine: spec::engine_of(described.spec),
        };
        let command = need("Compose command", wanted);
        match all.iter_mut().find(|known| known.need == command) {
            Some(known) => known.services.push(service.clone()),
            None => all.push(prerequisite(service, command, "engine")),
        }
        if let Some(project) = project(service, *described, None) {
            all.push(prerequisite(service, project, "files"));
        }
    }
    all
}

/// Whether a service will have a part.
pub(crate) fn part(service: &ServiceName, described: Described<'_>, part: &str) -> Option<Need> {
    project(service, described, Some(part.to_owned()))
}

fn project(service: &ServiceName, described: Described<'_>, part: Option<String>) -> Option<Need> {
    let spec = Spec::read(described.spec).ok()?;
    let wanted = Wanted::Project {
        service: service.clone(),
        spec: Box::new(spec.0),
        settings: Box::new(described.settings.clone()),
        part,
    };
    Some(need("Compose project", wanted))
}

fn need(what: &str, compose: Wanted) -> Need {
    Need::Backend {
        what: what.into(),
        data: json!(Asked { compose }),
    }
}

fn prerequisite(service: &ServiceName, need: Need, field: &str) -> Prerequisite {
    Prerequisite {
        services: vec![service.clone()],
        need,
        field: field.into(),
        advisory: false,
    }
}

fn missing(reason: impl Into<String>, hint: &str) -> Missing {
    Missing {
        reason: reason.into(),
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }
}

/// Whether a need is met.
pub(crate) async fn examine(need: &Need, around: Around<'_>) -> Result<(), Missing> {
    let Need::Backend { data, .. } = need else {
        return Ok(());
    };
    let Ok(Asked { compose }) = Asked::deserialize(data) else {
        return Ok(());
    };
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let choice = env.get(cli::CHOICE).map(String::as_str);
    let choice = choice.filter(|choice| !choice.trim().is_empty());
    match compose {
        Wanted::Command { engine } => {
            let hint = "start Docker or Podman's service, or name the engine in GANTRY_ENGINE";
            let engine = engine::find(&engine, &env).await;
            let engine = engine.map_err(|error| missing(error.reason, hint))?;
            let hint = match choice {
                Some(_) => {
                    "name one that is installed in GANTRY_COMPOSE, or unset it to have one found"
                }
                None => "install Docker's Compose plug-in, or podman-compose",
            };
            let found = cli::find(around.host, &engine, choice).await;
            found
                .map(|_| ())
                .map_err(|error| missing(error.reason, hint))
        }
        Wanted::Project {
            service,
            spec,
            settings,
            part,
        } => {
            // Without an engine or a command nothing is known, and their lack is said once.
            let Ok(engine) = engine::find(&spec.engine, &env).await else {
                return Ok(());
            };
            let Ok(cli) = cli::find(around.host, &engine, choice).await else {
                return Ok(());
            };
            let instance = InstanceId::new(service, 0);
            let spec = Spec(*spec);
            let limits = limits::of(&cli, &spec);
            if !limits.is_empty() {
                return Err(missing(limits.join("; "), limits::HINT));
            }
            if let Some(folder) = spec.folder.as_ref().filter(|it| !it.is_dir()) {
                return Err(missing(
                    format!("`folder`: there is no folder {folder}"),
                    "",
                ));
            }
            let name = spec.project(around.stack, &instance);
            let asking = Asking::of(&spec, &settings, name);
            let read = asking.config(&cli, around.host, &instance, &spec.services);
            let project = read.await.map_err(|error| wrong(&error, &spec))?;
            let parts = project.with_needs(&spec.services);
            let hint = match cli.family {
                Family::Compose => "",
                Family::PodmanCompose => "it shows a service only if one of its profiles is active",
            };
            let parts = parts.map_err(|error| missing(error.reason, hint))?;
            // `*` is all that there are.
            for profile in spec.profiles.iter().filter(|name| *name != "*") {
                let mut known = project.services.values().flat_map(|part| &part.profiles);
                if !known.any(|name| name == profile) {
                    let all = asking.known_profiles(&cli, around.host, &instance).await;
                    return Err(no_profile(profile, &all));
                }
            }
            match part {
                Some(part) if parts.contains(&part) => Ok(()),
                Some(part) => Err(no_part(&project, &instance, &part)),
                None => unclaimed(&engine, around, &project, &parts, &spec).await,
            }
        }
    }
}

/// The complaint of a command about the files.
fn wrong(error: &DriverError, spec: &Spec) -> Missing {
    let files: Vec<&str> = spec.files.iter().map(|file| file.as_str()).collect();
    if files.iter().any(|file| error.reason.contains(file)) {
        return missing(error.reason.clone(), "");
    }
    missing(format!("{}: {}", files.join(", "), error.reason), "")
}

fn no_profile(profile: &str, known: &[String]) -> Missing {
    let names = known.iter().map(String::as_str);
    let near = gantry_stack::nearest::did_you_mean(profile, names);
    let hint = near.unwrap_or_else(|| match known {
        [] => String::new(),
        known => format!("they have {}", known.join(", ")),
    });
    let reason = format!("no service of its Compose files has the profile {profile}");
    missing(reason, &hint)
}

fn no_part(project: &Project, instance: &InstanceId, part: &str) -> Missing {
    let names = project.services.keys().map(String::as_str);
    let near = gantry_stack::nearest::did_you_mean(part, names.clone());
    let hint = near.unwrap_or_else(|| format!("it has {}", names.collect::<Vec<_>>().join(", ")));
    missing(format!("{} has no part {part}", instance.service), &hint)
}

/// Whether nobody else has the names and ports that a project claims, and the engine has the images that are
/// never fetched. All that is wrong is said at once.
async fn unclaimed(
    engine: &Engine,
    around: Around<'_>,
    project: &Project,
    parts: &[String],
    spec: &Spec,
) -> Result<(), Missing> {
    // Of an engine that does not answer nothing is known, and its lack is said by another need.
    let Ok(all) = listing::all(engine, "").await else {
        return Ok(());
    };
    let owner = Owner::new(around.stack);
    let (ours, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| owner.owns(&it.labels));
    let whose = |other: &Listed| match other.labels.get(crate::look::PROJECT) {
        Some(project) => format!(" of the project {project}"),
        None => String::new(),
    };
    let mut wrong = Vec::new();
    for name in parts {
        let Some(part) = project.services.get(name) else {
            continue;
        };
        let held = others
            .iter()
            .find(|other| part.container.as_deref() == Some(&other.name));
        if let Some(held) = held {
            wrong.push(format!(
                "{name} is to have the container {}, and there is one{}",
                held.name,
                whose(held)
            ));
        }
        for port in &part.ports {
            let has = |one: &&Listed| one.ports.iter().any(|other| other.excludes(port));
            let number = port.number;
            if let Some(other) = others.iter().find(has) {
                wrong.push(format!(
                    "{name} is to have port {number}, and the container {}{} has it",
                    other.name,
                    whose(other)
                ));
            } else if engine.place.is_local() && !ours.iter().any(|one| has(&one)) {
                let all = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                let at = SocketAddr::new(port.address.unwrap_or(all), number);
                if let Some(held) = (around.holder)(at, port.datagram) {
                    wrong.push(format!("{name} is to have port {number}, which is {held}"));
                }
            }
        }
        let never = part.never_pulled || spec.pull == Pull::Never;
        if let Some(image) = part.image.as_deref().filter(|_| never && !part.builds) {
            match engine.api.inspect_image(image).await {
                Err(error) if trouble::is_not_found(&error) => wrong.push(format!(
                    "{name} needs the image {image}, which {} does not have and may not fetch",
                    engine.kind
                )),
                _ => {}
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(missing(wrong.join("; "), ""))
}
