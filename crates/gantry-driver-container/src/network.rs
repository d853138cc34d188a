//! The network of a stack: all its containers are in it, and find each other there by name.

use std::time::Duration;

use bollard::models::NetworkCreateRequest;
use gantry_driver::DriverError;

use crate::engine::{Engine, Kind};
use crate::names::Names;
use crate::trouble;

/// How often a network is tried to be made, and how long after a try the next one comes.
const ATTEMPTS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(100);

/// Makes the network, if it is not there. Gives the address by which containers reach this machine.
pub(crate) async fn ensure(engine: &Engine, names: &Names) -> Result<String, DriverError> {
    let name = names.network();
    let failed = |error: &bollard::errors::Error| trouble::of("network", error);
    let found = engine.api.inspect_network(&name, None).await;
    let network = match found {
        Ok(network) => network,
        Err(error) if trouble::is_not_found(&error) => {
            let wanted = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                labels: Some(names.labels()),
                ..NetworkCreateRequest::default()
            };
            for attempt in 1.. {
                match engine.api.create_network(wanted.clone()).await {
                    // While others come and go, Podman stumbles over an interface that has just left.
                    Err(error) if trouble::is_internal(&error) && attempt < ATTEMPTS => {
                        tokio::time::sleep(AGAIN).await;
                    }
                    // Somebody was faster.
                    Err(error) if !trouble::is_conflict(&error) => return Err(failed(&error)),
                    _ => break,
                }
            }
            let made = engine.api.inspect_network(&name, None).await;
            made.map_err(|error| failed(&error))?
        }
        Err(error) => return Err(failed(&error)),
    };
    if !names.owns(&network.labels.unwrap_or_default()) {
        let reason = format!("there is a network {name} that another stack made");
        return Err(DriverError::not_ours("network", reason));
    }
    let gateways = network
        .ipam
        .and_then(|ipam| ipam.config)
        .unwrap_or_default();
    let gateway = gateways.into_iter().find_map(|config| config.gateway);
    Ok(match (engine.kind, gateway) {
        // Podman before 4.7 knows no word for it; its bridge's own address is this machine.
        (Kind::Podman, Some(gateway)) => gateway,
        _ => "host-gateway".to_owned(),
    })
}

/// Removes the network, if it is there and ours.
pub(crate) async fn remove(engine: &Engine, names: &Names) -> Result<(), DriverError> {
    let name = names.network();
    let network = match engine.api.inspect_network(&name, None).await {
        Ok(network) => network,
        Err(error) if trouble::is_not_found(&error) => return Ok(()),
        Err(error) => return Err(trouble::of("network", &error)),
    };
    if !names.owns(&network.labels.unwrap_or_default()) {
        return Ok(());
    }
    match engine.api.remove_network(&name).await {
        Err(error) if !trouble::is_not_found(&error) => Err(trouble::of("network", &error)),
        _ => Ok(()),
    }
}
