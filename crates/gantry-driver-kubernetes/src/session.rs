//! The live half, as the engine of gantry sees it: every call becomes an input of the actor.

use std::sync::Arc;

use gantry_core::{EffectId, Generation, InstanceId};
use gantry_driver::{
    Attach, BoxFuture, Close, Dial, DriverError, EventSink, Exec, History, JobOutcome, JobPlace,
    JobRequest, LogRequest, LogStream, Make, Notes, Observed, OpenContext, Outdated, PastRevision,
    Recorded, RenderedFile, Session, StartRequest, StopRequest, Target, UpdateRequest, stored,
};
use smol_str::SmolStr;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{OnceCell, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::{Choice, Cluster};
use crate::context::Context;
use crate::delete;
use crate::drift;
use crate::helm::release;
use crate::link::{Input, Link};
use crate::record::{self, Mode};

/// A session with one cluster.
pub(crate) struct ClusterSession {
    context: Arc<Context>,
    orders: UnboundedSender<Input>,
    _task: AbortOnDropHandle<()>,
}

impl ClusterSession {
    pub(crate) async fn open(
        mode: Mode,
        open: OpenContext,
        target: &Target,
        events: EventSink,
    ) -> Result<Self, DriverError> {
        let choice: Choice = serde_json::from_str(&target.key).map_err(|error| {
            DriverError::permanent("open", "it is not known which cluster is meant")
                .with_evidence(error.to_string())
        })?;
        let host = open.host.as_ref();
        let cluster = Cluster::connect(&choice, &open.environment, host).await?;
        cluster.version().await?;
        let context = Arc::new(Context {
            mode,
            cluster,
            tools: choice.tools,
            tool: OnceCell::new(),
            target: target.key.to_string(),
            stack: open.stack,
            events,
            host: open.host,
            logs: watch::Sender::new(0),
        });
        let (orders, inbox) = unbounded_channel();
        let records = record::all(&context.stack, mode, &target.key);
        let link = Link::new(Arc::clone(&context), orders.clone(), records);
        let task = AbortOnDropHandle::new(tokio::spawn(link.run(inbox)));
        Ok(Self {
            context,
            orders,
            _task: task,
        })
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn order(&self, input: Input) {
        // The actor ends only with the session.
        let _ = self.orders.send(input);
    }

    async fn close_for(&self, how: Close) -> Result<(), DriverError> {
        let Close::Down(discard) = how else {
            return Ok(());
        };
        if !discard.volumes {
            return Ok(());
        }
        let (reply, records) = oneshot::channel();
        self.order(Input::Records(reply));
        for (instance, record) in records.await.unwrap_or_default() {
            delete::kept(&self.context, &instance, &record).await?;
            record::remove(&self.context.stack, self.context.mode, &instance);
        }
        Ok(())
    }

    async fn read_notes(&self) -> Result<Vec<(InstanceId, Notes)>, DriverError> {
        let (reply, records) = oneshot::channel();
        self.order(Input::Records(reply));
        let mut told = Vec::new();
        for (instance, record) in records.await.unwrap_or_default() {
            let Some(note) = record.release.filter(|_| !record.stopped) else {
                continue;
            };
            let cluster = &self.context.cluster;
            let revisions = release::revisions(cluster, &record.namespace, &note.name).await?;
            // A revision that failed tells of what is not there.
            let deployed = revisions.iter().rfind(|one| one.status == "deployed");
            let Some(last) = deployed.or(revisions.last()) else {
                continue;
            };
            let release = last.read()?;
            if let Some(text) = release.notes() {
                let of = release.chart();
                let text = text.to_owned();
                told.push((instance, Notes { of, text }));
            }
        }
        Ok(told)
    }

    /// What others have changed. A cluster that is away tells nothing.
    async fn drifted(&self, about: Vec<(InstanceId, Recorded)>) -> Vec<(InstanceId, SmolStr)> {
        let (reply, suspects) = oneshot::channel();
        let instances = about.iter().map(|(instance, _)| instance.clone());
        self.order(Input::Suspects(instances.collect(), reply));
        let suspects = suspects.await.unwrap_or_default();
        match drift::found(&self.context, &about, suspects).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "what others have changed cannot be told");
                Vec::new()
            }
        }
    }

    /// A command beside an instance runs on this machine.
    async fn run_job(&self, mut job: JobRequest) -> Result<JobOutcome, DriverError> {
        let host = self.context.host()?;
        if let JobPlace::Instance { from, .. } = &job.place {
            let folder = from.settings.folder.clone();
            let variables = from.settings.env.iter();
            let mut env: Vec<(String, String)> = variables
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            env.append(&mut job.env);
            job.env = env;
            job.folder = Some(match job.folder.take() {
                Some(own) => folder.join(own),
                None => folder,
            });
            job.place = JobPlace::Host;
            job.log_as = None;
        }
        host.run(job).await
    }
}

impl Session for ClusterSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            let (reply, observed) = oneshot::channel();
            self.order(Input::Observe(reply));
            let gone = |_| Err(DriverError::unreachable("observe", "the session is closed"));
            observed.await.unwrap_or_else(gone)
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

    fn out_of_time(&self, instance: &InstanceId, generation: Generation) {
        self.order(Input::OutOfTime(instance.clone(), generation));
    }

    fn cancel(&self, effect: EffectId) {
        self.order(Input::Cancel(effect));
    }

    fn logs(&self, request: LogRequest) -> LogStream {
        let folder = record::folder(&self.context.stack, &request.instance);
        stored::read_parts(&folder, self.context.logs.subscribe(), request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn outdated(&self, running: Vec<(InstanceId, Recorded)>, _: Make) -> BoxFuture<'_, Outdated> {
        Box::pin(async move { Ok(self.drifted(running).await) })
    }

    fn notes(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, Notes)>, DriverError>> {
        Box::pin(self.read_notes())
    }

    fn evidence(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, RenderedFile)>, DriverError>> {
        Box::pin(async move {
            let (reply, files) = oneshot::channel();
            self.order(Input::Evidence(reply));
            let gone = |_| DriverError::unreachable("evidence", "the session is closed");
            files.await.map_err(gone)
        })
    }

    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        self.order(Input::Forget(instances));
    }

    fn as_attach(&self) -> Option<&dyn Attach> {
        Some(self)
    }

    fn as_exec(&self) -> Option<&dyn Exec> {
        Some(self)
    }

    fn as_history(&self) -> Option<&dyn History> {
        (self.context.mode == Mode::Releases).then_some(self)
    }

    fn as_dial(&self) -> Option<&dyn Dial> {
        Some(self)
    }

    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(self.close_for(how))
    }
}

impl History for ClusterSession {
    fn history<'a>(
        &'a self,
        instance: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Vec<PastRevision>, DriverError>> {
        Box::pin(async move {
            let (reply, records) = oneshot::channel();
            self.order(Input::Records(reply));
            let records = records.await.unwrap_or_default();
            let record = records.into_iter().find(|(id, _)| id == instance);
            let Some((record, note)) = record.and_then(|(_, mut record)| {
                let note = record.release.take()?;
                Some((record, note))
            }) else {
                return Ok(Vec::new());
            };
            let cluster = &self.context.cluster;
            let revisions = release::revisions(cluster, &record.namespace, &note.name).await?;
            revisions.iter().map(release::Revision::told).collect()
        })
    }
}
