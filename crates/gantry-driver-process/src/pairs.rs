//! The pairs of guard and keeper of one stack, and which instance is whose.
//!
//! One pair serves so many instances as its keeper says; for more there are further pairs, which the
//! first one starts when it is asked to. Each has a [`Link`] of its own. What is about an instance goes
//! to the link of its pair, where it stays as long as anything is known of it; a session that begins
//! finds it there. What runs beside an instance runs at its pair too, so that its log has one writer; what has
//! begun there before this session did is found like the instance.
//!
//! To the engine it is one backend: it cannot be reached while one pair cannot, and when all are back, what
//! all of them have is told.

mod places;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use gantry_core::{FailureKind, Generation, InstanceId, ServiceName};
use gantry_driver::{DriverError, DriverEvent, EventSink, Recorded, StartRequest, StopRequest};
use gantry_keeper::client;
use gantry_keeper::layout::{FIRST_PAIR, Layout};
use gantry_keeper::protocol::{JobName, Listing};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::link::{self, Context, Found, JobOrder, Link, Opened, Order};
use places::Places;

/// How long a question waits for a keeper that is being replaced.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How often is looked whether a pair has ended that was told to.
const LOOK: Duration = Duration::from_millis(5);

/// How long is waited before pairs are asked again that did not answer.
const AGAIN: Duration = Duration::from_millis(200);

/// All pairs of a stack.
pub(crate) struct Pairs {
    context: Arc<Context>,
    events: EventSink,
    table: Mutex<Table>,
}

struct Table {
    links: BTreeMap<u32, Connected>,
    places: Places,
    /// Where the jobs are whose ends were not taken yet.
    jobs: HashMap<JobName, u32>,
    /// Those that cannot be reached.
    away: BTreeSet<u32>,
    /// How often all were back.
    back: u64,
}

/// A link at work. It ends with this.
struct Connected {
    orders: mpsc::UnboundedSender<Order>,
    _task: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for Pairs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pairs").finish_non_exhaustive()
    }
}

impl Pairs {
    /// Connects to all pairs that there are, and learns what they have.
    pub(crate) async fn open(
        context: Arc<Context>,
        events: EventSink,
    ) -> Result<Arc<Self>, DriverError> {
        let first = link::connect_within(&context.layout, 0, PATIENCE).await?;
        let capacity = first.capacity();
        let further = context.layout.further_pairs();
        let pairs = Arc::new(Self {
            context,
            events,
            table: Mutex::new(Table {
                links: BTreeMap::new(),
                places: Places::new(capacity),
                jobs: HashMap::new(),
                away: BTreeSet::new(),
                back: 0,
            }),
        });
        let mut found = Vec::new();
        {
            let mut table = pairs.lock();
            found.push((
                FIRST_PAIR,
                pairs.connect(&mut table, FIRST_PAIR, Some(first)),
            ));
            for pair in further {
                found.push((pair, pairs.connect(&mut table, pair, None)));
            }
        }
        for (pair, found) in found {
            let found = answer("list", found).await?;
            let mut table = pairs.lock();
            table.places.found(pair, found.instances);
            table
                .jobs
                .extend(found.jobs.into_iter().map(|job| (job, pair)));
        }
        Ok(pairs)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing that is done with it can be interrupted by a panic half-way.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the link of a pair. What runs there is answered.
    fn connect(
        self: &Arc<Self>,
        table: &mut Table,
        pair: u32,
        opened: Option<Opened>,
    ) -> oneshot::Receiver<Found> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (adopted, found) = oneshot::channel();
        let link = Link::new(
            Arc::clone(&self.context),
            pair,
            Arc::downgrade(self),
            self.events.clone(),
            orders.downgrade(),
            adopted,
        );
        let link = tokio::spawn(link.run(opened, inbox));
        table.links.insert(
            pair,
            Connected {
                orders,
                _task: AbortOnDropHandle::new(link),
            },
        );
        found
    }

    /// Tells the link of a pair, which is started if there is none.
    fn tell(self: &Arc<Self>, table: &mut Table, pair: u32, order: Order) {
        if !table.links.contains_key(&pair) {
            // Nothing runs there yet that could be found.
            drop(self.connect(table, pair, None));
        }
        if let Some(link) = table.links.get(&pair) {
            // A link ends only with us, unless it panicked: then nobody is left to tell.
            let _ = link.orders.send(order);
        }
    }

