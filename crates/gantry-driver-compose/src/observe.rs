//! Everything that there is, in the words of all drivers.

use std::collections::BTreeSet;

use gantry_core::ExitStatus;
use gantry_driver::{Observed, ObservedState};

use crate::context::Context;
use crate::judge::{self, Circumstances, Known, Verdict};
use crate::look::Seen;
use crate::record::{self, Record};

/// What was noted as started, with its containers.
pub(crate) fn all(context: &Context, seen: &[Seen]) -> Vec<Observed> {
    let records = record::all(&context.stack);
    let strange: BTreeSet<_> = seen
        .iter()
        .map(|one| &one.instance)
        .filter(|instance| !records.iter().any(|(it, _)| it == *instance))
        .collect();
    for instance in strange {
        tracing::warn!(%instance, "has containers, and nothing is noted of its start");
    }
    records
        .into_iter()
        .map(|(instance, record)| {
            let mine: Vec<_> = seen.iter().filter(|one| one.instance == instance).collect();
            let (state, ready) = state(context, &record, &mine);
            let known = known(&mine);
            let children = judge::children(&known, Some(&record));
            Observed {
                instance,
                generation: record.generation,
                revision: Some(record.revision),
                digest: Some(record.digest),
                state,
                ready,
                said: None,
                handle: None,
                children,
                proof: Some("label"),
                unguarded: false,
                warnings: Vec::new(),
            }
        })
        .collect()
}

fn known<'a>(mine: &[&'a Seen]) -> Vec<Known<'a>> {
    let all = mine.iter();
    all.map(|seen| Known { seen, old: false }).collect()
}

fn state(context: &Context, record: &Record, mine: &[&Seen]) -> (ObservedState, Option<bool>) {
    let known = known(mine);
    let children = judge::children(&known, Some(record));
    let around = Circumstances {
        starting: !record.started && !record.is_whole(mine.iter().copied()),
        been_ready: true,
    };
    let tail = |id: &str| {
        let one = mine.iter().find(|one| one.state.id == *id);
        one.map_or_else(Vec::new, |one| context.tail(one))
    };
    match judge::verdict(&known, &children, around) {
        Verdict::Nothing if record.started => {
            let reason = "its containers were removed by somebody else";
            let state = ObservedState::Exited {
                exit: ExitStatus::Unknown(reason.into()),
                at: None,
                left: false,
                tail: Vec::new(),
            };
            (state, None)
        }
        Verdict::Nothing => (running(&known), None),
        Verdict::Runs { evidence } => {
            let ready = !record.wait || evidence.is_none();
            (running(&known), Some(ready))
        }
        Verdict::Failed {
            id, exit, at, left, ..
        } => {
            let state = ObservedState::Exited {
                exit: exit.unwrap_or(ExitStatus::Unknown("it is unhealthy".into())),
                at,
                left: left.is_some(),
                tail: tail(&id),
            };
            (state, None)
        }
        Verdict::Over { id, at } => {
            let state = ObservedState::Exited {
                exit: ExitStatus::Code(0),
                at,
                left: false,
                tail: tail(&id),
            };
            (state, None)
        }
    }
}

fn running(known: &[Known<'_>]) -> ObservedState {
    ObservedState::Running {
        pid: None,
        since: judge::since(known),
    }
}
