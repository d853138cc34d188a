//! The actor of one session.
//!
//! # One slot for each instance
//!
//! | what is in it | what comes | what follows | the fault that this prevents |
//! |---|---|---|---|
//! | nothing | a start | a task reads the files, notes the project, and runs the command's `up` | |
//! | a start under way | the first container runs | the start has succeeded; what fails from here on is the project's failure | a start that is awaited until all inner dependencies are healthy, and says nothing meanwhile |
//! | a start under way | a stop | the start is told to give up, and the stop waits for its end | a container that is made after its stop was reported |
//! | a start under way that has failed | the next start | waits until its command has returned | a restart that is refused, as the exit is told before that |
//! | containers | news of one | it is looked at; looks of one container never overlap | an old answer that arrives after a newer one |
//! | nothing any more | the answer to a look from before the stop | it is not heard: each look has a number | the end of the last run that fails the next start |
//! | containers | one ended badly, or is unhealthy before all were ready | its output is read to its end, then the failure is told | an exit that is told without the last words |
//! | containers that ended before a start | the start | they count as old until it comes to them | yesterday's crash that fails today's start |
//! | a failure that is being told | a stop | waits for it | an exit that is told after the stop |
//! | containers | a stop | a task ends and removes them | |
//! | a start that another session began | this session begins | its command is waited for, then what was only made is started in order | a job that runs twice because a supervisor died |
//! | a stop under way | a kill | the task is told to hurry | a polite stop of ten minutes that cannot be cut short |
//!
//! The generation of the newest stop is kept: nothing of it or before it is started any more.

mod news;
mod order;
mod orders;
mod resume;
mod slot;
mod stop;
mod up;

use std::collections::HashMap;
use std::sync::Arc;

use gantry_core::{EffectId, ExitStatus, Generation, InstanceId};
use gantry_driver::{DriverError, DriverEvent, StartRequest, StopRequest, UpdateRequest};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use crate::context::Context;
use crate::look::Seen;
use crate::record::Record;
use slot::Slot;

pub(crate) use news::watch;
pub(crate) use stop::{clear, networks, remove_all};

/// Everything that reaches the actor.
#[derive(Debug)]
pub(crate) enum Input {
    Start(Vec<StartRequest>),
    Stop(Vec<StopRequest>),
    Update(Vec<UpdateRequest>),
    Cancel(EffectId),
    Forget(Vec<(InstanceId, Generation)>),
    /// The engine said something about this container of an instance.
    News(InstanceId, String),
    /// The engine cannot be reached.
    Away(String),
    /// It can be reached again, and has these.
    Back(Vec<Seen>),
    /// A start has read its files, and this is what it will be.
    Noted(InstanceId, Box<Record>),
    /// A start has ended. What it has by then is given.
    Begun(InstanceId, Generation, up::Begun, Vec<Seen>),
    /// A container was looked at, by its id and the look's number; `None`: it is not there.
    Looked(
        InstanceId,
        String,
        u64,
        Box<Result<Option<Seen>, DriverError>>,
    ),
    /// The last words of what failed or ended are read.
    Ended(InstanceId, Generation, Box<slot::End>),
    /// A stop has ended.
    Gone(
        InstanceId,
        Generation,
        Result<Option<ExitStatus>, DriverError>,
    ),
    /// A stop takes longer than it should.
    Resists(InstanceId, Generation, smol_str::SmolStr),
}

/// The actor.
pub(crate) struct Link {
    context: Arc<Context>,
    slots: HashMap<InstanceId, Slot>,
    /// How many looks were begun.
    looks: u64,
    /// What tasks report to.
    outbox: UnboundedSender<Input>,
    /// All tasks: they end with the session.
    tasks: JoinSet<()>,
}

impl Link {
    /// An actor that knows these projects and containers already.
    pub(crate) fn new(
        context: Arc<Context>,
        outbox: UnboundedSender<Input>,
        records: Vec<(InstanceId, Record)>,
        seen: Vec<Seen>,
    ) -> Self {
        let mut link = Self {
            context,
            slots: HashMap::new(),
            looks: 0,
            outbox,
            tasks: JoinSet::new(),
        };
        link.adopt(records, seen);
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
            Input::News(instance, id) => self.look_at(&instance, &id),
            Input::Away(reason) => self.report(DriverEvent::Unreachable { reason }),
            Input::Back(seen) => self.back(seen),
            Input::Noted(instance, record) => self.noted(&instance, *record),
            Input::Begun(instance, generation, begun, seen) => {
                self.begun(&instance, generation, begun, seen);
            }
            Input::Looked(instance, id, look, seen) => self.looked(&instance, &id, look, *seen),
            Input::Ended(instance, generation, end) => self.ended(&instance, generation, *end),
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