    /// Run a job, at the pair of the instance that it runs beside if it does.
    pub(crate) fn run(self: &Arc<Self>, job: JobOrder, beside: Option<(&InstanceId, &Recorded)>) {
        let mut table = self.lock();
        let pair = match (table.jobs.get(&job.name), beside) {
            (Some(pair), _) => *pair,
            (None, Some((instance, from))) => self.place(&mut table, instance, from),
            (None, None) => FIRST_PAIR,
        };
        table.jobs.insert(job.name.clone(), pair);
        self.tell(&mut table, pair, Order::Job(Box::new(job)));
    }

    /// Nobody waits for this job.
    pub(crate) fn cancel_job(self: &Arc<Self>, job: JobName) {
        self.tell_of_job(job, Order::CancelJob);
    }

    /// The end of this job was noted.
    pub(crate) fn job_taken(self: &Arc<Self>, job: JobName) {
        self.tell_of_job(job, Order::JobTaken);
    }

    /// What ends a job's time here. One may follow the other, in any order: then nobody knows any more where
    /// it was, and to the others it means nothing.
    fn tell_of_job(self: &Arc<Self>, job: JobName, order: impl Fn(JobName) -> Order) {
        let mut table = self.lock();
        if let Some(pair) = table.jobs.remove(&job) {
            self.tell(&mut table, pair, order(job));
        } else {
            drop(table);
            self.tell_all(|| order(job.clone()));
        }
    }

    /// The pair at which an instance is started.
    fn place(self: &Arc<Self>, table: &mut Table, instance: &InstanceId, from: &Recorded) -> u32 {
        let (pair, before) = table.places.assign(instance, has_sockets(from));
        if let Some(before) = before {
            self.tell(table, before, Order::Leave(instance.clone()));
        }
        pair
    }

    /// What makes no difference where.
    pub(crate) fn tell_first(self: &Arc<Self>, order: Order) {
        self.tell(&mut self.lock(), FIRST_PAIR, order);
    }

    /// What is about one instance.
    pub(crate) fn tell_of(self: &Arc<Self>, instance: &InstanceId, order: Order) {
        let mut table = self.lock();
        let pair = table.places.of(instance);
        self.tell(&mut table, pair, order);
    }

    /// What may be about any, and makes no difference to the others.
    pub(crate) fn tell_all(&self, order: impl Fn() -> Order) {
        for link in self.lock().links.values() {
            // As in `tell`.
            let _ = link.orders.send(order());
        }
    }

    pub(crate) fn start(self: &Arc<Self>, batch: Vec<StartRequest>) {
        let mut table = self.lock();
        let mut parts: BTreeMap<u32, Vec<StartRequest>> = BTreeMap::new();
        for request in batch {
            let pair = self.place(&mut table, &request.instance, &request.from);
            parts.entry(pair).or_default().push(request);
        }
        for (pair, batch) in parts {
            self.tell(&mut table, pair, Order::Start(batch));
        }
    }

    pub(crate) fn stop(self: &Arc<Self>, batch: Vec<StopRequest>) {
        let mut table = self.lock();
        let parts = by_pair(&table.places, batch, |request| &request.instance);
        for (pair, batch) in parts {
            self.tell(&mut table, pair, Order::Stop(batch));
        }
    }

    pub(crate) fn forget(self: &Arc<Self>, instances: Vec<(InstanceId, Generation)>) {
        let mut table = self.lock();
        for (pair, instances) in by_pair(&table.places, instances, |(instance, _)| instance) {
            for (instance, _) in &instances {
                table.places.forget(instance);
            }
            self.tell(&mut table, pair, Order::Forget(instances));
        }
    }

    /// Nothing of a service is to run for now.
    pub(crate) fn release(self: &Arc<Self>, service: &ServiceName) {
        let mut table = self.lock();
        for pair in table.places.of_service(service) {
            self.tell(&mut table, pair, Order::Release(service.to_string()));
        }
    }

    /// What all pairs have.
    pub(crate) async fn listing(&self) -> Result<Listing, DriverError> {
        let mut asked = Vec::new();
        for (pair, link) in &self.lock().links {
            let (reply, listing) = oneshot::channel();
            // As in `tell`.
            let _ = link.orders.send(Order::List(reply));
            asked.push((*pair, listing));
        }
        let alone = asked.len() == 1;
        let mut all = Listing::default();
        for (pair, listing) in asked {
            let mut listing = answer("list", listing).await?;
            if !alone {
                // What a pair still knows of one that has left it for another is history.
                let table = self.lock();
                listing.instances.retain(|state| {
                    let instance = state.instance.as_str().parse();
                    instance.is_ok_and(|instance| !table.places.is_elsewhere(pair, &instance))
                });
            }
            all.instances.append(&mut listing.instances);
            all.jobs.append(&mut listing.jobs);
            all.foreign_messages += listing.foreign_messages;
        }
        Ok(all)
    }

