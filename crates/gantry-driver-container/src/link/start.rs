//! Starting one container.

use std::sync::Arc;

use bollard::models::{NetworkConnectRequest, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};
use gantry_core::{Failure, Generation, InstanceId, Stage};
use gantry_driver::{DriverError, DriverEvent, Make, Recorded};
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::create::Wanted;
use crate::look::{Found, Run, Seen, look};
use crate::spec::Spec;
use crate::{build, image, trouble};

/// How a start ended.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It runs, or has run by now; what was asked for and could not be had.
    Started(Box<Seen>, Vec<String>),
    /// It was told to give up in time, or is an old one.
    Cancelled,
    /// It failed; nothing of it is left.
    Failed(Box<Failure>),
    /// Whether it runs cannot be known.
    Lost(String),
}

/// A start in a task of its own.
pub(super) struct Start {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    pub(super) from: Recorded,
    pub(super) make: Make,
    pub(super) give_up: CancellationToken,
}

impl Start {
    pub(super) async fn run(self) -> Begun {
        match self.steps().await {
            Ok(begun) => begun,
            Err(error) => Begun::Failed(error.into_failure(Stage::Start).into()),
        }
    }

    async fn steps(&self) -> Result<Begun, DriverError> {
        let context = &*self.context;
        let (engine, names) = (&context.engine, &context.names);
        let spec = Spec::read(&self.from.spec)?;
        let machine = context.network().await?;
        let image = tokio::select! {
            biased;
            () = self.give_up.cancelled() => return Ok(Begun::Cancelled),
            image = self.image(&spec) => image,
        };
        let image = match image {
            Ok(image) => image,
            Err(unbuilt) => return Ok(Begun::Failed(unbuilt.into_failure().into())),
        };
        self.make_volumes(&spec).await?;
        let name = spec.name.clone();
        let name = name.unwrap_or_else(|| names.container(&self.instance));
        // What an earlier start left may have had another name.
        let mut places = vec![context.place(&self.instance), name.clone()];
        places.dedup();
        for place in places {
            if let Some(begun) = self.clear(&place).await? {
                return Ok(begun);
            }
        }
        if self.give_up.is_cancelled() {
            return Ok(Begun::Cancelled);
        }
        let wanted = Wanted {
            engine,
            names,
            stack: &context.stack,
            instance: &self.instance,
            generation: self.generation,
            from: &self.from,
            spec: &spec,
            image,
            machine,
            home: context.home.as_deref(),
        };
        let options = CreateContainerOptions {
            name: Some(name),
            platform: spec.platform.clone().unwrap_or_default(),
        };
        let made = engine
            .api
            .create_container(Some(options), wanted.body())
            .await;
        let made = made.map_err(|error| trouble::of("create", &error))?;
        context.placed(&self.instance, &made.id);
        match self.begin(&made.id, &wanted).await {
            Ok(Begun::Started(seen, _)) => Ok(Begun::Started(seen, made.warnings)),
            Ok(other) => {
                self.remove(&made.id).await;
                Ok(other)
            }
            // Somebody may have started it, and the answer was lost: nothing is known.
            Err(error) if error.kind == gantry_core::FailureKind::Unreachable => {
                Ok(Begun::Lost(error.to_string()))
            }
            Err(error) => {
                self.remove(&made.id).await;
                Err(error)
            }
        }
    }

    /// Sees to it that its image is there; gives the image's name.
    async fn image(&self, spec: &Spec) -> Result<String, build::Unbuilt> {
        let context = &*self.context;
        let tell = |text| {
            self.context.events.send(DriverEvent::Preparing {
                instance: self.instance.clone(),
                generation: self.generation,
                text,
            });
        };
        if let Some(build) = &spec.build {
            let wanted = context.build(&self.instance.service, spec, build);
            return wanted.image(self.make, &tell).await;
        }
        let image = spec.image.clone().unwrap_or_default();
        let platform = spec.platform.as_deref();
        let (engine, logins) = (&context.engine, &context.logins);
        image::ensure(engine, &image, spec.pull, platform, logins, &tell).await?;
        Ok(image)
    }

