//! Where the keeper puts what processes print.

use futures::StreamExt as _;
use futures::stream;
use gantry_driver::{DriverError, LogRequest, LogStream, stored};
use gantry_keeper::layout::Layout;
use gantry_keeper::protocol::InstanceName;
use gantry_log::LogFolder;
use jiff::Timestamp;

use crate::command;

/// The last lines of an instance since its start; none if they cannot be read.
pub(crate) fn tail(
    layout: &Layout,
    instance: &InstanceName,
    since: Option<Timestamp>,
    lines: usize,
) -> Vec<String> {
    let folder = LogFolder::new(layout.log(instance));
    stored::tail(&folder, since, lines).unwrap_or_else(|error| {
        tracing::warn!(%instance, %error, "its output cannot be read");
        Vec::new()
    })
}

/// The output that is asked for.
pub(crate) fn read(layout: &Layout, request: &LogRequest) -> LogStream {
    match command::name(&request.instance) {
        Ok(name) => stored::read(&LogFolder::new(layout.log(&name)), request),
        Err(error) => stream::iter([Err(DriverError::from(error))]).boxed(),
    }
}
