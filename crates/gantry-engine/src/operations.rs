//! What clients ask for: each an operation with a number, a stream of progress, and one end.

mod begin;
mod checks;
mod end;
mod making;
mod steps;

use std::collections::{BTreeMap, HashSet};

use gantry_api::{OperationKind, Outcome, Progress};
use gantry_core::{Command, OperationId};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use crate::dispatcher::Dispatcher;
use crate::inbox::Incoming;
use crate::plan_view::Wanted;

pub(crate) use checks::Checked;
pub(crate) use making::Compared;

/// What is done when the checks before an operation passed.
pub(crate) enum Then {
    /// Take over a model.
    Model(Box<Wanted>),
    /// Do what someone asked.
    Command(Command),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    kind: OperationKind,
    begin: Instant,
    /// The services whose events are told.
    services: HashSet<String>,
    /// Where progress goes; none if the client went, or never was.
    progress: Option<UnboundedSender<Progress>>,
    foreground: bool,
    ended: bool,
    timeout: Option<gantry_core::Millis>,
}

/// The operations that are under way, or whose client is still there.
#[derive(Debug)]
pub(crate) struct Operations {
    last: OperationId,
    live: BTreeMap<OperationId, Operation>,
    /// Ends that are told when the stack is closed.
    held: Vec<(OperationId, Outcome)>,
}

impl Operations {
    pub(crate) fn beginning_after(last: u64) -> Self {
        Self {
            last: OperationId(last),
            live: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    /// Tell those who wait for a service.
    pub(crate) fn tell(&self, service: &str, progress: &Progress) {
        for operation in self.live.values() {
            if !operation.ended && operation.services.contains(service) {
                operation.send(progress.clone());
            }
        }
    }

    /// Whether the stack belongs to a client that is there.
    fn is_held(&self) -> bool {
        self.live.values().any(|operation| operation.foreground)
    }
}

impl Operation {
    fn send(&self, progress: Progress) {
        if let Some(sender) = &self.progress {
            // A client that went is told of by its closed channel.
            let _ = sender.send(progress);
        }
    }
}

impl Dispatcher {
    /// A new operation for a client that listens.
    fn enter(
        &mut self,
        kind: OperationKind,
        foreground: bool,
    ) -> (OperationId, UnboundedReceiver<Progress>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let id = self.register(kind, Some(sender.clone()), foreground);
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            sender.closed().await;
            let _ = outbox.send(Incoming::Gone(id));
        });
        (id, receiver)
    }

    fn register(
        &mut self,
        kind: OperationKind,
        progress: Option<UnboundedSender<Progress>>,
        foreground: bool,
    ) -> OperationId {
        let id = self.operations.last.next();
        self.operations.last = id;
        let operation = Operation {
            kind,
            begin: Instant::now(),
            services: HashSet::new(),
            progress,
            foreground,
            ended: false,
            timeout: None,
        };
        self.operations.live.insert(id, operation);
        if foreground && !self.identity.foreground {
            self.identity.foreground = true;
        }
        id
    }
}
