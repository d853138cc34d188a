//! Going on with a start that an earlier session began, and did not see the end of.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_core::InstanceId;
use gantry_driver::DriverError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::up::Begun;
use super::{order, stop};
use crate::asking::Asking;
use crate::context::Context;
use crate::judge::Standing;
use crate::look::Seen;
use crate::record::{self, Record};

/// A start that goes on, in a task of its own.
pub(super) struct Resumed {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) record: Record,
    pub(super) cancelled: CancellationToken,
    pub(super) standing: watch::Receiver<BTreeMap<String, Standing>>,
}

impl Resumed {
    pub(super) async fn run(mut self) -> (Begun, Vec<Seen>) {
        let begun = self.steps().await.unwrap_or_else(Begun::Failed);
        let seen = stop::mine(&self.context, &self.instance).await;
        (begun, seen.unwrap_or_default())
    }

    async fn steps(&mut self) -> Result<Begun, DriverError> {
        let context = Arc::clone(&self.context);
        // The command runs on, whoever began it, and whatever is wanted by now: until its end it may make containers.
        context
            .ask(Asking::noted(&self.record).wait(&self.instance))
            .await?;
        let there = stop::mine(&context, &self.instance).await?;
        if let Some(needs) = self.record.needs.as_ref()
            && self.record.is_made(there.iter())
        {
            let (instance, standing) = (&self.instance, &mut self.standing);
            tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Ok(Begun::Cancelled),
                done = order::start(&context, instance, &self.record, needs, standing) => done?,
            }
        }
        let there = stop::mine(&context, &self.instance).await?;
        if !self.record.is_whole(there.iter()) {
            let reason = "its start was cut short by the death of the supervisor";
            return Err(DriverError::transient("up", reason));
        }
        self.record.started = true;
        let written = record::write(&context.stack, &self.instance, &self.record);
        if let Err(error) = written {
            tracing::warn!(instance = %self.instance, %error, "the end of a start is not noted");
        }
        Ok(Begun::Done)
    }
}
