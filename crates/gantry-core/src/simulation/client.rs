//! Those who ask: what an action means as an event.

use std::collections::BTreeSet;

use super::action::Action;
use super::checks::check_tried_again;
use super::runner::{Runner, pick};
use crate::effect::StopHow;
use crate::event::{Command, Event, Targets};
use crate::ids::{Millis, OperationId};

impl Runner {
    /// A client asks for something.
    pub(super) fn ask(&mut self, action: Action) -> Result<(), String> {
        self.last_operation = self.last_operation.next();
        let operation = self.last_operation;
        let mut stops = Vec::new();
        let mut hurry = false;
        let mut plan = None;
        let command = match action {
            Action::Up {
                variant,
                named,
                hurry: soon,
            } => {
                hurry = soon;
                let targets = named.map_or(Targets::AutoStart, |pick| {
                    Targets::Named(vec![self.name(pick)])
                });
                plan = Some((self.stack.variant(variant).to_vec(), targets));
                None
            }
            Action::Start(pick) => Some(Command::Start {
                services: vec![self.name(pick)],
                done: BTreeSet::new(),
            }),
            Action::Stop {
                service,
                cascade,
                force,
                kill,
            } => {
                let name = self.name(service);
                stops.push(name.clone());
                let how = if kill {
                    StopHow::Kill
                } else {
                    StopHow::Graceful
                };
                Some(Command::Stop {
                    services: vec![name],
                    cascade,
                    force,
                    how,
                })
            }
            Action::Restart { service, cascade } => Some(Command::Restart {
                services: vec![self.name(service)],
                cascade,
                done: BTreeSet::new(),
            }),
            Action::Down { kill } => {
                stops.clone_from(&self.stack.names);
                let how = if kill {
                    StopHow::Kill
                } else {
                    StopHow::Graceful
                };
                Some(Command::Down { how })
            }
            Action::Scale { service, replicas } => Some(Command::Scale {
                service: self.name(service),
                replicas,
            }),
            Action::Cancel(which) => {
                let open = self.checker.operations.iter().filter(|(_, ended)| !**ended);
                let open: Vec<_> = open.map(|(id, _)| *id).collect();
                let operation = pick(&open, which).copied().unwrap_or(OperationId(0));
                Some(Command::Cancel { operation })
            }
            _ => None,
        };
        let timeout = hurry.then_some(Millis(3_000));
        let event = match (command, plan) {
            (Some(command), _) => Event::Command {
                operation,
                command,
                timeout,
            },
            (None, Some((specs, targets))) => Event::Model {
                operation,
                specs: specs.into_iter().map(Into::into).collect(),
                changes: self.stack.changes(),
                targets,
                timeout,
            },
            (None, None) => return Ok(()),
        };
        let promised = match action {
            Action::Up {
                variant,
                named: None,
                ..
            } => {
                let specs = self
                    .stack
                    .variant(variant)
                    .iter()
                    .filter(|spec| spec.auto_start);
                specs.map(|spec| spec.name.clone()).collect()
            }
            Action::Up {
                named: Some(service),
                ..
            }
            | Action::Start(service)
            | Action::Restart { service, .. } => vec![self.name(service)],
            _ => Vec::new(),
        };
        self.checker.promises.insert(operation, promised);
        self.checker.operations.insert(operation, false);
        if stops.is_empty() && !matches!(action, Action::Scale { .. }) {
            self.checker.asked_to_run();
        } else {
            self.checker.changed();
        }
        let refused = self.tell_and_see(event, operation)?;
        if refused {
            return Ok(());
        }
        self.checker.asked_to_stop(stops);
        if matches!(action, Action::Up { named: None, .. }) {
            return check_tried_again(&self.world);
        }
        Ok(())
    }
}
