//! The actor of one session.
//!
//! # One slot for each instance
//!
//! | what is in it | what comes | what follows | the fault that this prevents |
//! |---|---|---|---|
//! | nothing, or what a stop has kept | a start | a task reads the manifests, writes the inventory, and applies | objects that nobody remembers |
//! | a start that an earlier session began | this session begins | a task waits for its end, or looks whether everything is there | a start that never ends because who began it is dead |
//! | a start under way | a hook of it fails for good | its words are read, Helm is stopped, and the start fails | a wait for what the cluster knows already |
//! | a start under way | a stop | the start is told to give up, and the stop waits for its end | an object that is made after its stop was reported |
//! | objects | the cluster tells anything | all that was told is taken in, then every instance is judged once | a verdict about half of a change |
//! | objects | an update | a task applies; what was seen before counts until it has | an old pod that fails the change which mends it |
//! | objects | it is judged hopeless, and was never ready | the last words are read, then it is told | a wait until the time is over for what is known already |
//! | objects | it is judged hopeless, and has been ready | it is not ready; the cluster goes on trying | a restart of a database because one of its pods has a bad day |
//! | objects that were all deleted by others | it is judged gone | its end is told | "running" of what is not there |
//! | a stop under way | a kill | the task is told to hurry | a polite stop of ten minutes that cannot be cut short |
//! | anything | the cluster cannot be asked | it is said once; nothing is concluded | a service that is dead because a network is |
//!
//! The generation of the newest stop is kept: nothing of it or before it is started any more.

mod aim;
mod evidence;
mod happenings;
mod interest;
mod news;
mod orders;
mod resume;
mod slot;
mod stop;

use std::collections::HashMap;
use std::sync::Arc;

use gantry_core::{EffectId, ExitStatus, Generation, InstanceId};
use gantry_driver::{
    DialRequest, DriverError, DriverEvent, Observed, RenderedFile, StartRequest, StopRequest,
    UpdateRequest,
};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::apply::{Marks, Wrong};
use crate::context::Context;
use crate::drift::{self, Suspects};
use crate::forward::target::Aim;
use crate::judge::Blame;
use crate::record::Record;
use crate::view::{Change, Scope, View};
use happenings::Happenings;
use interest::Interest;
use slot::{Slot, Told};

pub(crate) use news::uid;
pub(crate) use slot::End;

/// Everything that reaches the actor.
#[derive(Debug)]
pub(crate) enum Input {
    Start(Vec<StartRequest>),
    Stop(Vec<StopRequest>),
    Update(Vec<UpdateRequest>),
    Cancel(EffectId),
    /// What an instance was changed to has not become ready in time.
    OutOfTime(InstanceId, Generation),
    Forget(Vec<(InstanceId, Generation)>),
    /// Somebody wants to know everything.
    Observe(oneshot::Sender<Result<Vec<Observed>, DriverError>>),
    /// A watch tells something.
    Seen(Scope, Box<Change>),
    /// The cluster answers again.
    Back,
    /// What is seen of the cluster may be old without anyone having been told.
    Doubt,
    /// Time alone may have changed the verdict about an instance.
    Later(InstanceId),
    /// A start or an update has ended, and this is there now.
    Applied(
        InstanceId,
        Generation,
        Box<Option<Record>>,
        Result<Marks, Wrong>,
    ),
    /// What a start that is under way has made so far.
    Interim(InstanceId, Generation, Box<Record>),
    /// What an earlier session began is through, or is not.
    Resumed(
        InstanceId,
        Generation,
        Box<Record>,
        Result<Marks, DriverError>,
    ),
    /// Who begins something asks which hook troubles it.
    Blamed(InstanceId, oneshot::Sender<Blame>),
    /// Somebody wants to connect to something of an instance.
    Aim(DialRequest, oneshot::Sender<Result<Aim, DriverError>>),
    /// The last words of what failed or ended are read.
    Ended(InstanceId, Generation, Box<End>),
    /// A stop has ended; what is kept is given.
    Gone(
        InstanceId,
        Generation,
        Result<Option<ExitStatus>, DriverError>,
        Box<Option<Record>>,
    ),
    /// A stop takes longer than it should.
    Resists(InstanceId, Generation, smol_str::SmolStr),
    /// Somebody wants the pods of an instance.
    Pods(InstanceId, oneshot::Sender<Vec<Arc<serde_json::Value>>>),
    /// Somebody wants to know what others have changed of these.
    Suspects(Vec<InstanceId>, oneshot::Sender<Vec<Suspects>>),
    /// Somebody wants to keep all that is seen.
    Evidence(oneshot::Sender<Vec<(InstanceId, RenderedFile)>>),
    /// The session is to be closed: what is noted is asked for.
    Records(oneshot::Sender<Vec<(InstanceId, Record)>>),
}

