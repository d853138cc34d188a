//! What must be there before containers can start.

use std::sync::Arc;

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use camino::Utf8PathBuf;
use gantry_container_engine::owner::{Owner, STACK};
use gantry_container_engine::survey;
use gantry_core::ServiceName;
use gantry_driver::{
    Around, Described, Missing, Need, Offer, Prerequisite, StackIdentity, Standing, Surveyor,
};
use gantry_stack::modes::container::Pull;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{self, Engine, Kind};
use crate::logins::Logins;
use crate::names::Names;
use crate::spec::Spec;
use crate::{build, image};

/// The oldest Docker whose API has all that is used.
const OLDEST_DOCKER: (u32, u32) = (20, 10);

/// As much as must be free where an engine keeps its images, so that one more may fit.
const ROOM: u64 = 1024 * 1024 * 1024;

/// A need that only this driver can look for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    /// An engine.
    Engine,
    /// An image, there or to be fetched.
    Image { image: String, pull: bool },
    /// Something of the engine's machine that a container is to see.
    Source { path: Utf8PathBuf },
    /// An image that was built for a service.
    Built { service: ServiceName },
    /// A name of a container that nobody else's has.
    Name { name: String },
    /// A port of the engine's machine that no other container has.
    Port { number: u16 },
    /// Graphics processors.
    Graphics,
    /// Room for images.
    Room,
}

/// What is wanted, and of which engine.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    engine: String,
    wanted: Wanted,
}

/// The needs of these services; what many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all = All(Vec::new());
    for (service, described) in services {
        let Ok(spec) = Spec::read(described.spec) else {
            continue;
        };
        let engine = crate::driver::engine_of(described.spec);
        let mut ask = |what: String, field: &str, wanted: Wanted| {
            // What may be well before it is needed is only told.
            let advisory = matches!(wanted, Wanted::Room);
            let engine = engine.clone();
            let data = json!(Asked { engine, wanted });
            all.add(service, Need::Backend { what, data }, field, advisory);
        };
        ask("container engine".into(), "engine", Wanted::Engine);
        ask("room for images".into(), "engine", Wanted::Room);
        if let (Some(image), None) = (&spec.image, &spec.build) {
            let (image, pull) = (image.clone(), spec.pull != Pull::Never);
            ask(
                format!("image {image}"),
                "image",
                Wanted::Image { image, pull },
            );
        }
        if let Some(name) = spec.name.clone() {
            ask(
                format!("container name {name}"),
                "name",
                Wanted::Name { name },
            );
        }
        for path in spec
            .volumes
            .iter()
            .filter_map(|volume| volume.path.as_ref())
        {
            // What begins with the user's folder is known only to who starts it.
            if path.is_absolute() {
                let path = path.clone();
                ask(format!("source {path}"), "volumes", Wanted::Source { path });
            }
        }
        let ports = spec.publish.values().copied();
        for number in ports.filter(|number| *number > 0) {
            ask(format!("port {number}"), "publish", Wanted::Port { number });
        }
        if spec.gpus.is_some() {
            ask("graphics processors".into(), "gpus", Wanted::Graphics);
        }
        if let Some(build) = &spec.build {
            let path = build.context.clone();
            all.add(service, Need::Folder { path }, "build.context", false);
            let path = build::path(build);
            all.add(service, Need::File { path }, "build.file", false);
        }
        for path in &spec.files {
            all.add(service, Need::File { path: path.clone() }, "files", false);
        }
    }
    all.0
}

/// The need that an image was built for a service, if it is built at all.
pub(crate) fn built(service: &ServiceName, described: Described<'_>) -> Option<Need> {
    Spec::read(described.spec).ok()?.build.as_ref()?;
    let engine = crate::driver::engine_of(described.spec);
    let wanted = Wanted::Built {
        service: service.clone(),
    };
    Some(Need::Backend {
        what: format!("image of {service}"),
        data: json!(Asked { engine, wanted }),
    })
}

struct All(Vec<Prerequisite>);

impl All {
    fn add(&mut self, service: &ServiceName, need: Need, field: &str, advisory: bool) {
        match self.0.iter_mut().find(|known| known.need == need) {
            Some(known) => known.services.push(service.clone()),
            None => self.0.push(Prerequisite {
                services: vec![service.clone()],
                need,
                field: field.into(),
                advisory,
            }),
        }
    }
}

