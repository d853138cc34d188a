//! One loop: the world outside becomes one stream of events, the world decides, and its effects are
//! carried out.
//!
//! A turn takes in all that is there, applies it, gathers what sessions are to be asked, and hands
//! that over at the end: services that may start at the same moment are started in one batch.

mod adopt;
mod driver;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use gantry_core::{Effect, Event, InstanceId, ServiceKey, ServiceName, World};
use gantry_driver::{Discard, Make, Target};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::book::Book;
use crate::calm::Calm;
use crate::clock::Clock;
use crate::effects::probes::{Probes, WatchId};
use crate::effects::timers::Timers;
use crate::effects::{Hooks, ParkedWatch, Start, Update};
use crate::event_log::EventLog;
use crate::identity::Identity;
use crate::inbox::{Incoming, Request};
use crate::journal::Journal;
use crate::operations::Operations;
use crate::port_book::PortBook;
use crate::resolve::Secrets;
use crate::saved::Saving;
use crate::sessions::Sessions;

/// How many messages one turn takes in at most, so that timers have their turn too.
const TURN: usize = 4096;

/// For so many effects there is always room; thousands are rare.
const FEW: usize = 256;

/// How long until a backend that could not be reached is tried again.
pub(crate) const AGAIN: Duration = Duration::from_millis(500);

/// How far the stack is on its way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Requests are served.
    Serving,
    /// Everything has stopped; what was made for the stack as a whole is being removed.
    Closing,
    /// The stack is down: the supervisor ends.
    Down,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The stack is down.
    Down,
    /// Nobody can reach this supervisor any more. What runs stays, and another one takes over.
    Leave,
}

/// All that one supervisor holds.
pub(crate) struct Dispatcher {
    pub(crate) clock: Clock,
    pub(crate) world: World,
    pub(crate) book: Book,
    pub(crate) sessions: Sessions,
    pub(crate) ports: PortBook,
    pub(crate) secrets: Secrets,
    pub(crate) probes: Probes,
    pub(crate) timers: Timers,
    pub(crate) events: EventLog,
    pub(crate) journal: Journal,
    pub(crate) calm: Calm,
    /// Gives memory that is free back to the system.
    give_back: fn(),
    pub(crate) operations: Operations,
    pub(crate) identity: Identity,
    /// Starts that wait for a secret.
    pub(crate) parked: Vec<Start>,
    /// Updates that do.
    pub(crate) parked_updates: Vec<Update>,
    pub(crate) parked_watches: Vec<ParkedWatch>,
    pub(crate) hooks: Hooks,
    /// When that is made which services are made from, as the last `up` of each said.
    pub(crate) making: HashMap<ServiceName, Make>,
    /// Which revisions services are to go back to with their next update.
    pub(crate) backs: HashMap<ServiceName, u32>,
    /// Events that executors made, for this turn.
    pub(crate) queue: VecDeque<Event>,
    /// The plan, while it is being written.
    pub(crate) saving: Option<Saving>,
    /// What the world has decided and was not carried out yet.
    effects: VecDeque<Effect>,
    /// What runs of a stack whose plan was lost.
    pub(crate) strays: Vec<InstanceId>,
    /// Whether anything was ever wanted of this supervisor.
    pub(crate) begun: bool,
    /// What was found in the plan and has not been looked at, where it ran: a new model may say otherwise before
    /// that backend answers.
    pub(crate) unseen: Vec<(Target, Vec<ServiceKey>)>,
    /// What goes with the stack when it is down.
    pub(crate) discard: Discard,
    /// Whether what an earlier supervisor kept is being found again.
    pub(crate) restoring: bool,
    /// Instances that ended, or could not be started, in this turn.
    pub(crate) ended: Vec<gantry_core::InstanceKey>,
    /// How often this process was asked to end.
    pub(crate) interruptions: u32,
    pub(crate) phase: Phase,
    inbox: UnboundedReceiver<Incoming>,
    /// What tasks report to.
    pub(crate) outbox: UnboundedSender<Incoming>,
}

