//! What all tasks of a session share.

use std::sync::Arc;

use gantry_core::InstanceId;
use gantry_driver::{DriverError, EventSink, HostJobs, StackIdentity};
use gantry_log::LogFolder;
use gantry_stack::modes::kubernetes::Tools;
use tokio::sync::{OnceCell, watch};

use crate::cluster::Cluster;
use crate::helm::tool::Tool;
use crate::record::{self, Mode};

pub(crate) struct Context {
    pub(crate) mode: Mode,
    pub(crate) cluster: Cluster,
    /// The commands for it.
    pub(crate) tools: Tools,
    /// Helm, once it was found.
    pub(crate) tool: OnceCell<Tool>,
    /// The key of the session's target.
    pub(crate) target: String,
    pub(crate) stack: StackIdentity,
    pub(crate) events: EventSink,
    pub(crate) host: Option<Arc<dyn HostJobs>>,
    /// Counts the logs that were begun.
    pub(crate) logs: watch::Sender<u64>,
}

impl Context {
    /// Helm. It is looked for once, and again if it was not there.
    pub(crate) async fn tool(&self) -> Result<Tool, DriverError> {
        let host = self.host()?;
        let find = || Tool::find(host, &self.tools, &self.cluster.aim);
        self.tool.get_or_try_init(find).await.cloned()
    }

    /// Who runs commands on this machine.
    pub(crate) fn host(&self) -> Result<&Arc<dyn HostJobs>, DriverError> {
        self.host.as_ref().ok_or_else(|| {
            let reason = "nobody here runs commands on this machine";
            DriverError::permanent("host", reason)
        })
    }

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
