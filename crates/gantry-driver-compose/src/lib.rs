//! The driver of mode `compose`: a Compose project, or part of one, through the Compose command that is
//! installed, watched through the engine's API.
//!
//! # What is whose
//!
//! The files of a project are read and merged by Compose alone. One more file is laid over them, which puts
//! the stack's labels on what the project makes (`project.rs`); nothing without these is ever changed or
//! removed. An instance is a project with a name of its own, unless the stack file gives one; then several
//! services of the stack may be parts of it, and `gates.rs` keeps their starts and ends apart.
//!
//! # One session
//!
//! A session is an actor (`link.rs`): what it is asked, what the engine tells, and what its own tasks report
//! reach it one after another, and whatever takes time is done by tasks. Compose starts and stops; whether a
//! project is ready, and what has become of it, is told by the engine's events. What several containers mean
//! together is decided in one place, without I/O (`judge.rs`). Commands differ in one table (`cli.rs`).
//!
//! What was started is noted in a file (`record.rs`) before it is, so that it is found again whatever is
//! killed; the containers' output is copied into gantry's own log store, each part's into a log of its own.

mod asking;
mod bare;
mod cli;
mod client;
mod context;
mod driver;
mod gates;
mod judge;
mod limits;
mod link;
mod look;
mod needs;
mod observe;
mod outdated;
mod project;
mod record;
mod session;
mod spec;
mod survey;

pub use driver::ComposeDriver;
