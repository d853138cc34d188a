//! Probes: one check is one question to a service, answered with what was seen.
//!
//! A [`Check`] is run once at a time and always ends within its timeout, in an [`Outcome`] whose
//! evidence reads as a sentence: "connection refused by 127.0.0.1:5432". Whether a service counts as
//! healthy is decided by a [`Tracker`] (thresholds), and when to ask next by a [`Schedule`]. Both are
//! pure: they have no clock and no I/O.
//!
//! Nothing here knows what a service is, or runs a program: the result of a command comes from
//! outside, see [`command`].

mod address;
mod check;
pub mod command;
pub mod file;
pub mod grpc;
pub mod http;
pub mod log;
mod outcome;
mod schedule;
pub mod tcp;
mod tracker;

pub use address::{Address, AddressError};
pub use check::{Check, Kind};
pub use outcome::Outcome;
pub use schedule::{Pace, Schedule};
pub use tracker::{Health, Thresholds, Tracker};
