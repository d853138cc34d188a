//! One task that owns the connection, everything pending, and the order of events.
//!
//! # Theory of operation
//!
//! Everything goes through one inbox: the session's orders, the keeper's messages, and news of the
//! connection. Whatever was asked and has not ended is kept in a [`Slot`] or as a job, so that after
//! the keeper was replaced all of it is asked again; that is harmless, since spawns, stops and jobs are
//! idempotent. Events that were not acknowledged come again, and their numbers tell which were
//! seen.
//!
//! A request ends by an event of the keeper's, never by its reply. Three replies need more than that,
//! and lead to a look at the keeper's listing: *known* (an earlier session asked the same, and its
//! event may be gone), *not found* (a stop of what never ran), and *not over* (an earlier
//! generation's tree is not empty: it is cleared first).

mod connection;
mod ends;
mod events;
mod listing;
mod orders;
mod outbox;
mod replies;
mod slot;
mod stop_command;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gantry_core::{EffectId, Generation, InstanceId};
use gantry_driver::{
    DriverError, DriverEvent, EventSink, JobOutcome, StackIdentity, StartRequest, StopRequest,
    UpdateRequest,
};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{self as keeper, JobName, Listing, Message, Refusal, Request};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use connection::Connection;
pub(crate) use connection::{Opened, connect_within};
use ends::Ends;
pub(crate) use ends::job_name;
pub(crate) use listing::observed;
use outbox::Outbox;
use slot::Slot;

use crate::pairs::Pairs;

/// How long the keeper may be away before anyone is told.
const GRACE: Duration = Duration::from_secs(1);

/// So much is sent before all of it is there.
const PIECE: usize = 16 * 1024;

/// What does not change while a session lives.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) stack: StackIdentity,
    pub(crate) layout: Layout,
    /// `PATH` of the environment that `up` was given.
    pub(crate) search_path: Option<String>,
}

/// What the link is told.
pub(crate) enum Order {
    Start(Vec<StartRequest>),
    Stop(Vec<StopRequest>),
    Update(Vec<UpdateRequest>),
    Cancel(EffectId),
    List(oneshot::Sender<Listing>),
    Job(Box<JobOrder>),
    CancelJob(JobName),
    /// Ask it to end; whoever waits for it goes on waiting.
    GiveUpJob(JobName),
    /// The end of this job was noted by whoever waited for it.
    JobTaken(JobName),
    /// A signal to the leader of an instance.
    Signal(InstanceId, Generation, i32, SignalReply),
    Forget(Vec<(InstanceId, Generation)>),
    /// The instance is to be started at another pair: whatever is left of it here goes.
    Leave(InstanceId),
    /// Close the sockets that are kept open for a service.
    Release(String),
    /// End. Whether a keeper was told so already, and the connection broke.
    Shutdown(oneshot::Sender<Result<(), Refusal>>, bool),
    /// The connection with this number said something.
    Said(u64, Message),
    /// The connection with this number broke.
    Broke(u64, String),
    /// A new connection.
    Connected(Box<Opened>),
    /// The keeper has been away for [`GRACE`], if the connection with this number is still the last.
    StillAway(u64),
}

/// A job as the session wants it.
pub(crate) struct JobOrder {
    pub(crate) name: JobName,
    pub(crate) command: Box<keeper::Command>,
    pub(crate) time_limit: Duration,
    pub(crate) capture: u64,
    pub(crate) log: Option<Box<keeper::JobLog>>,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) grace: Duration,
    pub(crate) reply: JobReply,
}

/// Where the outcome of a job is awaited.
pub(crate) type JobReply = oneshot::Sender<Result<JobOutcome, DriverError>>;

/// Where it is awaited that a signal was sent.
pub(crate) type SignalReply = oneshot::Sender<Result<(), DriverError>>;

/// A job that has not ended.
struct Job {
    request: Request,
    attempt: crate::sentence::Attempt,
    waiting: Vec<JobReply>,
    /// Whether it was asked to end by those who wait for that.
    given_up: bool,
}

/// What a reply is awaited for.
enum Asked {
    Spawn(InstanceId, Generation),
    Stop(InstanceId, Generation),
    Job(JobName),
    Signal(SignalReply),
    /// If the keeper is replaced before it answers, the next one is asked.
    Release(String),
    List(ListFor),
    Shutdown(oneshot::Sender<Result<(), Refusal>>),
}

/// What a listing is for.
enum ListFor {
    /// The session asked.
    Session(oneshot::Sender<Listing>),
    /// It tells how the requests of [`Link::unresolved`] ended.
    Unresolved,
    /// It tells whether this job still runs.
    Job(JobName),
    /// The keeper is back after it was reported to be away.
    Reachable,
    /// The stack is down, and what is kept of it goes.
    Shutdown(oneshot::Sender<Result<(), Refusal>>),
    /// The session begins: what runs already.
    Adopt,
    /// It tells what is left of this instance.
    Leave(InstanceId),
}

/// What a pair has when the session begins.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its instances.
    pub(crate) instances: Vec<(InstanceId, Generation)>,
    /// The jobs that run there, or ended while nobody listened.
    pub(crate) jobs: Vec<JobName>,
}

