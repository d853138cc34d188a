//! Starts that are under way: what they have made so far, and those whose session died.

use std::sync::Arc;

use gantry_core::{ExitStatus, Generation, InstanceId};
use gantry_driver::{DriverError, DriverEvent};
use jiff::Timestamp;

use super::slot::{Fate, Word};
use super::{Input, Link};
use crate::apply::{Mark, Marks};
use crate::cluster;
use crate::context::Context;
use crate::helm::conclude;
use crate::record::{self, Mode, Record};

impl Link {
    /// Goes on with all starts that an earlier session began.
    pub(super) fn resume_all(&mut self) {
        for (instance, slot) in &self.slots {
            let open = slot.record.clone().filter(|it| !it.started && !it.stopped);
            let Some(mut record) = open else { continue };
            let (context, instance) = (Arc::clone(&self.context), instance.clone());
            let outbox = self.outbox.clone();
            self.tasks.spawn(async move {
                let result = match context.mode {
                    Mode::Manifests => look(&context, &mut record).await,
                    Mode::Releases => conclude::resume(&context, &instance, &mut record).await,
                };
                let generation = record.generation;
                let _ = outbox.send(Input::Resumed(
                    instance,
                    generation,
                    Box::new(record),
                    result,
                ));
            });
        }
    }

    pub(super) fn resumed(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        record: Record,
        result: Result<Marks, DriverError>,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        // What was begun or stopped meanwhile counts.
        if slot.begun.is_some() || slot.generation() != Some(generation) || slot.told.started {
            return;
        }
        let written = record::write(&self.context.stack, self.context.mode, instance, &record);
        if let Err(error) = written {
            tracing::warn!(%instance, %error, "an inventory cannot be written down");
        }
        slot.record = Some(record);
        match result {
            Ok(marks) => {
                slot.marks = marks;
                slot.told.started = true;
                slot.told.word = Word::None;
            }
            Err(error) => {
                slot.told.fate = Fate::Over;
                slot.floor = slot.floor.max(generation);
                let reason = error.to_string();
                self.report(DriverEvent::Exited {
                    instance: instance.clone(),
                    generation,
                    exit: ExitStatus::Unknown(reason.as_str().into()),
                    at: Timestamp::now(),
                    message: reason.into(),
                    left: Some("what it has made so far".into()),
                    tail: Vec::new(),
                });
            }
        }
        self.watch(instance);
    }

    /// Takes in what a start that is under way has made so far.
    pub(super) fn interim(
        &mut self,
        instance: &InstanceId,
        generation: Generation,
        record: Record,
    ) {
        let Some(slot) = self.slots.get_mut(instance) else {
            return;
        };
        let begun = slot.begun.as_ref();
        if begun.is_some_and(|begun| begun.generation == generation) {
            slot.record = Some(record);
            self.watch(instance);
        }
    }
}

/// Whether everything is there that was to be applied.
async fn look(context: &Context, record: &mut Record) -> Result<Marks, DriverError> {
    let mut marks = Marks::new();
    for one in &record.objects {
        let api = context.cluster.place(&one.key).await?;
        match api.get_metadata(&one.key.name).await {
            Ok(found) => marks.push(Mark::of(one.key.clone(), &found.metadata)),
            Err(error) if cluster::is_absent(&error) => {
                let reason = "its start was cut short by the death of the supervisor";
                return Err(DriverError::transient("apply", reason));
            }
            Err(error) => return Err(cluster::trouble("look", &error)),
        }
    }
    record.started = true;
    record.leave(&marks);
    Ok(marks)
}
