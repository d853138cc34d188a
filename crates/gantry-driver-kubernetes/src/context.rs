//! What all tasks of a session share.

use std::sync::Arc;

use gantry_core::InstanceId;
use gantry_driver::{EventSink, HostJobs, StackIdentity};
use gantry_log::LogFolder;
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::record;

pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    /// The key of the session's target.
    pub(crate) target: String,
    pub(crate) stack: StackIdentity,
    pub(crate) events: EventSink,
    pub(crate) host: Option<Arc<dyn HostJobs>>,
    /// Counts the logs that were begun.
    pub(crate) logs: watch::Sender<u64>,
}

impl Context {
    /// The folder of the log of one part of an instance.
    pub(crate) fn log_folder(&self, instance: &InstanceId, part: &str) -> LogFolder {
        let folder = record::folder(&self.stack, instance)
            .join("parts")
            .join(part)
            .join("1")
            .join("log");
        LogFolder::new(folder)
    }
}
