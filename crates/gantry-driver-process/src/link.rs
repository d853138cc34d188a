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
mod replies;
mod slot;
mod stop_command;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gantry_core::{EffectId, Generation, InstanceId};
use gantry_driver::{
    DriverError, DriverEvent, EventSink, JobOutcome, StackIdentity, StartRequest, StopRequest,
    UpdateRequest,
};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::{
    self as keeper, JobName, Listing, Message, Refusal, Request, RequestFrame,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use connection::connect_within;
use connection::{Connection, Opened};
use ends::Ends;
pub(crate) use ends::job_name;
pub(crate) use listing::{lives, observed};
use slot::Slot;

/// How long the keeper may be away before anyone is told.
const GRACE: Duration = Duration::from_secs(1);

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
    /// The end of this job was noted by whoever waited for it.
    JobTaken(JobName),
    /// A signal to the leader of an instance.
    Signal(InstanceId, Generation, i32, SignalReply),
    Forget(Vec<(InstanceId, Generation)>),
    /// Close the sockets that are kept open for a service.
    Release(String),
    Shutdown(oneshot::Sender<Result<(), Refusal>>),
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
}

/// What a reply is awaited for.
enum Asked {
    Spawn(InstanceId, Generation),
    Stop(InstanceId, Generation),
    Job(JobName),
    Signal(SignalReply),
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
}

/// The task.
pub(crate) struct Link {
    context: Arc<Context>,
    events: EventSink,
    orders: mpsc::WeakUnboundedSender<Order>,
    connection: Option<Connection>,
    /// Number of the last connection.
    connections: u64,
    /// Frames that go out when the inbox is empty.
    outbox: Vec<u8>,
    asked: HashMap<u64, Asked>,
    next_id: u64,
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
        events: EventSink,
        orders: mpsc::WeakUnboundedSender<Order>,
        opened: Opened,
    ) -> Self {
        let mut link = Self {
            context,
            events,
            orders,
            connection: None,
            connections: 0,
            outbox: Vec::new(),
            asked: HashMap::new(),
            next_id: 1,
            seen: 0,
            acknowledged: 0,
            history: opened.welcome.last_sequence,
            guard: opened.welcome.guard_pid,
            slots: HashMap::new(),
            jobs: HashMap::new(),
            ends: Ends::default(),
            stop_commands: HashMap::new(),
            unresolved: Vec::new(),
            reported_away: false,
            reconnecting: None,
            waiting: VecDeque::new(),
        };
        link.take_connection(opened);
        link.ask(Request::List, Asked::List(ListFor::Adopt));
        link
    }

    /// Works until the session is dropped.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
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
            Order::Start(batch) => batch.into_iter().for_each(|one| self.start(one)),
            Order::Stop(batch) => batch.into_iter().for_each(|one| self.stop(one)),
            Order::Update(batch) => batch.into_iter().for_each(|one| self.refuse_update(one)),
            Order::Cancel(effect) => self.cancel(effect),
            Order::Job(job) => self.job(*job),
            Order::CancelJob(name) => self.cancel_job(name),
            Order::JobTaken(name) => {
                self.ends.taken(&name);
            }
            Order::List(reply) if self.connection.is_some() => {
                self.ask(Request::List, Asked::List(ListFor::Session(reply)));
            }
            Order::Shutdown(reply) if self.connection.is_some() => {
                self.ask(Request::List, Asked::List(ListFor::Shutdown(reply)));
            }
            Order::Forget(instances) if self.connection.is_some() => self.forget(instances),
            Order::Release(service) if self.connection.is_some() => {
                self.tell(Request::Release { service });
            }
            Order::Signal(instance, generation, number, reply) if self.connection.is_some() => {
                self.signal(&instance, generation, number, reply);
            }
            Order::List(_)
            | Order::Shutdown(_)
            | Order::Forget(_)
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
                if let Some(asked) = self.asked.remove(&id) {
                    self.reply(asked, reply);
                }
            }
            Message::Events { events } => {
                for event in events {
                    self.event(event);
                }
            }
            Message::Hello(_) => {}
        }
    }

    /// Asks the keeper, if it is there; what is kept in slots and jobs is asked again when it is back.
    fn ask(&mut self, request: Request, asked: Asked) {
        if self.connection.is_none() {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id, asked);
        self.put(&RequestFrame { id, request });
    }

    /// Tells the keeper something to which no reply is awaited.
    fn tell(&mut self, request: Request) {
        if self.connection.is_some() {
            self.put(&RequestFrame { id: 0, request });
        }
    }

    fn put(&mut self, frame: &RequestFrame) {
        // Only a body over the limit of 64 MiB fails, which no specification reaches.
        if let Err(error) = keeper::encode(frame, &mut self.outbox) {
            tracing::error!(%error, "a request to the keeper was not sent");
        }
    }

    fn acknowledge(&mut self) {
        let sequence = self.ends.up_to(self.seen);
        if sequence > self.acknowledged {
            self.acknowledged = sequence;
            self.tell(Request::Ack { sequence });
        }
    }

    fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.outbox);
        if let Some(connection) = &self.connection {
            connection.write(bytes);
        }
    }

    fn report(&self, event: DriverEvent) {
        self.events.send(event);
    }
}
