//! Everything that reaches the dispatcher, as one type: the world outside is one stream.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gantry_api::{
    ErrorBody, EventsQuery, OperationRequest, Outcome, Plan, PlanRequest, Progress, ReloadReport,
    ReloadRequest, Reloaded,
};
use gantry_core::{Failure, InstanceId, InstanceKey, OperationId, ServiceKey};
use gantry_driver::{DriverError, DriverEvent, Observed, Session, Target, Usage};
use gantry_probe as probe;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::attach::{Purpose, Seat};
use crate::effects::HookRun;
use crate::effects::probes::WatchId;
use crate::event_log::EventLine;
use crate::explain::Draft;
use crate::history::Historian;
use crate::operations::{Checked, Compared};
use crate::resolve::Fetched;

/// One thing that someone outside reports or asks.
pub(crate) enum Incoming {
    /// A session reports.
    Driver(Target, DriverEvent),
    /// A client asks.
    Request(Request),
    /// A session is open, or could not be opened.
    Opened {
        target: Target,
        result: Result<Arc<dyn Session>, DriverError>,
    },
    /// A backend was looked at.
    Observed {
        services: Vec<ServiceKey>,
        result: Result<Vec<Observed>, DriverError>,
    },
    /// Time to look again at these, since it did not work before.
    LookAgain(Vec<ServiceKey>),
    /// Values that a start waits for were fetched.
    Fetched(Vec<Fetched>),
    /// A probe was answered.
    Probed {
        watch: WatchId,
        outcome: probe::Outcome,
    },
    /// A hook has ended; with what it did wrong, if anything.
    HookEnded {
        run: HookRun,
        failure: Option<Failure>,
    },
    /// An instance was told to read its configuration again.
    Reloaded {
        instance: InstanceKey,
        report: Reloaded,
    },
    /// What runs was compared with what it would be made from now.
    Compared(Box<Compared>),
    /// The checks before an operation are done.
    Checked(Box<Checked>),
    /// The client of an operation is gone.
    Gone(OperationId),
    /// An operation ended, and the last lines of those that did not get there were read.
    Tailed(OperationId, Box<Outcome>),
    /// It has been quiet for a while after much work.
    Calm,
    /// Time to see whether anything is kept at all.
    Idle,
    /// Time to see whether the client of a foreground stack came back.
    Forsaken,
    /// A signal asks for the end: the first takes the stack down in order, the second kills.
    Interrupted,
    /// All sessions are closed: the stack is down.
    Closed,
}

/// What a client asks.
pub(crate) enum Request {
    /// The state of the stack, as it goes over the wire.
    Status {
        brief: bool,
        reply: oneshot::Sender<Bytes>,
    },
    /// The same with what instances have used.
    StatusWith(HashMap<InstanceId, Usage>, oneshot::Sender<Bytes>),
    /// The open sessions, which are asked what their instances have used.
    Sessions(oneshot::Sender<Vec<Arc<dyn Session>>>),
    /// Why a service is as it is. Whoever asked adds the last lines of its output.
    Explain {
        service: String,
        reply: oneshot::Sender<Result<Draft, ErrorBody>>,
    },
    /// What happened.
    Events {
        query: EventsQuery,
        reply: oneshot::Sender<(Vec<EventLine>, broadcast::Receiver<EventLine>)>,
    },
    /// What an `up` would do.
    Plan {
        request: PlanRequest,
        reply: oneshot::Sender<Result<Plan, ErrorBody>>,
    },
    /// Whoever knows what a service has been.
    History {
        service: String,
        reply: oneshot::Sender<Result<Historian, ErrorBody>>,
    },
    /// Tell services to read their configuration again.
    Reload {
        request: ReloadRequest,
        reply: oneshot::Sender<Result<ReloadReport, ErrorBody>>,
    },
    /// An instance to join, or to run a command in.
    Attach {
        service: String,
        instance: Option<u32>,
        purpose: Purpose,
        reply: oneshot::Sender<Result<Seat, ErrorBody>>,
    },
    /// Do something.
    Operate {
        request: OperationRequest,
        reply: oneshot::Sender<Result<mpsc::UnboundedReceiver<Progress>, ErrorBody>>,
    },
}
