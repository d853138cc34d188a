//! What a command does, with the reason of every step, in the order in which it is done.

use std::collections::HashMap;

use gantry_api::{OperationKind, Step};
use gantry_core::{ServiceKey, ServiceName, ServiceState};

use crate::dispatcher::Dispatcher;

impl Dispatcher {
    /// The steps of a command to these services.
    pub(super) fn command_steps(
        &self,
        kind: OperationKind,
        services: &[ServiceName],
        cascade: bool,
    ) -> Vec<Step> {
        let order = self.world.services();
        let asked = |name: &ServiceName| (name.clone(), "asked for".to_owned());
        let mut reasons: HashMap<ServiceName, String> = services.iter().map(asked).collect();
        match kind {
            // Start order has what is needed first: backwards, whoever needs is seen before.
            OperationKind::Start | OperationKind::Up => {
                for key in order.iter().rev() {
                    let Some(spec) = self.world.spec(*key) else {
                        continue;
                    };
                    if reasons.contains_key(&spec.name) {
                        for edge in &spec.depends_on {
                            let reason = || format!("needed by {}", spec.name);
                            reasons.entry(edge.on.clone()).or_insert_with(reason);
                        }
                    }
                }
            }
            _ if cascade => {
                for key in &order {
                    let Some(spec) = self.world.spec(*key) else {
                        continue;
                    };
                    let leader = spec
                        .depends_on
                        .iter()
                        .find(|it| reasons.contains_key(&it.on));
                    if let Some(edge) = leader {
                        let reason = || format!("depends on {}", edge.on);
                        reasons.entry(spec.name.clone()).or_insert_with(reason);
                    }
                }
            }
            _ => {}
        }
        let starts = matches!(kind, OperationKind::Start | OperationKind::Up);
        let mut steps: Vec<Step> = order
            .into_iter()
            .filter(|key| kind == OperationKind::Restart || self.is_down(*key) == starts)
            .filter_map(|key| self.world.name(key))
            .filter_map(|name| {
                let reason = reasons.get(name)?.clone();
                Some(Step {
                    action: action(kind).to_owned(),
                    service: name.to_string(),
                    reason,
                })
            })
            .collect();
        if !starts {
            steps.reverse();
        }
        steps
    }

    fn is_down(&self, service: ServiceKey) -> bool {
        self.world.service(service).is_none_or(|view| {
            matches!(
                view.state,
                ServiceState::Stopped
                    | ServiceState::Failed
                    | ServiceState::Completed
                    | ServiceState::Blocked
            )
        })
    }
}

fn action(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Up | OperationKind::Start => "start",
        OperationKind::Down | OperationKind::Stop => "stop",
        OperationKind::Restart => "restart",
        OperationKind::Rollback => "update",
    }
}