/// The task.
pub(crate) struct Link {
    context: Arc<Context>,
    /// The stack's, for this pair.
    layout: Layout,
    pairs: Weak<Pairs>,
    events: EventSink,
    orders: mpsc::WeakUnboundedSender<Order>,
    /// Where what it has is awaited, until that is told.
    adopted: Option<oneshot::Sender<Found>>,
    connection: Option<Connection>,
    /// Number of the last connection.
    connections: u64,
    /// What goes out when the inbox is empty, or when it is much.
    outbox: Outbox,
    /// The highest event that was seen.
    seen: u64,
    acknowledged: u64,
    /// Events up to this one happened before the session began: it observes instead.
    history: u64,
    /// The guard, as the keeper last said.
    guard: Option<u32>,
    slots: HashMap<InstanceId, Slot>,
    jobs: HashMap<JobName, Job>,
    /// Ends of jobs that are kept.
    ends: Ends,
    /// Stop commands that run, by the job's name.
    stop_commands: HashMap<JobName, InstanceId>,
    /// Instances whose requests a listing will resolve.
    unresolved: Vec<InstanceId>,
    reported_away: bool,
    reconnecting: Option<AbortOnDropHandle<()>>,
    /// Orders for the keeper that came while it was away and are kept nowhere else.
    waiting: VecDeque<Order>,
}

impl Link {
    pub(crate) fn new(
        context: Arc<Context>,
        pair: u32,
        pairs: Weak<Pairs>,
        events: EventSink,
        orders: mpsc::WeakUnboundedSender<Order>,
        adopted: oneshot::Sender<Found>,
    ) -> Self {
        Self {
            layout: context.layout.of_pair(pair),
            context,
            pairs,
            events,
            orders,
            adopted: Some(adopted),
            connection: None,
            connections: 0,
            outbox: Outbox::new(),
            seen: 0,
            acknowledged: 0,
            history: 0,
            guard: None,
            slots: HashMap::new(),
            jobs: HashMap::new(),
            ends: Ends::default(),
            stop_commands: HashMap::new(),
            unresolved: Vec::new(),
            reported_away: false,
            reconnecting: None,
            waiting: VecDeque::new(),
        }
    }

    /// Works until the session is dropped. Without a connection it seeks one.
    pub(crate) async fn run(
        mut self,
        opened: Option<Opened>,
        mut inbox: mpsc::UnboundedReceiver<Order>,
    ) {
        match opened {
            Some(opened) => self.return_to(opened),
            None => self.seek(),
        }
        self.flush();
        while let Some(order) = inbox.recv().await {
            self.take(order);
            // Whatever else is there goes out in the same write.
            while let Ok(order) = inbox.try_recv() {
                self.take(order);
            }
            self.acknowledge();
            self.flush();
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Start(batch) => {
                for one in batch {
                    self.start(one);
                    // The keeper starts the first of a thousand while the last are being written down.
                    if self.outbox.len() > PIECE {
                        self.flush();
                    }
                }
            }
            Order::Stop(batch) => batch.into_iter().for_each(|one| self.stop(one)),
            Order::Update(batch) => batch.into_iter().for_each(|one| self.refuse_update(&one)),
            Order::Cancel(effect) => self.cancel(effect),
            Order::Job(job) => self.job(*job),
            Order::CancelJob(name) => self.cancel_job(name),
            Order::GiveUpJob(name) => self.give_up_job(name),
            Order::JobTaken(name) => {
                self.ends.taken(&name);
            }
            Order::List(reply) if self.connection.is_some() => {
                self.ask(&Request::List, Asked::List(ListFor::Session(reply)));
            }
            Order::Shutdown(reply, _) if self.connection.is_some() => {
                self.ask(&Request::List, Asked::List(ListFor::Shutdown(reply)));
            }
            Order::Forget(instances) if self.connection.is_some() => self.forget(instances),
            Order::Leave(instance) if self.connection.is_some() => {
                self.ask(&Request::List, Asked::List(ListFor::Leave(instance)));
            }
            Order::Release(service) if self.connection.is_some() => {
                let request = Request::Release {
                    service: service.clone(),
                };
                self.ask(&request, Asked::Release(service));
            }
            Order::Signal(instance, generation, number, reply) if self.connection.is_some() => {
                self.signal(&instance, generation, number, reply);
            }
            Order::List(_)
            | Order::Shutdown(..)
            | Order::Forget(_)
            | Order::Leave(_)
            | Order::Release(_)
            | Order::Signal(..) => {
                self.waiting.push_back(order);
            }
            Order::Said(of, message) if of == self.connections => self.hear(message),
            Order::Broke(of, reason) if of == self.connections => self.lose(&reason),
            Order::StillAway(of) if of == self.connections && self.connection.is_none() => {
                self.report_away();
            }
            // From a connection that is over.
            Order::Said(..) | Order::Broke(..) | Order::StillAway(_) => {}
            Order::Connected(opened) => self.return_to(*opened),
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Reply { id, reply } => {
                if let Some(asked) = self.outbox.answered(id) {
                    self.reply(asked, reply);
                }
            }
            Message::Events { events } => {
                for event in events {
                    self.event(event);
                }
            }
            // The others are for those who have joined a terminal.
            Message::Hello(_)
            | Message::Output { .. }
            | Message::Skipped { .. }
            | Message::Ended { .. } => {}
        }
    }

    /// Asks the keeper, if it is there; what is kept in slots and jobs is asked again when it is back.
    fn ask(&mut self, request: &Request, asked: Asked) {
        if self.connection.is_some() {
            self.outbox.ask(request, asked);
        }
    }

    /// Tells the keeper something to which no reply is awaited.
    fn tell(&mut self, request: &Request) {
        if self.connection.is_some() {
            self.outbox.tell(request);
        }
    }

    fn acknowledge(&mut self) {
        let sequence = self.ends.up_to(self.seen);
        if sequence > self.acknowledged {
            self.acknowledged = sequence;
            self.tell(&Request::Ack { sequence });
        }
    }

    fn flush(&mut self) {
        let (Some(frames), Some(connection)) = (self.outbox.take(), &self.connection) else {
            return;
        };
        connection.write(frames);
    }

    fn report(&self, event: DriverEvent) {
        self.events.send(event);
    }
}
