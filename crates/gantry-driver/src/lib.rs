//! The driver traits, capabilities and handles, a mock driver and the conformance suite.
//!
//! A *driver* is the code that knows one mode: one way in which a service can run. Everything above
//! it speaks to all of them in the words of this crate, and in no others.
//!
//! - [`Driver`] is static: it has no connection and does no I/O except in [`Driver::open`]. It says
//!   what the mode can do ([`Capabilities`]), what must be there first ([`Prerequisite`]), which parts
//!   a service will have, and what a change of its specification takes ([`FieldChange`]).
//! - [`Session`] is one open connection to one backend ([`Target`]). It observes everything in one
//!   call, and starts, stops and updates in batches.
//! - Powers that not every backend has are traits of their own ([`Exec`], [`Attach`], [`Dial`],
//!   [`Render`], [`Preview`]), which a session hands out if it has them.
//!
//! # Rules that every driver keeps
//!
//! The [`conformance`] suite checks them.
//!
//! 1. **One terminal event.** Every request carries an effect id and ends in exactly one event for
//!    which [`DriverEvent::ends`] gives that id, also when it was cancelled, or cannot be known any
//!    more ([`DriverEvent::Lost`]).
//! 2. **Idempotence.** A start of a generation that runs already starts nothing, and ends in
//!    `Started`. A stop of what does not run ends in `Stopped`.
//! 3. **A stop overtakes a start** of the same or an earlier generation. Once `Stopped` was sent, no
//!    such generation comes to life.
//! 4. **Order.** The events of one instance come in the order in which things happened.
//! 5. **Only ours.** What the driver did not record as this stack's is never changed, and never
//!    observed. Nothing is found by prefix or pattern.
//! 6. **Nothing is concluded from silence.** A backend that cannot be reached is
//!    [`DriverEvent::Unreachable`]; no instance is reported as ended because of it.
//! 7. **Adoption.** After a session was dropped (or its process killed), a new one observes what still
//!    runs, with its generation, and reports what happens to it from then on.
//!
//! Requests must be made, and sessions be opened, inside a tokio runtime.

mod capability;
mod child;
pub mod conformance;
pub mod diff;
mod driver;
mod endpoint;
mod error;
mod event;
mod handle;
mod hash;
mod job;
mod log;
pub mod mock;
mod observed;
mod packed;
mod power;
mod prerequisite;
mod request;
mod session;
mod settings;
pub mod stored;
mod survey;
mod usage;
mod voice;

pub use capability::{Capabilities, Owner, Power};
pub use child::{ChildName, ChildStatus};
pub use diff::{Described, FieldChange};
pub use driver::{Around, Driver, OpenContext, StackIdentity, Target};
pub use endpoint::{Address, LOCALHOST, Ports, Reach, Sought, Vantage, Zone};
pub use error::{DriverError, SpecError};
pub use event::{DriverEvent, EventSink, EventStream, Terminal};
pub use handle::Handle;
pub use hash::SpecKey;
pub use job::{HostJobs, JobOutcome, JobPlace, JobRequest};
pub use log::{LogCursor, LogFrom, LogRecord, LogRequest, LogStream, OutputStream};
pub use observed::{Observed, ObservedState};
pub use packed::Packed;
pub use power::{
    Attach, AttachRequest, Dial, DialRequest, Duplex, Exec, ExecProcess, ExecRequest, History,
    PastRevision, Preview, Render, RenderedFile, TerminalSize,
};
pub use prerequisite::{Missing, Need, Prerequisite};
pub use request::{Make, Recorded, StartRequest, StopRequest, UpdateRequest};
pub use session::{Close, Discard, Notes, Outdated, Session};
pub use settings::{LogPolicy, Overflow, Resources, Settings, StopPolicy};
pub use survey::{Candidate, Offer, Standing, Surveyor};
pub use usage::Usage;
pub use voice::{Line, Said, Voice};

pub use futures::future::BoxFuture;
