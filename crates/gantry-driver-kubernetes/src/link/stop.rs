//! A stop, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use gantry_core::{ExitStatus, Generation, InstanceId};
use gantry_driver::{DriverError, StopPolicy};
use gantry_stack::modes::kubernetes::OnStop;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Input;
use crate::context::Context;
use crate::delete::{self, How};
use crate::helm::uninstall;
use crate::namespace;
use crate::object::Key;
use crate::record::{Mode, Record};
use crate::scale;

/// How long after its time a stop is said to be resisted, and how often from then on.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is not, as long as there are fewer pods each time.
const LONGEST: Duration = Duration::from_mins(2);

pub(super) struct Stop {
    pub(super) context: Arc<Context>,
    pub(super) instance: InstanceId,
    pub(super) generation: Generation,
    pub(super) record: Option<Record>,
    pub(super) pods: Vec<Key>,
    /// What stateful sets have claimed for their pods.
    pub(super) claims: Vec<Key>,
    /// The longest time that one of them asks for to end.
    pub(super) own_grace: Duration,
    pub(super) policy: StopPolicy,
    pub(super) hurry: CancellationToken,
    pub(super) outbox: UnboundedSender<Input>,
}

impl Stop {
    /// What is kept is given.
    pub(super) async fn run(self) -> (Result<Option<ExitStatus>, DriverError>, Option<Record>) {
        let Some(mut record) = self.record.clone() else {
            return (Ok(None), None);
        };
        record.keep(&self.claims);
        let mut kept = record.clone();
        let result = if self.hurry.is_cancelled() {
            self.kill(&mut kept).await
        } else {
            let mut polite = record.clone();
            let deleted = tokio::select! {
                result = self.patiently(&mut polite) => Some(result),
                () = self.hurry.cancelled() => None,
            };
            match deleted {
                Some(result) => {
                    kept = polite;
                    result
                }
                None => self.kill(&mut kept).await,
            }
        };
        match result {
            Ok(()) => {
                kept.stopped = true;
                kept.generation = self.generation;
                let keeps = !kept.objects.is_empty() || kept.made_namespace;
                (Ok(None), keeps.then_some(kept))
            }
            Err(error) => (Err(error), Some(record)),
        }
    }

    async fn patiently(&self, record: &mut Record) -> Result<(), DriverError> {
        let mut keys: Vec<Key> = record.objects.iter().map(|one| one.key.clone()).collect();
        keys.extend(
            record
                .made_namespace
                .then(|| namespace::key(&record.namespace)),
        );
        let begin = Instant::now();
        let mut left = self.pods.len();
        let deleted = self.delete(record, How::Polite);
        tokio::pin!(deleted);
        let mut late = self.policy.grace.max(self.own_grace) + PATIENCE;
        loop {
            if let Ok(done) = tokio::time::timeout(late, &mut deleted).await {
                return done;
            }
            late = PATIENCE;
            let before =
                std::mem::replace(&mut left, delete::count(&self.context, &self.pods).await);
            if left < before && begin.elapsed() < LONGEST {
                continue;
            }
            let what = delete::what_holds(&self.context, &keys).await;
            let what = what.unwrap_or_else(|| "the cluster has not deleted it".to_owned());
            let input = Input::Resists(self.instance.clone(), self.generation, what.into());
            let _ = self.outbox.send(input);
        }
    }

    async fn kill(&self, record: &mut Record) -> Result<(), DriverError> {
        delete::at_once(&self.context, &self.pods).await?;
        self.delete(record, How::Kill).await
    }

    async fn delete(&self, record: &mut Record, how: How) -> Result<(), DriverError> {
        match self.context.mode {
            Mode::Manifests if record.on_stop == OnStop::Scale => {
                scale::sleep(&self.context, record).await?;
                delete::wait_until_gone(&self.context, &self.pods).await
            }
            Mode::Manifests => delete::all(&self.context, &self.instance, record, how).await,
            Mode::Releases => {
                uninstall::all(&self.context, &self.instance, record, how, Some(&self.pods)).await
            }
        }
    }
}
