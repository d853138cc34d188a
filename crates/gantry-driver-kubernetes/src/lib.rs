//! The drivers of modes `kubernetes` and `helm`: manifests, applied to a cluster, and releases, made by Helm. Both are
//! watched in the cluster by the same rules.
//!
//! # What is whose
//!
//! What is applied for an instance stands in its inventory (`record.rs`), written down here and in the cluster before
//! anything is changed; nothing else is ever deleted. Fields that somebody else owns are never taken: server-side apply
//! refuses, and whose they are is told (`apply.rs`).
//!
//! # One session
//!
//! A session is one cluster: a context of a configuration file. It is an actor (`link.rs`): what it is asked, what watches
//! tell (`view.rs`: one for each kind and namespace) and what its own tasks report reach it one after another. What all
//! objects of an instance mean together is decided in one place, without I/O (`judge.rs`), from how each stands
//! (`standing.rs`) and what troubles its pods (`trouble.rs`). Containers' output is copied into gantry's own log store
//! (`logs.rs`).

mod access;
mod addresses;
mod apply;
mod attach;
pub mod chart;
mod claims;
mod cluster;
mod context;
mod credentials;
mod delete;
mod dial;
mod drift;
mod driver;
mod exec;
mod forward;
mod helm;
mod home;
mod judge;
mod kustomize;
mod link;
mod local;
mod logs;
pub mod manifest;
mod namespace;
mod needs;
pub mod object;
mod patience;
pub mod preview;
mod quantity;
mod ready_when;
mod record;
pub mod relations;
mod room;
mod scale;
pub mod server;
mod session;
mod spec;
mod standing;
mod survey;
mod trouble;
mod view;

pub use driver::KubernetesDriver;
pub use helm::driver::HelmDriver;
