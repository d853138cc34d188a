//! The live half, as the engine of gantry sees it: every call becomes an input of the actor, or a question
//! to the container engine.

use std::sync::Arc;

use bollard::query_parameters::{KillContainerOptions, ListVolumesOptions, RemoveVolumeOptions};
use gantry_core::{EffectId, Generation, InstanceId};
use gantry_driver::{
    Attach, BoxFuture, Close, DriverError, EventSink, Exec, JobOutcome, JobPlace, JobRequest,
    LogRequest, LogStream, Make, Observed, OpenContext, Outdated, Recorded, Session, StartRequest,
    StopRequest, Target, UpdateRequest, stored,
};
use jiff::Timestamp;
use std::collections::HashMap;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

use crate::link::{Context, Input, Link, watch};
use crate::look::Run;
use crate::{build, engine, exec, look, network, outdated, trouble};

/// How long the output of containers that ended while nobody listened is waited for.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// A session with one engine.
pub(crate) struct ContainerSession {
    context: Arc<Context>,
    host: Option<Arc<dyn gantry_driver::HostJobs>>,
    orders: UnboundedSender<Input>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl ContainerSession {
    pub(crate) async fn open(
        open: OpenContext,
        target: &Target,
        events: EventSink,
    ) -> Result<Self, DriverError> {
        let engine = engine::find(&target.key, &open.environment).await?;
        let context = Context::new(
            engine,
            open.stack,
            events,
            &open.environment,
            open.host.clone(),
        );
        let context = Arc::new(context);
        // What happens from here on is heard; what happened before is seen.
        let from = Timestamp::now();
        let (orders, inbox) = unbounded_channel();
        let mut adopted = Vec::new();
        for seen in look::all(&context.engine, &context.names).await? {
            let mut copier = context.follow(&seen);
            if matches!(seen.run, Run::Exited { .. }) {
                let _ = tokio::time::timeout(LAST_WORDS, &mut copier).await;
            }
            adopted.push((seen, copier));
        }
        let link = Link::new(Arc::clone(&context), orders.clone(), adopted);
        let tasks = [
            tokio::spawn(link.run(inbox)),
            tokio::spawn(watch(Arc::clone(&context), orders.clone(), from)),
        ];
        Ok(Self {
            context,
            host: open.host,
            orders,
            _tasks: tasks.map(AbortOnDropHandle::new),
        })
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
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
        for seen in look::all(&context.engine, &context.names).await? {
            crate::link::remove(context, &seen.id).await?;
        }
        network::remove(&context.engine, &context.names).await?;
        if discard.volumes {
            self.remove_volumes().await?;
        }
        if discard.images {
            build::remove_all(&context.engine, &context.names).await?;
        }
        Ok(())
    }

    async fn remove_volumes(&self) -> Result<(), DriverError> {
        let context = &*self.context;
        let options = ListVolumesOptions {
            filters: Some(HashMap::from([(
                "label".to_owned(),
                vec![context.names.filter()],
            )])),
        };
        let failed = |error: &bollard::errors::Error| trouble::of("volume", error);
        let listed = context.engine.api.list_volumes(Some(options)).await;
        let listed = listed.map_err(|error| failed(&error))?;
        for volume in listed.volumes.unwrap_or_default() {
            if context.names.owns(&volume.labels) {
                let removed = context
                    .engine
                    .api
                    .remove_volume(&volume.name, Some(RemoveVolumeOptions::default()))
                    .await;
                match removed {
                    Err(error) if !trouble::is_not_found(&error) => return Err(failed(&error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn run_job(&self, job: JobRequest) -> Result<JobOutcome, DriverError> {
        let instance = match &job.place {
            JobPlace::Instance { instance, .. } => instance,
            JobPlace::Host => {
                let Some(host) = &self.host else {
                    let reason = "nobody here runs commands on this machine";
                    return Err(DriverError::permanent("job", reason));
                };
                return host.run(job).await;
            }
        };
        let seen = self.running(instance, None, "job").await?;
        let env = job
            .env
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let command = exec::Command {
            words: &job.command,
            env: env.collect(),
            folder: job.folder.as_ref().map(ToString::to_string),
            time_limit: job.time_limit,
            capture: usize::try_from(job.capture).unwrap_or(usize::MAX),
        };
        exec::run(&self.context.engine, &seen.id, command).await
    }
}

impl Session for ContainerSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            let seen = look::all(&self.context.engine, &self.context.names).await?;
            let observed = seen.iter().filter_map(|it| self.context.observed(it));
            Ok(observed.collect())
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

    fn logs(&self, request: LogRequest) -> LogStream {
        let folder = self.context.log_folder(&request.instance);
        stored::read(&folder, &request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn outdated(
        &self,
        running: Vec<(InstanceId, Recorded)>,
        make: Make,
    ) -> BoxFuture<'_, Outdated> {
        Box::pin(outdated::of(&self.context, running, make))
    }

    fn signal<'a>(
        &'a self,
        instance: &'a InstanceId,
        _generation: Generation,
        number: i32,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let name = self.context.place(instance);
            let seen = look::one(&self.context.engine, &self.context.names, &name).await?;
            let Some(seen) = seen else {
                return Err(DriverError::transient("signal", "it has no container"));
            };
            let options = KillContainerOptions {
                signal: number.to_string(),
            };
            let sent = self
                .context
                .engine
                .api
                .kill_container(&seen.id, Some(options));
            sent.await.map_err(|error| trouble::of("signal", &error))
        })
    }

    fn as_attach(&self) -> Option<&dyn Attach> {
        Some(self)
    }

    fn as_exec(&self) -> Option<&dyn Exec> {
        Some(self)
    }

    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        self.order(Input::Forget(instances));
    }

    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(self.close_for(how))
    }
}
