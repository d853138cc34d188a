//! The live half, as the engine of gantry sees it: every call becomes an input of the actor, or a question
//! to the container engine.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::query_parameters::{
    ListImagesOptions, ListVolumesOptions, RemoveImageOptions, RemoveVolumeOptions,
};
use gantry_container_engine::{engine, listing, trouble};
use gantry_core::{EffectId, Generation, InstanceId};
use gantry_driver::{
    BoxFuture, Close, DriverError, EventSink, JobOutcome, JobPlace, JobRequest, LogRequest,
    LogStream, Make, Observed, OpenContext, Outdated, Recorded, Session, StartRequest, StopRequest,
    Target, UpdateRequest, stored,
};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

use crate::asking::Asking;
use crate::context::Context;
use crate::link::{self, Input, Link};
use crate::look::{self, PROJECT};
use crate::project::BUILT;
use crate::spec::Spec;
use crate::{observe, outdated, record};

/// A session with one engine.
pub(crate) struct ComposeSession {
    context: Arc<Context>,
    orders: UnboundedSender<Input>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl ComposeSession {
    pub(crate) async fn open(
        open: OpenContext,
        target: &Target,
        events: EventSink,
    ) -> Result<Self, DriverError> {
        let Some(host) = open.host else {
            let reason = "nobody here runs commands on this machine";
            return Err(DriverError::permanent("open", reason));
        };
        let engine = engine::find(&target.key, &open.environment).await?;
        let context = Context::new(engine, open.stack, events, host, &open.environment);
        let context = Arc::new(context);
        // What happens from here on is heard; what happened before is seen.
        let from = Timestamp::now();
        let (orders, inbox) = unbounded_channel();
        let seen = look::all(&context.engine, &context.owner).await?;
        let records = record::all(&context.stack);
        let link = Link::new(Arc::clone(&context), orders.clone(), records, seen);
        let tasks = [
            tokio::spawn(link.run(inbox)),
            tokio::spawn(link::watch(Arc::clone(&context), orders.clone(), from)),
        ];
        Ok(Self {
            context,
            orders,
            _tasks: tasks.map(AbortOnDropHandle::new),
        })
    }

    fn order(&self, input: Input) {
        // The actor ends only with the session.
        let _ = self.orders.send(input);
    }

    async fn close_for(&self, how: Close) -> Result<(), DriverError> {
        let Close::Down(discard) = how else {
            return Ok(());
        };
        let context = &*self.context;
        let mut ours = listing::all(&context.engine, &context.owner.filter()).await?;
        ours.retain(|one| context.owner.owns(&one.labels) && one.labels.contains_key(PROJECT));
        link::remove_all(context, ours.into_iter().map(|one| one.id).collect()).await?;
        link::networks(context, None).await?;
        if discard.volumes {
            self.remove_volumes().await?;
        }
        if discard.images {
            self.remove_images().await?;
        }
        for (instance, _) in record::all(&context.stack) {
            record::remove(&context.stack, &instance);
        }
        Ok(())
    }

    async fn remove_volumes(&self) -> Result<(), DriverError> {
        let context = &*self.context;
        let options = ListVolumesOptions {
            filters: Some(HashMap::from([(
                "label".to_owned(),
                vec![context.owner.filter()],
            )])),
        };
        let api = &context.engine.api;
        let failed = |error: &bollard::errors::Error| trouble::of("volume", error);
        let listed = api.list_volumes(Some(options)).await;
        let listed = listed.map_err(|error| failed(&error))?;
        for volume in listed.volumes.unwrap_or_default() {
            let labels = &volume.labels;
            if context.owner.owns(labels) && labels.contains_key(PROJECT) {
                let options = RemoveVolumeOptions::default();
                match api.remove_volume(&volume.name, Some(options)).await {
                    Err(error) if !trouble::is_not_found(&error) => return Err(failed(&error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Removes what was built for parts of projects, by all its names. What a container of somebody else is made of stays.
    async fn remove_images(&self) -> Result<(), DriverError> {
        let context = &*self.context;
        let options = ListImagesOptions {
            filters: Some(HashMap::from([(
                "label".to_owned(),
                vec![context.owner.filter()],
            )])),
            ..ListImagesOptions::default()
        };
        let api = &context.engine.api;
        let listed = api.list_images(Some(options)).await;
        let listed = listed.map_err(|error| trouble::of("image", &error))?;
        let built = |labels: &HashMap<String, String>| {
            context.owner.owns(labels) && labels.contains_key(BUILT)
        };
        for image in listed.into_iter().filter(|image| built(&image.labels)) {
            let mut names = image.repo_tags;
            // As an engine calls one that has lost its name to a newer one.
            names.retain(|name| name != "<none>:<none>");
            if names.is_empty() {
                names.push(image.id);
            }
            for name in names {
                let options = Some(RemoveImageOptions::default());
                if let Err(error) = api.remove_image(&name, options, None).await {
                    tracing::info!(name, %error, "an image stays");
                }
            }
        }
        Ok(())
    }

    /// A command beside an instance runs on this machine, in the project's folder, with the variables of its
    /// files.
    async fn run_job(&self, job: JobRequest) -> Result<JobOutcome, DriverError> {
        let mut job = job;
        if let JobPlace::Instance { instance, from, .. } = &job.place {
            let spec = Spec::read(&from.spec)?;
            let project = spec.project(&self.context.stack, instance);
            let asking = Asking::of(&spec, &from.settings, project);
            let mut env = asking.variables();
            env.append(&mut job.env);
            job.env = env;
            let folder = asking.folder;
            job.folder = Some(match job.folder.take() {
                Some(own) => folder.join(own),
                None => folder,
            });
            job.place = JobPlace::Host;
            job.log_as = None;
        }
        self.context.host().run(job).await
    }
}

impl Session for ComposeSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            let seen = look::all(&self.context.engine, &self.context.owner).await?;
            Ok(observe::all(&self.context, &seen))
        })
    }

    fn start(&self, batch: Vec<StartRequest>) {
        self.order(Input::Start(batch));
    }

    fn stop(&self, batch: Vec<StopRequest>) {
        self.order(Input::Stop(batch));
    }

    fn update(&self, batch: Vec<UpdateRequest>) {
        self.order(Input::Update(batch));
    }

    fn cancel(&self, effect: EffectId) {
        self.order(Input::Cancel(effect));
    }

    fn outdated(
        &self,
        running: Vec<(InstanceId, Recorded)>,
        make: Make,
    ) -> BoxFuture<'_, Outdated> {
        Box::pin(outdated::of(&self.context, running, make))
    }

    fn logs(&self, request: LogRequest) -> LogStream {
        let folder = record::folder(&self.context.stack, &request.instance);
        stored::read_parts(&folder, self.context.logs.subscribe(), request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        self.order(Input::Forget(instances));
    }

    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(self.close_for(how))
    }
}
