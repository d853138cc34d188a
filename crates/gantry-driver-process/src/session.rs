//! The live half, as the engine sees it: every call becomes an order to the link.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_core::{EffectId, FailureKind, Generation, InstanceId, ServiceName};
use gantry_driver::{
    BoxFuture, Close, DriverError, Endpoint, EventSink, HostJobs, JobOutcome, JobPlace, JobRequest,
    LogRequest, LogStream, Observed, OpenContext, Recorded, Session, StartRequest, StopRequest,
    UpdateRequest, Usage, Zone,
};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{JobName, Listing};
use smol_str::SmolStr;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::compressor::Compressor;
use crate::link::{Context, JobOrder, Link, Order};
use crate::usage::Readings;
use crate::{command, link, logs};

/// How long a question waits for a keeper that is being replaced.
const PATIENCE: Duration = Duration::from_secs(5);

/// An open connection to one stack's keeper.
#[derive(Debug)]
pub struct ProcessSession {
    context: Arc<Context>,
    orders: mpsc::UnboundedSender<Order>,
    compressor: Compressor,
    readings: Arc<Mutex<Readings>>,
    _link: AbortOnDropHandle<()>,
}

impl ProcessSession {
    pub(crate) async fn open(context: OpenContext, events: EventSink) -> Result<Self, DriverError> {
        let context = Arc::new(Context {
            layout: Layout::new(context.stack.state_dir.clone()),
            search_path: context.environment.get("PATH").cloned(),
            stack: context.stack,
        });
        let connection = link::connect_within(&context.stack.state_dir, 0, PATIENCE).await?;
        let (orders, inbox) = mpsc::unbounded_channel();
        let link = Link::new(Arc::clone(&context), events, orders.downgrade(), connection);
        let link = tokio::spawn(link.run(inbox));
        Ok(Self {
            compressor: Compressor::start(&context.layout),
            context,
            orders,
            readings: Arc::default(),
            _link: AbortOnDropHandle::new(link),
        })
    }

    fn order(&self, order: Order) {
        // The link ends only with the session, unless it panicked: then nobody is left to ask.
        let _ = self.orders.send(order);
    }

    async fn listing(&self) -> Result<Listing, DriverError> {
        let (reply, listing) = oneshot::channel();
        self.order(Order::List(reply));
        answer("list", listing).await
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
        keeper.env.extend(job.env);
        if let Some(folder) = job.folder {
            keeper.cwd = keeper.cwd.join(folder);
        }
        let name = link::job_name(&job.name, job.once);
        let (reply, outcome) = oneshot::channel();
        let cancel = CancelOnDrop {
            orders: &self.orders,
            name: Some(name.clone()),
        };
        self.order(Order::Job(Box::new(JobOrder {
            name,
            command: Box::new(keeper),
            time_limit: job.time_limit,
            capture: job.capture,
            reply,
        })));
        let outcome = outcome.await;
        cancel.disarm();
        outcome.unwrap_or_else(|_| Err(gone("job")))
    }
}

/// The answer of the link, if the keeper gives one in time.
async fn answer<T>(stage: &'static str, answer: oneshot::Receiver<T>) -> Result<T, DriverError> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(gone(stage)),
        Err(_) => Err(DriverError::unreachable(
            stage,
            format!("the keeper did not answer in {} s", PATIENCE.as_secs()),
        )),
    }
}

fn gone(stage: &'static str) -> DriverError {
    DriverError::unreachable(stage, "the connection to the keeper was given up")
}

/// Cancels a job whose outcome nobody waits for any more.
struct CancelOnDrop<'a> {
    orders: &'a mpsc::UnboundedSender<Order>,
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
            let _ = self.orders.send(Order::CancelJob(name));
        }
    }
}

impl HostJobs for ProcessSession {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }
}

impl Session for ProcessSession {
    fn observe(&self) -> BoxFuture<'_, Result<Vec<Observed>, DriverError>> {
        Box::pin(async move {
            let listing = self.listing().await?;
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
        self.order(Order::Start(batch));
    }

    fn stop(&self, batch: Vec<StopRequest>) {
        self.order(Order::Stop(batch));
    }

    fn update(&self, batch: Vec<UpdateRequest>) {
        self.order(Order::Update(batch));
    }

    fn cancel(&self, effect: EffectId) {
        self.order(Order::Cancel(effect));
    }

    fn endpoints<'a>(
        &'a self,
        _instance: &'a InstanceId,
        from: &'a Recorded,
        zone: &'a Zone,
    ) -> BoxFuture<'a, Result<Vec<Endpoint>, DriverError>> {
        // From inside an engine's network or a cluster this machine has a name that only the driver of
        // that mode knows; it makes an address of these.
        let endpoints = match zone {
            Zone::Host => from.settings.ports.iter().map(local).collect(),
            Zone::Network(_) | Zone::Cluster(_) | Zone::External => Vec::new(),
        };
        Box::pin(std::future::ready(Ok(endpoints)))
    }

    fn logs(&self, request: LogRequest) -> LogStream {
        logs::read(&self.context.layout, &request)
    }

    fn job(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        Box::pin(self.run_job(job))
    }

    fn job_taken(&self, name: &str) {
        self.order(Order::JobTaken(link::job_name(name, true)));
    }

    fn signal<'a>(
        &'a self,
        instance: &'a InstanceId,
        generation: Generation,
        number: i32,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let (reply, sent) = oneshot::channel();
            self.order(Order::Signal(instance.clone(), generation, number, reply));
            answer("signal", sent).await?
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<(InstanceId, Usage)>, DriverError>> {
        Box::pin(async move {
            let listing = self.listing().await?;
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
        self.order(Order::Forget(instances));
    }

    fn release(&self, service: &ServiceName) {
        self.order(Order::Release(service.to_string()));
    }

    fn close(&self, how: Close) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            match how {
                Close::Leave => Ok(()),
                Close::Down | Close::Purge => {
                    let (reply, result) = oneshot::channel();
                    self.order(Order::Shutdown(reply));
                    answer("shutdown", result).await?.map_err(|refusal| {
                        DriverError::new("shutdown", FailureKind::Transient, refusal.to_string())
                    })
                }
            }
        })
    }
}

/// A port of a process is a port of this machine.
fn local((name, port): (&SmolStr, &u16)) -> Endpoint {
    let scheme = match name.as_str() {
        "http" | "https" => name.clone(),
        _ => SmolStr::new_static("tcp"),
    };
    Endpoint {
        name: name.clone(),
        host: SmolStr::new_static("127.0.0.1"),
        port: *port,
        scheme: Some(scheme),
    }
}
