//! The actor of one session.
//!
//! # One slot for each instance
//!
//! | what is in it | what comes | what follows | the fault that this prevents |
//! |---|---|---|---|
//! | nothing | a start | a task makes and starts the container | |
//! | a start under way | a stop | the start is told to give up, and the stop waits for its end | a container that is made after its stop was reported |
//! | a start under way | news of a container that is not known yet | it is looked at once the start has ended | an end that was told between two questions, and never again |
//! | a container | any news of it | it is looked at; looks of one container never overlap | an old answer that arrives after a newer one |
//! | a container | it has ended, and no stop is under way | its output is read to its end, then its exit is told | an exit that is told without the last words |
//! | an end under way | a stop | waits for it | an exit that is told after the stop |
//! | a container | a stop | a task ends and removes it | |
//! | a stop under way | a kill | the task is told to hurry | a polite stop of ten minutes that cannot be cut short |
//!
//! The generation of the newest stop is kept: nothing of it or before it is started any more.

mod news;
mod orders;
mod slot;
mod start;
mod stop;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use gantry_core::{EffectId, Generation, InstanceId, ServiceName};
use gantry_driver::{
    DriverError, DriverEvent, EventSink, HostJobs, Observed, StackIdentity, StartRequest,
    StopRequest, UpdateRequest, stored,
};
use gantry_log::LogFolder;
use gantry_stack::modes::container::{Build, ContainerSpec};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};

use crate::build::{self, Builds};
use crate::engine::Engine;
use crate::logins::Logins;
use crate::look::Seen;
use crate::names::Names;
use crate::{network, output};
use slot::Slot;

pub(crate) use news::watch;
pub(crate) use start::remove;

/// How many of a container's last lines are told with its exit.
const TAIL: usize = 20;

/// Everything that reaches the actor.
#[derive(Debug)]
pub(crate) enum Input {
    Start(Vec<StartRequest>),
    Stop(Vec<StopRequest>),
    Update(Vec<UpdateRequest>),
    Cancel(EffectId),
    Forget(Vec<(InstanceId, Generation)>),
    /// The engine said something about this container.
    News(String),
    /// The engine cannot be reached.
    Away(String),
    /// It can be reached again, and has these.
    Back(Vec<Seen>),
    /// A start has ended.
    Begun(InstanceId, Generation, Box<start::Begun>),
    /// A container was looked at, by its id; `None`: it is not there.
    Looked(InstanceId, String, Box<Result<Option<Seen>, DriverError>>),
    /// The output of a container that has ended is read to its end.
    Ended(InstanceId, Generation, slot::End),
    /// A stop has ended.
    Gone(
        InstanceId,
        Generation,
        Result<Option<gantry_core::ExitStatus>, DriverError>,
    ),
    /// A stop takes longer than it should.
    Resists(InstanceId, Generation, smol_str::SmolStr),
}

/// What all tasks of a session share.
pub(crate) struct Context {
    pub(crate) engine: Engine,
    pub(crate) names: Names,
    pub(crate) stack: StackIdentity,
    pub(crate) events: EventSink,
    pub(crate) home: Option<String>,
    pub(crate) logins: Logins,
    network: OnceCell<String>,
    builds: Builds,
    /// What the engine calls the container of each instance that has, or had, one.
    places: Mutex<HashMap<InstanceId, String>>,
}

impl Context {
    pub(crate) fn new(
        engine: Engine,
        stack: StackIdentity,
        events: EventSink,
        environment: &BTreeMap<String, String>,
        host: Option<Arc<dyn HostJobs>>,
    ) -> Self {
        Self {
            engine,
            names: Names::new(&stack),
            stack,
            events,
            home: environment.get("HOME").cloned(),
            logins: Logins::of(environment, host),
            network: OnceCell::new(),
            builds: Builds::default(),
            places: Mutex::default(),
        }
    }

    /// Sees to it that the stack's network is there, once; gives this machine's address in it.
    async fn network(&self) -> Result<String, DriverError> {
        let made = || network::ensure(&self.engine, &self.names);
        self.network.get_or_try_init(made).await.cloned()
    }