/// The actor.
pub(crate) struct Link {
    context: Arc<Context>,
    slots: HashMap<InstanceId, Slot>,
    view: View,
    interest: Interest,
    happenings: Happenings,
    /// Whether the cluster cannot be asked, and that was said.
    away: bool,
    /// Why, as it was told last.
    away_for: Option<String>,
    /// Who waits until everything was seen.
    observers: Vec<oneshot::Sender<Result<Vec<Observed>, DriverError>>>,
    /// What tasks report to.
    outbox: UnboundedSender<Input>,
    /// All tasks: they end with the session.
    tasks: JoinSet<()>,
}

impl Link {
    /// An actor that knows these inventories already.
    pub(crate) fn new(
        context: Arc<Context>,
        outbox: UnboundedSender<Input>,
        records: Vec<(InstanceId, Record)>,
    ) -> Self {
        let mut link = Self {
            context,
            slots: HashMap::new(),
            view: View::default(),
            interest: Interest::default(),
            happenings: Happenings::new(Timestamp::now()),
            away: false,
            away_for: None,
            observers: Vec::new(),
            outbox,
            tasks: JoinSet::new(),
        };
        for (instance, record) in records {
            let slot = link.slots.entry(instance).or_default();
            if record.stopped {
                slot.floor = record.generation;
            }
            slot.told = Told {
                started: record.started,
                been_ready: record.started,
                ..Told::default()
            };
            slot.record = Some(record);
        }
        link.watch_all();
        link.resume_all();
        link
    }

    /// Works until the session is gone.
    pub(crate) async fn run(mut self, mut inbox: UnboundedReceiver<Input>) {
        while let Some(input) = inbox.recv().await {
            self.take(input);
            // What was told together is judged together.
            while let Ok(input) = inbox.try_recv() {
                self.take(input);
            }
            self.judge_all();
            self.tell_happenings();
            while self.tasks.try_join_next().is_some() {}
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Start(batch) => batch.into_iter().for_each(|it| self.start(it)),
            Input::Stop(batch) => batch.into_iter().for_each(|it| self.stop(it)),
            Input::Update(batch) => batch.into_iter().for_each(|it| self.update(it)),
            Input::Cancel(effect) => self.cancel(effect),
            Input::Forget(instances) => self.forget(instances),
            Input::Observe(reply) => {
                self.interest.touch_all();
                self.observers.push(reply);
            }
            Input::Seen(scope, change) => {
                if self.happenings.take(&scope, &change) {
                    // It tells of no trouble: it is passed on, and not kept.
                    return;
                }
                self.interest.seen(&scope, &change);
                self.seen(&scope, *change);
            }
            Input::Back => self.back(),
            Input::Doubt => self.view.renew(&self.context, &self.outbox),
            Input::Later(instance) => self.interest.touch(&instance),
            Input::Applied(instance, generation, record, result) => {
                self.applied(&instance, generation, *record, result);
            }
            Input::Interim(instance, generation, record) => {
                self.interim(&instance, generation, *record);
            }
            Input::Resumed(instance, generation, record, result) => {
                self.resumed(&instance, generation, *record, result);
            }
            Input::Blamed(instance, reply) => {
                let begun = self
                    .slots
                    .get(&instance)
                    .and_then(|slot| slot.begun.as_ref());
                let _ = reply.send(begun.map(|begun| begun.blame.clone()).unwrap_or_default());
            }
            Input::OutOfTime(instance, generation) => self.out_of_time(&instance, generation),
            Input::Aim(request, reply) => {
                let _ = reply.send(self.aim(&request));
            }
            Input::Ended(instance, generation, end) => self.ended(&instance, generation, *end),
            Input::Gone(instance, generation, result, record) => {
                self.gone(&instance, generation, &result, *record);
            }
            Input::Resists(instance, generation, what) => {
                self.resists(&instance, generation, &what);
            }
            Input::Pods(instance, reply) => {
                let record = self
                    .slots
                    .get(&instance)
                    .and_then(|slot| slot.record.as_ref());
                let pods = record.map(|record| self.pods(record));
                let _ = reply.send(pods.unwrap_or_default());
            }
            Input::Suspects(instances, reply) => {
                let _ = reply.send(self.suspects(&instances));
            }
            Input::Evidence(reply) => {
                let _ = reply.send(self.evidence());
            }
            Input::Records(reply) => {
                let records = self.slots.iter();
                let records = records
                    .filter_map(|(instance, slot)| Some((instance.clone(), slot.record.clone()?)));
                let _ = reply.send(records.collect());
            }
        }
    }

    /// What of these is not as we left it, of those that run and are left alone.
    fn suspects(&self, instances: &[InstanceId]) -> Vec<Suspects> {
        let quiet = |slot: &&Slot| {
            slot.begun.is_none()
                && slot.stopping.is_none()
                && slot.stops.is_empty()
                && slot.told.started
        };
        let records = instances.iter().filter_map(|instance| {
            let slot = self.slots.get(instance).filter(quiet)?;
            let record = slot.record.as_ref().filter(|record| !record.stopped)?;
            Some((instance, record))
        });
        let found = records.map(|(instance, record)| drift::suspects(instance, record, &self.view));
        found.collect()
    }

    fn report(&self, event: DriverEvent) {
        self.context.events.send(event);
    }
}