    async fn begin(&self, id: &str, wanted: &Wanted<'_>) -> Result<Begun, DriverError> {
        let (engine, names) = (&self.context.engine, &self.context.names);
        for network in &wanted.spec.networks {
            let request = NetworkConnectRequest {
                container: id.to_owned(),
                endpoint_config: Some(wanted.endpoint()),
            };
            let joined = engine.api.connect_network(network, request).await;
            joined.map_err(|error| trouble::of("network", &error))?;
        }
        if self.give_up.is_cancelled() {
            return Ok(Begun::Cancelled);
        }
        let started = engine.api.start_container(id, None).await;
        started.map_err(|error| trouble::of("start", &error))?;
        match crate::look::one(engine, names, id).await? {
            Some(seen) => Ok(Begun::Started(seen.into(), Vec::new())),
            None => Ok(Begun::Lost(
                "it was removed as soon as it was started".into(),
            )),
        }
    }

    /// Removes what an earlier start left there. Says how the start ends if it need not or must not go on.
    async fn clear(&self, name: &str) -> Result<Option<Begun>, DriverError> {
        let context = &*self.context;
        let seen = match look(&context.engine, &context.names, name).await? {
            Found::Nothing => return Ok(None),
            Found::NotOurs => {
                let reason = format!("there is a container {name} that is not this stack's");
                return Err(DriverError::not_ours("create", reason));
            }
            // It may be about to get another name.
            Found::Ours(seen) if seen.tag.instance != self.instance => {
                let reason = format!("the container {name} is that of {}", seen.tag.instance);
                return Err(DriverError::transient("create", reason));
            }
            Found::Ours(seen) => *seen,
        };
        if seen.tag.generation > self.generation {
            return Ok(Some(Begun::Cancelled));
        }
        if seen.tag.generation == self.generation {
            match seen.run {
                Run::Running { .. } => return Ok(Some(Begun::Started(seen.into(), Vec::new()))),
                Run::Exited { .. } => {
                    let reason = "it was started before, and has ended";
                    return Ok(Some(Begun::Lost(reason.into())));
                }
                Run::Created => {}
            }
        }
        remove(context, &seen.id).await.map(|()| None)
    }

    async fn make_volumes(&self, spec: &Spec) -> Result<(), DriverError> {
        let (engine, names) = (&self.context.engine, &self.context.names);
        for name in spec.volumes.iter().filter_map(|it| it.name.as_deref()) {
            let request = VolumeCreateRequest {
                name: Some(names.volume(name)),
                labels: Some(names.labels()),
                ..VolumeCreateRequest::default()
            };
            // One that is there is given back as it is.
            let made = engine.api.create_volume(request).await;
            let made = made.map_err(|error| trouble::of("volume", &error))?;
            if !names.owns(&made.labels) {
                let reason = format!("there is a volume {} that another stack made", made.name);
                return Err(DriverError::not_ours("volume", reason));
            }
        }
        Ok(())
    }

    async fn remove(&self, id: &str) {
        if let Err(error) = remove(&self.context, id).await {
            tracing::warn!(instance = %self.instance, %error, "a container that was not started stays");
        }
    }
}

/// Removes a container, whatever it does, with the volumes that have no name.
pub(crate) async fn remove(context: &Context, id: &str) -> Result<(), DriverError> {
    let options = RemoveContainerOptions {
        v: true,
        force: true,
        link: false,
    };
    match context.engine.api.remove_container(id, Some(options)).await {
        Ok(()) => Ok(()),
        Err(error) if trouble::is_not_found(&error) => Ok(()),
        // Somebody else removes it at this moment.
        Err(error) if trouble::is_conflict(&error) => Ok(()),
        Err(error) => Err(trouble::of("remove", &error)),
    }
}