/// What a dispatcher is made of.
pub(crate) struct Parts {
    pub(crate) identity: Identity,
    pub(crate) sessions: Sessions,
    pub(crate) ports: PortBook,
    pub(crate) events: EventLog,
    pub(crate) journal: Journal,
    /// What gives memory that is free back to the system.
    pub(crate) give_back: fn(),
    pub(crate) inbox: UnboundedReceiver<Incoming>,
    pub(crate) outbox: UnboundedSender<Incoming>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it lives for one turn"
)]
enum Turn {
    Incoming(Incoming),
    Timer(gantry_core::TimerId),
    Probe(WatchId),
}

impl Dispatcher {
    pub(crate) fn new(parts: Parts) -> Self {
        let clock = Clock::new();
        // Operations are numbered on from what earlier supervisors may have given.
        let operations = Operations::beginning_after(parts.events.last());
        let outbox = parts.outbox.clone();
        let calm = Calm::new(move || {
            // Gone only with the dispatcher.
            let _ = outbox.send(Incoming::Calm);
        });
        Self {
            clock,
            world: World::new(clock.now().0),
            book: Book::default(),
            sessions: parts.sessions,
            ports: parts.ports,
            secrets: Secrets::default(),
            probes: Probes::default(),
            timers: Timers::default(),
            events: parts.events,
            journal: parts.journal,
            calm,
            give_back: parts.give_back,
            operations,
            identity: parts.identity,
            parked: Vec::new(),
            parked_updates: Vec::new(),
            parked_watches: Vec::new(),
            hooks: Hooks::default(),
            making: HashMap::new(),
            backs: HashMap::new(),
            queue: VecDeque::new(),
            saving: None,
            effects: VecDeque::new(),
            strays: Vec::new(),
            begun: false,
            unseen: Vec::new(),
            discard: Discard::default(),
            restoring: false,
            ended: Vec::new(),
            interruptions: 0,
            phase: Phase::Serving,
            inbox: parts.inbox,
            outbox: parts.outbox,
        }
    }

    /// Work until the stack is down, or nobody can reach this supervisor any more.
    pub(crate) async fn run(&mut self) -> End {
        while self.turn().await {
            if self.phase == Phase::Down {
                return End::Down;
            }
        }
        End::Leave
    }

    /// One turn. Says whether there will be another. Nothing is lost if it is given up halfway: what was begun is gone
    /// on with in the next one.
    pub(crate) async fn turn(&mut self) -> bool {
        if !self.effects.is_empty() || !self.queue.is_empty() {
            self.settle().await;
            self.hand_over().await;
        }
        let turn = tokio::select! {
            Some(incoming) = self.inbox.recv() => Turn::Incoming(incoming),
            Some(timer) = self.timers.next() => Turn::Timer(timer),
            Some(watch) = self.probes.next() => Turn::Probe(watch),
            else => return false,
        };
        match turn {
            Turn::Incoming(incoming) => self.take(incoming),
            Turn::Timer(id) => self.apply(Event::Timer { id }),
            Turn::Probe(watch) => self.ask(watch),
        }
        self.settle().await;
        for _ in 0..TURN {
            let Ok(incoming) = self.inbox.try_recv() else {
                break;
            };
            self.take(incoming);
            self.settle().await;
        }
        self.hand_over().await;
        true
    }

    /// Carry out what was decided, and apply what executors made of that, until nothing more comes.
    pub(crate) async fn settle(&mut self) {
        loop {
            self.carry_out_all().await;
            let Some(event) = self.queue.pop_front() else {
                return;
            };
            self.apply(event);
        }
    }

    /// Tell the world. What it decides is carried out by [`Self::settle`].
    pub(crate) fn apply(&mut self, event: Event) {
        let mut effects: Vec<Effect> = Vec::new();
        self.world.apply(self.clock.now(), event, &mut effects);
        self.effects.extend(effects);
    }

