//! The status of a stack that nobody keeps: everything is stopped.

use camino::Utf8Path;
use gantry_api::{InstanceStatus, ServiceStatus, Status, VERSION};

use crate::stack_file::{DependencyLine, StackFile};

/// The same object that a supervisor would send.
pub(crate) fn stopped(stack: &StackFile, file: &Utf8Path) -> Status {
    let services = stack.services.iter().map(|service| ServiceStatus {
        name: service.name.clone(),
        description: service.description.clone(),
        mode: service.mode.clone(),
        job: service.job,
        instances: (1..=service.replicas)
            .map(|number| InstanceStatus {
                id: format!("{}.{number}", service.name),
                ..InstanceStatus::default()
            })
            .collect(),
        depends_on: service
            .depends_on
            .iter()
            .map(DependencyLine::name)
            .collect(),
        ..ServiceStatus::default()
    });
    Status {
        version: VERSION,
        stack: stack.name.clone(),
        file: file.to_owned(),
        supervisor: None,
        strays: Vec::new(),
        services: services.collect(),
    }
}