    /// The build of a service's image.
    pub(crate) fn build<'a>(
        &'a self,
        service: &'a ServiceName,
        spec: &'a ContainerSpec,
        build: &'a Build,
    ) -> build::Wanted<'a> {
        build::Wanted {
            engine: &self.engine,
            names: &self.names,
            service,
            spec,
            build,
            builds: &self.builds,
            logins: &self.logins,
        }
    }

    /// What leads to the container of an instance, whatever its name is.
    pub(crate) fn place(&self, instance: &InstanceId) -> String {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.get(instance).cloned();
        known.unwrap_or_else(|| self.names.container(instance))
    }

    /// Remembers the container of an instance by its id.
    pub(crate) fn placed(&self, instance: &InstanceId, id: &str) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(instance.clone(), id.to_owned());
    }

    /// There is no such container any more.
    pub(crate) fn left(&self, instance: &InstanceId) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.remove(instance);
    }

    /// The folder of an instance's log.
    pub(crate) fn log_folder(&self, instance: &InstanceId) -> LogFolder {
        output::folder(&self.stack, instance)
    }

    /// Follows the output of a container until its end.
    pub(crate) fn follow(&self, seen: &Seen) -> JoinHandle<()> {
        let what = output::Follow {
            id: seen.id.clone(),
            made: seen.made,
            folder: self.log_folder(&seen.tag.instance),
            policy: seen.tag.logs.clone(),
        };
        output::follow(self.engine.clone(), what)
    }

    /// What a container of an instance printed last, since that time.
    pub(crate) fn tail(
        &self,
        instance: &InstanceId,
        since: Option<jiff::Timestamp>,
    ) -> Vec<String> {
        let folder = self.log_folder(instance);
        stored::tail(&folder, since, TAIL).unwrap_or_else(|error| {
            tracing::warn!(%instance, %error, "its output cannot be read");
            Vec::new()
        })
    }

    /// A container in the words of all drivers.
    pub(crate) fn observed(&self, seen: &Seen) -> Option<Observed> {
        let tail = match &seen.run {
            crate::look::Run::Exited { .. } => self.tail(&seen.tag.instance, seen.made),
            _ => Vec::new(),
        };
        seen.observed(tail)
    }
}

/// The actor.
pub(crate) struct Link {
    context: Arc<Context>,
    slots: HashMap<InstanceId, Slot>,
    /// What tasks report to.
    outbox: UnboundedSender<Input>,
    /// All tasks: they end with the session.
    tasks: JoinSet<()>,
}

impl Link {
    /// An actor that knows these containers already.
    pub(crate) fn new(
        context: Arc<Context>,
        outbox: UnboundedSender<Input>,
        adopted: Vec<(Seen, JoinHandle<()>)>,
    ) -> Self {
        let mut link = Self {
            context,
            slots: HashMap::new(),
            outbox,
            tasks: JoinSet::new(),
        };
        for (seen, copier) in adopted {
            link.adopt(&seen, copier);
        }
        link
    }

    /// Works until the session is gone.
    pub(crate) async fn run(mut self, mut inbox: UnboundedReceiver<Input>) {
        while let Some(input) = inbox.recv().await {
            self.take(input);
            while self.tasks.try_join_next().is_some() {}
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Start(batch) => batch.into_iter().for_each(|it| self.start(it)),
            Input::Stop(batch) => batch.into_iter().for_each(|it| self.stop(it)),
            Input::Update(batch) => batch.into_iter().for_each(|it| self.update(&it)),
            Input::Cancel(effect) => self.cancel(effect),
            Input::Forget(instances) => self.forget(instances),
            Input::News(id) => self.news(&id),
            Input::Away(reason) => self.report(DriverEvent::Unreachable { reason }),
            Input::Back(seen) => self.back(&seen),
            Input::Begun(instance, generation, begun) => self.begun(&instance, generation, *begun),
            Input::Looked(instance, id, seen) => self.looked(&instance, &id, *seen),
            Input::Ended(instance, generation, end) => self.ended(&instance, generation, end),
            Input::Gone(instance, generation, result) => self.gone(&instance, generation, &result),
            Input::Resists(instance, generation, what) => {
                self.resists(&instance, generation, &what);
            }
        }
    }

    fn report(&self, event: DriverEvent) {
        self.context.events.send(event);
    }
}
