//! The live half, as the engine sees it: every call becomes an order to the link.

use std::sync::{Arc, Mutex, PoisonError};

use gantry_core::{EffectId, Generation, InstanceId, ServiceName};
use gantry_driver::{
    Attach, AttachRequest, BoxFuture, Close, DriverError, EventSink, ExecProcess, HostJobs,
    JobOutcome, JobPlace, JobRequest, LogRequest, LogStream, Observed, OpenContext, Session,
    StartRequest, StopRequest, UpdateRequest, Usage,
};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::JobName;
use tokio::sync::oneshot;

use crate::compressor::Compressor;
use crate::link::{Context, JobOrder, Order};
use crate::pairs::{Pairs, answer, gone};
use crate::usage::Readings;
use crate::{attach, command, link, logs};

/// An open connection to one stack's keepers.
#[derive(Debug)]
pub struct ProcessSession {
    context: Arc<Context>,
    pairs: Arc<Pairs>,
    compressor: Compressor,
    readings: Arc<Mutex<Readings>>,
}

impl ProcessSession {
    pub(crate) async fn open(context: OpenContext, events: EventSink) -> Result<Self, DriverError> {
        let context = Arc::new(Context {
            layout: Layout::new(context.stack.state_dir.clone()),
            search_path: context.environment.get("PATH").cloned(),
            stack: context.stack,
        });
        Ok(Self {
            pairs: Pairs::open(Arc::clone(&context), events).await?,
            compressor: Compressor::start(&context.layout),
            context,
            readings: Arc::default(),
        })
    }

    async fn run_job(&self, job: JobRequest) -> Result<JobOutcome, DriverError> {
        let stack = &self.context.stack;
        if job.command.is_empty() {
            return Err(DriverError::permanent("job", "the command is empty"));
        }
        let mut keeper = match &job.place {
            JobPlace::Host => command::host(stack, job.command),
            JobPlace::Instance { instance, from, .. } => {
                command::beside(stack, instance, from, job.command)?
            }
        };
        let log = match (&job.place, &job.log_as) {
            (JobPlace::Instance { instance, from, .. }, Some(label)) => {
                Some(command::job_log(instance, from, label)?)
            }
            _ => None,
        };
        keeper.env.extend(job.env);
        if let Some(folder) = job.folder {
            keeper.cwd = keeper.cwd.join(folder);
        }
        let name = link::job_name(&job.name, job.once);
        let (reply, outcome) = oneshot::channel();
        let cancel = CancelOnDrop {
            pairs: &self.pairs,
            name: Some(name.clone()),
        };
        let beside = match &job.place {
            JobPlace::Instance { instance, from, .. } => Some((instance, from)),
            JobPlace::Host => None,
        };
        let order = JobOrder {
            name: name.clone(),
            command: Box::new(keeper),
            time_limit: job.time_limit,
            capture: job.capture,
            log,
            input: job.input,
            grace: job.grace,
            reply,
        };
        self.pairs.run(order, beside);
        let outcome = outcome.await;
        cancel.disarm();
        if !job.once {
            self.pairs.job_taken(name);
        }
        outcome.unwrap_or_else(|_| Err(gone("job")))
    }
}

/// Cancels a job whose outcome nobody waits for any more.
struct CancelOnDrop<'a> {
    pairs: &'a Arc<Pairs>,
    name: Option<JobName>,
}

impl CancelOnDrop<'_> {
    fn disarm(mut self) {
        self.name = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.pairs.cancel_job(name);
        }
    }
}

impl HostJobs for ProcessSession {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn taken(&self, name: &str) {
        self.pairs.job_taken(link::job_name(name, true));
    }

    fn give_up(&self, name: &str) {
        let name = link::job_name(name, true);
        self.pairs.tell_all(|| Order::GiveUpJob(name.clone()));
    }
}

impl Session for ProcessSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            let listing = self.pairs.listing().await?;
            Ok(link::observed(&self.context.layout, &listing))
        })
    }

    fn start(&self, batch: Vec<StartRequest>) {
        for request in &batch {
            // A name that is wrong is told by the start.
            if let Ok(name) = command::name(&request.instance) {
                let folder = self.context.layout.log(&name);
                self.compressor
                    .wish(folder, request.from.settings.logs.compress);
            }
        }
        self.pairs.start(batch);
    }

    fn stop(&self, batch: Vec<StopRequest>) {
        self.pairs.stop(batch);
    }

    fn update(&self, batch: Vec<UpdateRequest>) {
        // Refused wherever it is asked.
        self.pairs.tell_first(Order::Update(batch));
    }

    fn cancel(&self, effect: EffectId) {
        self.pairs.tell_all(|| Order::Cancel(effect));
    }

    fn logs(&self, request: LogRequest) -> LogStream {
        logs::read(&self.context.layout, &request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn give_up_job(&self, name: &str) {
        HostJobs::give_up(self, name);
    }

    fn job_taken(&self, name: &str) {
        self.pairs.job_taken(link::job_name(name, true));
    }

    fn signal<'a>(
        &'a self,
        instance: &'a InstanceId,
        generation: Generation,
        number: i32,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let (reply, sent) = oneshot::channel();
            let order = Order::Signal(instance.clone(), generation, number, reply);
            self.pairs.tell_of(instance, order);
            answer("signal", sent).await?
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, Usage)>, DriverError>> {
        Box::pin(async move {
            let listing = self.pairs.listing().await?;
            let (context, readings) = (Arc::clone(&self.context), Arc::clone(&self.readings));
            let read = move || {
                // A reader that panicked has left readings that are as good as none.
                let mut readings = readings.lock().unwrap_or_else(PoisonError::into_inner);
                readings.read(&context.layout, &listing)
            };
            tokio::task::spawn_blocking(read)
                .await
                .map_err(|error| DriverError::transient("usage", error.to_string()))
        })
    }

    fn forget(&self, instances: Vec<(InstanceId, Generation)>) {
        self.pairs.forget(instances);
    }

    fn release(&self, service: &ServiceName) {
        self.pairs.release(service);
    }

    fn as_attach(&self) -> Option<&dyn Attach> {
        Some(self)
    }

    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            match how {
                Close::Leave => Ok(()),
                Close::Down(_) => self.pairs.shut_down().await,
            }
        })
    }
}

impl Attach for ProcessSession {
    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<ExecProcess, DriverError>> {
        Box::pin(attach::join(self.context.layout.clone(), request))
    }
}
