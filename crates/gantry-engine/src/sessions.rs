//! Drivers by mode, and the sessions that are open.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use gantry_core::ModeName;
use gantry_driver::{
    BoxFuture, Driver, DriverError, EventSink, HostJobs, JobOutcome, JobRequest, OpenContext,
    Session, StackIdentity, StartRequest, StopRequest, Target, UpdateRequest,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::definition::Definition;
use crate::inbox::Incoming;

/// The drivers that are built in.
#[derive(Clone)]
pub(crate) struct Drivers(Arc<Vec<Arc<dyn Driver>>>);

impl Drivers {
    pub(crate) fn new(drivers: Vec<Arc<dyn Driver>>) -> Self {
        Self(Arc::new(drivers))
    }

    pub(crate) fn of(&self, mode: &ModeName) -> Option<&Arc<dyn Driver>> {
        self.0.iter().find(|driver| driver.mode() == *mode)
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Driver>> {
        self.0.as_ref().clone()
    }

    pub(crate) fn modes(&self) -> Vec<ModeName> {
        self.0.iter().map(|driver| driver.mode()).collect()
    }
}

/// So many starts do not wait for others of their turn.
const MANY: usize = 64;

/// What one session is asked in one turn.
#[derive(Default)]
struct Batch {
    start: Vec<StartRequest>,
    stop: Vec<StopRequest>,
    update: Vec<UpdateRequest>,
}

/// The sessions of a stack.
pub(crate) struct Sessions {
    pub(crate) drivers: Drivers,
    open: HashMap<Target, Arc<dyn Session>>,
    batches: HashMap<Target, Batch>,
    inbox: UnboundedSender<Incoming>,
    pub(crate) stack: StackIdentity,
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    /// What runs commands on this machine for everyone else.
    host_mode: Option<ModeName>,
    pub(crate) host: Arc<Host>,
}

/// Runs commands on this machine by way of the session of one mode, once that is open.
#[derive(Default)]
pub(crate) struct Host(OnceLock<Arc<dyn Session>>);

impl HostJobs for Host {
    fn run(&self, job: JobRequest) -> BoxFuture<'_, Result<JobOutcome, DriverError>> {
        match self.0.get() {
            Some(session) => session.job(job),
            None => Box::pin(std::future::ready(Err(DriverError::unreachable(
                "job",
                "nobody here can run commands yet",
            )))),
        }
    }

    fn give_up(&self, name: &str) {
        if let Some(session) = self.0.get() {
            session.give_up_job(name);
        }
    }

    fn taken(&self, name: &str) {
        if let Some(session) = self.0.get() {
            session.job_taken(name);
        }
    }
}

impl Sessions {
    pub(crate) fn new(
        drivers: Drivers,
        stack: StackIdentity,
        environment: Arc<BTreeMap<String, String>>,
        host_mode: Option<ModeName>,
        inbox: UnboundedSender<Incoming>,
    ) -> Self {
        Self {
            drivers,
            open: HashMap::new(),
            batches: HashMap::new(),
            inbox,
            stack,
            environment,
            host_mode,
            host: Arc::default(),
        }
    }

    /// The backend whose session runs commands on this machine for everyone else.
    pub(crate) fn host_target(&self) -> Option<Target> {
        self.host_mode.clone().map(Target::only)
    }

    /// The backend that a service runs in.
    pub(crate) fn target(&self, definition: &Definition) -> Result<Target, String> {
        let Some(driver) = self.drivers.of(definition.mode()) else {
            return Err(format!("the mode {} is not built in", definition.mode()));
        };
        driver
            .target(&definition.spec.value())
            .map_err(|error| error.to_string())
    }

    pub(crate) fn get(&self, target: &Target) -> Option<&Arc<dyn Session>> {
        self.open.get(target)
    }

    pub(crate) fn all(&self) -> Vec<(Target, Arc<dyn Session>)> {
        let pair =
            |(target, session): (&Target, &Arc<dyn Session>)| (target.clone(), Arc::clone(session));
        self.open.iter().map(pair).collect()
    }

    pub(crate) fn put(&mut self, target: Target, session: Arc<dyn Session>) {
        if self.host_target().as_ref() == Some(&target) {
            // The first stays: a session connects anew by itself.
            let _ = self.host.0.set(Arc::clone(&session));
        }
        self.open.insert(target, session);
    }

    /// What opens a session; its events go to the dispatcher.
    pub(crate) fn opener(
        &self,
        target: &Target,
        handles: BTreeMap<gantry_core::InstanceId, gantry_driver::Handle>,
    ) -> impl Future<Output = Result<Arc<dyn Session>, DriverError>> + Send + use<> {
        let driver = self.drivers.of(&target.mode).cloned();
        let context = OpenContext {
            stack: self.stack.clone(),
            handles,
            environment: Arc::clone(&self.environment),
            host: Some(Arc::clone(&self.host) as Arc<dyn HostJobs>),
        };
        let (inbox, target) = (self.inbox.clone(), target.clone());
        let from = target.clone();
        let sink = EventSink::new(move |event| {
            // The dispatcher is gone only when the supervisor ends.
            let _ = inbox.send(Incoming::Driver(from.clone(), event));
        });
        async move {
            let Some(driver) = driver else {
                let reason = format!("the mode {} is not built in", target.mode);
                return Err(DriverError::permanent("open", reason));
            };
            driver.open(context, target, sink).await
        }
    }

    pub(crate) fn start(&mut self, target: Target, request: StartRequest) {
        self.batches.entry(target).or_default().start.push(request);
    }

    pub(crate) fn stop(&mut self, target: Target, request: StopRequest) {
        self.batches.entry(target).or_default().stop.push(request);
    }

    pub(crate) fn update(&mut self, target: Target, request: UpdateRequest) {
        self.batches.entry(target).or_default().update.push(request);
    }

    /// Whether so many starts were gathered that they should not wait for more.
    pub(crate) fn gathered_much(&self) -> bool {
        self.batches.values().any(|batch| batch.start.len() >= MANY)
    }

    /// Hand over what was gathered. What is for a session that is not open comes back.
    pub(crate) fn flush(&mut self) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        for (target, batch) in self.batches.drain() {
            let Some(session) = self.open.get(&target) else {
                let of = |effect, instance| Unsent { effect, instance };
                unsent.extend(batch.start.into_iter().map(|it| of(it.effect, it.instance)));
                unsent.extend(batch.stop.into_iter().map(|it| of(it.effect, it.instance)));
                unsent.extend(
                    batch
                        .update
                        .into_iter()
                        .map(|it| of(it.effect, it.instance)),
                );
                continue;
            };
            // Starts first: a stop in the same turn is meant to overtake them.
            if !batch.start.is_empty() {
                session.start(batch.start);
            }
            if !batch.update.is_empty() {
                session.update(batch.update);
            }
            if !batch.stop.is_empty() {
                session.stop(batch.stop);
            }
        }
        unsent
    }
}

/// A request that no session could take.
pub(crate) struct Unsent {
    pub(crate) effect: gantry_core::EffectId,
    pub(crate) instance: gantry_core::InstanceId,
}
