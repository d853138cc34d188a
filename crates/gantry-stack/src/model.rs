//! The typed model: what a stack file means, once read, merged and checked.
//!
//! The same types are the *resolved model* that a client sends to a supervisor as JSON. It holds no
//! resolved secrets: what is only known later stays a [`Template`](crate::template::Template) or a
//! [`Secret`](crate::template::Secret). In JSON, durations are whole milliseconds, sizes are bytes, and
//! what has its default is left out.

mod conflict;
mod dependency;
mod forward;
mod hooks;
mod logs;
mod origin;
mod probe;
mod reload;
mod repository;
mod resources;
mod restart;
mod service;
mod stack;
mod stop;

pub use conflict::Conflict;
pub use dependency::DependsOn;
pub use forward::Forward;
pub use gantry_core::Condition;
pub use hooks::{HookCommand, Hooks};
pub use logs::{Logs, Overflow};
pub use origin::Origin;
pub use probe::{
    CommandCheck, FdCheck, FileCheck, GrpcCheck, HttpCheck, LogCheck, NotifyCheck, Probe,
    ProbeCheck, TcpCheck, TlsCheck,
};
pub use reload::Reload;
pub use repository::Repository;
pub use resources::Resources;
pub use restart::{Backoff, Restart};
pub use service::{ModeSpec, Service};
pub use stack::{Defaults, MODEL_VERSION, Render, Stack, Words};
pub use stop::Stop;

/// Whether a value is its type's default; such values are left out of the JSON.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