/// The engines that these services, or all that do not say which, get.
pub(crate) async fn survey(surveyor: Surveyor<'_>) -> Vec<Offer> {
    let mut choices: Vec<String> = surveyor
        .specs
        .iter()
        .map(|spec| crate::driver::engine_of(spec))
        .collect();
    choices.sort_unstable();
    choices.dedup();
    if choices.is_empty() {
        choices.push("auto".to_owned());
    }
    let offers = choices.iter().map(|choice| async {
        let looked = survey::look(choice, surveyor.environment).await;
        let mut offer = survey::offer(choice, surveyor.environment, &looked);
        if let Some(Err(old)) = survey::chosen(&looked).map(new_enough) {
            offer.standing = Standing::Missing;
            offer.found = old.reason;
        }
        offer
    });
    futures::future::join_all(offers).await
}

/// Whether a need is met.
pub(crate) async fn examine(need: &Need, around: Around<'_>) -> Result<(), Missing> {
    let stack = around.stack;
    let Need::Backend { data, .. } = need else {
        return Ok(());
    };
    let Ok(Asked { engine, wanted }) = Asked::deserialize(data) else {
        return Ok(());
    };
    let env = std::env::vars().collect();
    let engine = match engine::find(&engine, &env).await {
        Ok(engine) => engine,
        // Of all else nothing is known then, and the engine's lack is said once.
        Err(_) if !matches!(wanted, Wanted::Engine) => return Ok(()),
        Err(error) => {
            let hint = if error.reason.contains("permission") {
                "let the user use it (Docker's has a group, `docker`), or use an engine of the user's own"
            } else {
                "start Docker or Podman's service, or name the engine in GANTRY_ENGINE"
            };
            return Err(missing(error.reason, hint));
        }
    };
    match wanted {
        Wanted::Engine => new_enough(&engine),
        Wanted::Image { image, pull } => {
            let logins = Logins::of(&env, Some(Arc::clone(around.host)));
            there_or_to_be_had(&engine, &image, pull, &logins).await
        }
        Wanted::Source { path } if engine.place.is_local() && !path.exists() => Err(missing(
            format!("{path} is to be seen in a container, and does not exist"),
            "make it first; `NAME:/TARGET` is a volume that the engine makes",
        )),
        Wanted::Source { .. } => Ok(()),
        Wanted::Built { service } => was_built(&engine, &service, stack).await,
        Wanted::Name { name } => not_anothers_name(&engine, &name, stack).await,
        Wanted::Port { number } => not_another_containers(&engine, number).await,
        Wanted::Graphics => graphics(&engine).await,
        Wanted::Room => room(&engine).await,
    }
}

fn missing(reason: impl Into<String>, hint: &str) -> Missing {
    Missing {
        reason: reason.into(),
        hint: Some(hint.into()),
    }
}

async fn there_or_to_be_had(
    engine: &Engine,
    image: &str,
    pull: bool,
    logins: &Logins,
) -> Result<(), Missing> {
    let kind = engine.kind;
    // What cannot be asked now fails at the start, and says so.
    if image::has(engine, image).await.unwrap_or(true) {
        return Ok(());
    }
    if !pull {
        return Err(missing(
            format!("{kind} does not have the image {image}"),
            "build or fetch it first, or let `pull` be \"missing\"",
        ));
    }
    match image::offered(engine, image, logins).await {
        Some(said) => Err(missing(
            format!(
                "{kind} does not have the image {image}, and its registry does not give it: {said}"
            ),
            "is the name right? `docker login` or `podman login` may be needed",
        )),
        None => Ok(()),
    }
}

/// Whether there is an image that was built for a service.
async fn was_built(
    engine: &Engine,
    service: &ServiceName,
    stack: &StackIdentity,
) -> Result<(), Missing> {
    // What cannot be asked now fails at the start, and says so.
    match build::last(engine, &Names::new(stack), service).await {
        Ok(None) => Err(missing(
            format!("{} has no image that was built for {service}", engine.kind),
            "leave out --no-build once",
        )),
        _ => Ok(()),
    }
}

