//! Networks and volumes of which the files say nothing but the name, for a command that cannot merge a label into nothing:
//! they are made before it looks for them, with our labels, as it would make them itself.

use std::collections::HashMap;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use gantry_container_engine::trouble;
use gantry_driver::DriverError;

use crate::context::Context;
use crate::look::PROJECT;
use crate::project::Project;

/// The label by which podman-compose knows what it has made.
const PODMAN_PROJECT: &str = "io.podman.compose.project";

/// Makes those that are not there.
pub(crate) async fn make(
    context: &Context,
    called: &str,
    project: &Project,
) -> Result<(), DriverError> {
    let api = &context.engine.api;
    let labels = || -> HashMap<String, String> {
        let mut labels = context.owner.labels();
        for label in [PROJECT, PODMAN_PROJECT] {
            labels.insert(label.to_owned(), called.to_owned());
        }
        labels
    };
    for network in &project.bare_networks {
        let name = format!("{called}_{network}");
        let there = api.inspect_network(&name, None).await;
        if !is_missing(&there) {
            continue;
        }
        let wanted = NetworkCreateRequest {
            name,
            driver: Some("bridge".to_owned()),
            labels: Some(labels()),
            ..NetworkCreateRequest::default()
        };
        let made = api.create_network(wanted).await;
        made.map_err(|error| trouble::of("network", &error))?;
    }
    for volume in &project.bare_volumes {
        let name = format!("{called}_{volume}");
        let there = api.inspect_volume(&name).await;
        if !is_missing(&there) {
            continue;
        }
        let wanted = VolumeCreateRequest {
            name: Some(name),
            labels: Some(labels()),
            ..VolumeCreateRequest::default()
        };
        let made = api.create_volume(wanted).await;
        made.map_err(|error| trouble::of("volume", &error))?;
    }
    Ok(())
}

fn is_missing<T>(looked: &Result<T, bollard::errors::Error>) -> bool {
    looked.as_ref().is_err_and(trouble::is_not_found)
}
