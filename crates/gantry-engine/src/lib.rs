//! The dispatcher, its executors, pre-flight and the supervisor's socket.

pub mod event_log;
pub mod files;
pub mod holder;
pub mod lock;
pub mod ports;
pub mod preflight;