    /// Ends all pairs, the first one last.
    pub(crate) async fn shut_down(&self) -> Result<(), DriverError> {
        let pairs: Vec<u32> = self.lock().links.keys().copied().rev().collect();
        for pair in pairs {
            let (reply, result) = oneshot::channel();
            if let Some(link) = self.lock().links.get(&pair) {
                // As in `tell`.
                let _ = link.orders.send(Order::Shutdown(reply, false));
            }
            answer("shutdown", result).await?.map_err(|refusal| {
                DriverError::new("shutdown", FailureKind::Transient, refusal.to_string())
            })?;
            if pair != FIRST_PAIR {
                self.drop_link(pair);
                await_end(self.context.layout.of_pair(pair)).await?;
            }
        }
        Ok(())
    }

    /// A further pair has ended, and nothing is kept there.
    fn drop_link(&self, pair: u32) {
        let mut table = self.lock();
        table.links.remove(&pair);
        table.away.remove(&pair);
        table.places.vacate(pair);
        table.jobs.retain(|_, at| *at != pair);
    }

    /// A pair cannot be reached.
    pub(crate) fn away(&self, pair: u32, reason: String) {
        let mut table = self.lock();
        if table.away.insert(pair) && table.away.len() == 1 {
            self.events.send(DriverEvent::Unreachable { reason });
        }
    }

    /// A pair has this, and may have been away, or have another guard than it had.
    pub(crate) fn back(self: &Arc<Self>, pair: u32, listing: &Listing) {
        let mut table = self.lock();
        table.away.remove(&pair);
        if !table.away.is_empty() {
            return;
        }
        let alone = table.links.len() == 1;
        table.back += 1;
        let back = table.back;
        drop(table);
        if alone {
            self.report(listing);
        } else {
            tokio::spawn(tell_all(Arc::downgrade(self), back));
        }
    }

    /// Whether nothing has changed since all were back for so many times.
    fn is_last(&self, back: u64) -> bool {
        let table = self.lock();
        table.away.is_empty() && table.back == back
    }

    fn report(&self, listing: &Listing) {
        let observed = link::observed(&self.context.layout, listing);
        self.events.send(DriverEvent::Reachable { observed });
    }
}

/// Tells what all pairs have, however long the answers take; unless another one is away meanwhile, or
/// comes back, so that it is told again then.
async fn tell_all(pairs: Weak<Pairs>, back: u64) {
    while let Some(pairs) = pairs.upgrade() {
        let listing = pairs.listing().await;
        match listing {
            Ok(listing) if pairs.is_last(back) => return pairs.report(&listing),
            Err(_) if pairs.is_last(back) => tokio::time::sleep(AGAIN).await,
            _ => return,
        }
    }
}

/// The answer of a link, if the keeper gives one in time.
pub(crate) async fn answer<T>(
    stage: &'static str,
    answer: oneshot::Receiver<T>,
) -> Result<T, DriverError> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(gone(stage)),
        Err(_) => Err(DriverError::unreachable(
            stage,
            format!("the keeper did not answer in {} s", PATIENCE.as_secs()),
        )),
    }
}

pub(crate) fn gone(stage: &'static str) -> DriverError {
    DriverError::unreachable(stage, "the connection to the keeper was given up")
}

/// Waits until a pair is gone that was told to end. Its keeper may have been killed on the way, and another
/// one have taken over, which was not told.
async fn await_end(pair: Layout) -> Result<(), DriverError> {
    let wait = move || {
        let deadline = Instant::now() + PATIENCE;
        while pair.socket().exists() {
            if Instant::now() > deadline {
                return Err(DriverError::transient(
                    "shutdown",
                    format!("pair {} of guard and keeper does not end", pair.pair()),
                ));
            }
            // Who does not answer is about to end, or about to be replaced.
            let _ = client::shut_down(&pair);
            std::thread::sleep(LOOK);
        }
        Ok(())
    };
    tokio::task::spawn_blocking(wait)
        .await
        .map_err(|error| DriverError::transient("shutdown", error.to_string()))?
}

/// Parts of a batch, by the pairs that they are for.
fn by_pair<T>(
    places: &Places,
    batch: Vec<T>,
    instance: impl Fn(&T) -> &InstanceId,
) -> BTreeMap<u32, Vec<T>> {
    let mut parts: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for one in batch {
        parts
            .entry(places.of(instance(&one)))
            .or_default()
            .push(one);
    }
    parts
}

/// Whether it is passed sockets, which are the service's and so in one keeper.
fn has_sockets(from: &Recorded) -> bool {
    let sockets = from.spec.get("sockets");
    let sockets = sockets.and_then(serde_json::Value::as_object);
    sockets.is_some_and(|sockets| !sockets.is_empty())
}
