//! The driver of mode `container`: one container of Docker or Podman, through the engine's API.
//!
//! # What is whose
//!
//! Everything that is made in an engine carries the identity of its stack as labels (`names.rs`), and
//! nothing without them is ever changed. A container has the name of its instance, so that an engine holds
//! at most one for each; each start makes a new one, after the one before was removed.
//!
//! # One session
//!
//! A session is an actor (`link.rs`): what it is asked, what the engine tells, and what its own tasks report
//! reach it one after another, and whatever takes time is done by tasks. Nothing is polled: the engine's
//! event stream says what happens to containers; when that breaks, it is opened again, and what was missed
//! is found by looking at all containers once.
//!
//! What a container prints is followed through the engine's API, and kept in gantry's own log store, with
//! the engine's own times. After a supervisor's death the next one goes on behind the last line that the
//! store has (`output.rs`).

mod attach;
mod build;
mod changes;
mod create;
mod driver;
mod image;
mod link;
mod logins;
mod look;
mod names;
mod needs;
mod network;
mod outdated;
mod session;
mod spec;

use gantry_container_engine::{engine, exec, output, trouble};

pub use driver::ContainerDriver;
