//! Starting what was only made, each container when what it waits for has come: for commands that do not wait
//! themselves, and for projects of which another service has a part.

use std::collections::BTreeMap;

use gantry_container_engine::state::Run;
use gantry_container_engine::trouble;
use gantry_core::InstanceId;
use gantry_driver::DriverError;
use tokio::sync::watch;

use super::stop::mine;
use crate::context::Context;
use crate::judge::Standing;
use crate::look::Seen;
use crate::record::{Needs, Record};

/// Starts all that is noted of an instance and was not started yet. Ends when all of it was.
pub(super) async fn start(
    context: &Context,
    instance: &InstanceId,
    record: &Record,
    needs: &Needs,
    standing: &mut watch::Receiver<BTreeMap<String, Standing>>,
) -> Result<(), DriverError> {
    let mut left: Vec<&str> = record.parts.iter().map(String::as_str).collect();
    loop {
        let now = standing.borrow_and_update().clone();
        let due = left.extract_if(.., |part| met(needs, part, &now));
        let due: Vec<&str> = due.collect();
        if !due.is_empty() {
            for one in mine(context, instance).await? {
                if due.contains(&one.part.as_str()) && is_to_start(&one, record) {
                    let started = context.engine.api.start_container(&one.state.id, None);
                    let started = started.await;
                    started.map_err(|error| trouble::of("start", &error))?;
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        if due.is_empty() && standing.changed().await.is_err() {
            return Err(DriverError::transient("up", "the session has ended"));
        }
    }
}

/// Whether all that a part waits for has come.
fn met(needs: &Needs, part: &str, standing: &BTreeMap<String, Standing>) -> bool {
    let needs = needs.get(part).into_iter().flatten();
    needs.into_iter().all(|(needed, until)| {
        let standing = standing.get(needed).copied().unwrap_or_default();
        standing.has(*until)
    })
}

/// A job that has ended by now is not to run a second time, when another supervisor goes on with its start. What ended
/// before is of an earlier start.
fn is_to_start(one: &Seen, record: &Record) -> bool {
    match &one.state.run {
        Run::Created => true,
        Run::Running { .. } => false,
        Run::Exited { at, .. } => at.zip(record.begun).is_none_or(|(at, begun)| at < begun),
    }
}

#[cfg(test)]
mod tests;
