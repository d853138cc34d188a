//! What supervisor and keeper say to each other over `guard.sock`.
//!
//! Both directions are frames: the length of the body as a little-endian `u32`, then the body in
//! JSON. The client speaks first: its first request must be [`Request::Hello`], and the keeper's
//! first message is [`Message::Hello`]. After that every request with an id other than 0 is answered
//! by exactly one [`Message::Reply`] with that id, in the order of the requests, and everything that
//! happens comes as [`Message::Events`].
//!
//! Rules that both sides rely on:
//!
//! - **Spawns are idempotent** by instance and generation. A spawn that the keeper already carried
//!   out is answered with [`Reply::Known`] and starts nothing; once its end has been acknowledged, with
//!   [`Refusal::Superseded`], since then nobody can have lost the answer.
//! - **Events are numbered** without gaps, survive the keeper, and are kept until acknowledged. A new
//!   connection is sent all that are not, oldest first. An event may thus be seen twice, and its
//!   number tells.
//! - **One supervisor.** A new connection in the role [`Role::Supervisor`] replaces the one before,
//!   which is closed. Observers may ask, also for another pair, but not change.
//! - **One terminal a connection** in the role [`Role::Terminal`]: it attaches, and is sent all that is
//!   printed from then on until [`Message::Ended`]. What it types is answered when it is typed, so whoever
//!   waits for the answer is never faster than the program that reads it.
//! - **Order.** The events of one instance come in the order in which things happened. `Spawned` or
//!   `SpawnFailed` is first; `Exited` says that the leader is gone, `Stopped` that its whole tree is. Between
//!   instances there is no order: of starts that are on their way at once, any may be through first.

mod command;
mod event;
mod frame;
mod instance;
mod message;
mod reading;
mod socket;
mod terminal;
mod voice;

pub use command::{Command, Limits, LogPolicy, Overflow, Resources, Sandbox};
pub use event::{
    Event, EventBody, Exit, JobOutput, LeftProcess, OutOfMemory, Phase, ProcessId, Proof,
    SpawnFailure,
};
pub use frame::{FrameBody, FrameError, FrameReader, MAX_FRAME, encode, write_frame};
pub use instance::{Generation, InstanceName, InstanceNameError, JobName};
pub use message::{
    Hello, InstanceState, JobLog, JobState, Listing, Message, Refusal, Reply, Request,
    RequestFrame, Role, Scope, Spawn, Welcome,
};
pub use socket::Socket;
pub use terminal::{Bytes, Size};
pub use voice::{Line, Said, Voice};

/// The version of the protocol. A keeper refuses a client of another major version, by name.
pub const PROTOCOL_VERSION: u32 = 1;

#[cfg(test)]
mod tests;