    /// Carry out all that was decided, before anything else is. What is gathered goes out before all of it is there if it
    /// is much, and whoever sends it gets a turn of the thread: the first of a thousand services are started while the
    /// last are being looked up.
    pub(crate) async fn carry_out_all(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            self.carry_out(effect);
            if self.sessions.gathered_much() {
                self.send();
                tokio::task::yield_now().await;
            }
        }
        if self.effects.capacity() > FEW {
            self.effects = VecDeque::new();
        }
    }

    /// After much work what is kept lies between much that was needed for a moment, and holds on to all of that memory.
    /// Copies that are made one after the other lie together.
    fn gather(&mut self) {
        self.world.gather();
        self.book.gather();
        self.journal.gather();
        self.timers.gather();
        (self.give_back)();
    }

    /// Everything that was gathered goes out.
    pub(crate) async fn hand_over(&mut self) {
        while !self.send() {
            self.settle().await;
        }
        self.events.flush();
    }

    /// Bring out what was gathered. Says whether all of it found its session; what did not will be told as lost.
    fn send(&mut self) -> bool {
        // Before anything is started: the next supervisor must know of it.
        self.saved();
        self.note_given_up();
        self.journal.flush();
        let unsent = self.sessions.flush();
        let all = unsent.is_empty();
        for request in unsent {
            if let Some(instance) = self.key_of(&request.instance) {
                let effect = request.effect;
                self.queue.push_back(Event::Lost { effect, instance });
            }
        }
        all
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Driver(target, event) => self.driver_event(&target, event),
            Incoming::Request(request) => self.request(request),
            Incoming::Opened { target, result } => self.opened(target, result),
            Incoming::Observed { services, result } => self.observed(services, result),
            Incoming::LookAgain(services) => self.observe(&services),
            Incoming::Fetched(fetched) => self.fetched(fetched),
            Incoming::Probed { watch, outcome } => self.probed(watch, &outcome),
            Incoming::HookEnded { run, failure } => self.hook_ended(run, failure),
            Incoming::Reloaded { instance, report } => self.reloaded(instance, report),
            Incoming::Compared(compared) => self.compared(*compared),
            Incoming::Checked(checked) => self.checked(*checked),
            Incoming::Gone(operation) => self.client_gone(operation),
            Incoming::Tailed(operation, outcome) => self.end(operation, *outcome),
            Incoming::Forsaken => self.forsaken(),
            Incoming::Calm => self.gather(),
            Incoming::Idle => self.idle(),
            Incoming::Interrupted => self.interrupted(),
            Incoming::Closed => self.closed(),
        }
    }

    fn request(&mut self, request: Request) {
        // Whoever asked may have gone in the meantime; then nobody wants the answer.
        match request {
            Request::Status { brief, reply } => {
                let status = if brief {
                    self.brief_status()
                } else {
                    serde_json::to_vec(&self.status()).expect("a status is JSON")
                };
                let _ = reply.send(status.into());
            }
            Request::StatusWith(usage, reply) => {
                let mut status = self.status();
                crate::usage::add(&mut status, &usage);
                let status = serde_json::to_vec(&status).expect("a status is JSON");
                let _ = reply.send(status.into());
            }
            Request::Sessions(reply) => {
                let sessions = self.sessions.all().into_iter();
                let _ = reply.send(sessions.map(|(_, session)| session).collect());
            }
            Request::Explain { service, reply } => {
                let _ = reply.send(self.explain(&service));
            }
            Request::Events { query, reply } => {
                let _ = reply.send(self.events.listen(query.since, query.tail));
            }
            Request::Plan { request, reply } => {
                self.tell_plan(&request, reply);
            }
            Request::History { service, reply } => {
                let _ = reply.send(self.historian(&service));
            }
            Request::Reload { request, reply } => self.reload(&request, reply),
            Request::Attach {
                service,
                instance,
                purpose,
                reply,
            } => {
                let _ = reply.send(self.seat(&service, instance, purpose));
            }
            Request::Operate { request, reply } => {
                let _ = reply.send(self.operate(&request));
            }
        }
    }
}