/// Who has the name of a container, if it is not this stack.
async fn not_anothers_name(
    engine: &Engine,
    name: &str,
    stack: &StackIdentity,
) -> Result<(), Missing> {
    // What cannot be asked now fails at the start, and says so.
    let Ok(found) = engine.api.inspect_container(name, None).await else {
        return Ok(());
    };
    // An id, or the beginning of one, leads to a container, too.
    let called = found.name.unwrap_or_default();
    if called.trim_start_matches('/') != name {
        return Ok(());
    }
    let config = found.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    if Owner::new(stack).owns(&labels) {
        return Ok(());
    }
    let kind = engine.kind;
    let of = |whose: String| format!("a container of {kind} is called {name} already, and {whose}");
    Err(match labels.get(STACK) {
        Some(other) => missing(
            of(format!("is the stack {other}'s")),
            "take that stack down, or choose another `name`",
        ),
        None => missing(
            of(format!(
                "is not gantry's (its image is {})",
                config.image.unwrap_or_default()
            )),
            "remove it, or choose another `name`",
        ),
    })
}

/// Who of an engine's containers has a port. One of ours is found by the stack's own check.
async fn not_another_containers(engine: &Engine, number: u16) -> Result<(), Missing> {
    let options = ListContainersOptions::default();
    let Ok(running) = engine.api.list_containers(Some(options)).await else {
        return Ok(());
    };
    let has = |one: &ContainerSummary| {
        let ports = one.ports.iter().flatten();
        ports
            .into_iter()
            .any(|port| port.public_port == Some(number))
    };
    let Some(holder) = running.into_iter().find(has) else {
        return Ok(());
    };
    if holder
        .labels
        .is_some_and(|labels| labels.contains_key(STACK))
    {
        return Ok(());
    }
    let names = holder.names.unwrap_or_default();
    let name = names
        .first()
        .map_or("without a name", |name| name.trim_start_matches('/'));
    let image = holder.image.unwrap_or_default();
    Err(missing(
        format!(
            "port {number} is held by the container {name} ({image}) of {}",
            engine.kind
        ),
        "stop that container, or publish another port; 0 picks a free one",
    ))
}

async fn graphics(engine: &Engine) -> Result<(), Missing> {
    let Ok(info) = engine.api.info().await else {
        return Ok(());
    };
    let runtimes = info.runtimes.unwrap_or_default();
    let known = runtimes.keys().any(|name| name.contains("nvidia"))
        || [
            "/etc/cdi",
            "/var/run/cdi",
            "/usr/share/containers/oci/hooks.d",
        ]
        .iter()
        .any(|folder| has_nvidia(folder));
    if known || !engine.place.is_local() {
        return Ok(());
    }
    Err(missing(
        format!("{} has no runtime for graphics processors", engine.kind),
        "install the NVIDIA container toolkit, and restart the engine",
    ))
}

fn has_nvidia(folder: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .into_iter()
        .any(|entry| entry.file_name().to_string_lossy().contains("nvidia"))
}

async fn room(engine: &Engine) -> Result<(), Missing> {
    if !engine.place.is_local() {
        return Ok(());
    }
    let Some(folder) = engine
        .api
        .info()
        .await
        .ok()
        .and_then(|info| info.docker_root_dir)
    else {
        return Ok(());
    };
    let Ok(about) = rustix::fs::statvfs(folder.as_str()) else {
        return Ok(());
    };
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    if free >= ROOM {
        return Ok(());
    }
    let reason = format!(
        "only {} MiB are free where {} keeps its images ({folder})",
        free / (1024 * 1024),
        engine.kind
    );
    Err(missing(
        reason,
        "remove what is not needed: `docker system prune` tells what it removes",
    ))
}

fn new_enough(engine: &Engine) -> Result<(), Missing> {
    let mut parts = engine.version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Ok(());
    };
    if engine.kind == Kind::Podman || (major, minor) >= OLDEST_DOCKER {
        return Ok(());
    }
    let (oldest, and) = OLDEST_DOCKER;
    Err(Missing {
        reason: format!(
            "Docker at {} is {}, and {oldest}.{and} is the oldest that works",
            engine.place, engine.version
        ),
        hint: None,
    })
}
