//! Which containers there are, from the outside.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bollard::models::{PortSummary, PortSummaryTypeEnum};
use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions};
use gantry_driver::DriverError;

use crate::engine::Engine;
use crate::trouble;

/// How long an engine may take to put away containers that have ended, and how often it is asked again.
pub(crate) const PUT_AWAY: Duration = Duration::from_secs(10);
pub(crate) const AGAIN: Duration = Duration::from_millis(15);

/// A container of which only the outside is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The engine's own name for it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// The ports of the machine that it has.
    pub ports: Vec<Published>,
}

/// A port of the machine that leads to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The address at which it is; `None`: at all.
    pub address: Option<IpAddr>,
    /// Its number.
    pub number: u16,
    /// Whether it takes datagrams.
    pub datagram: bool,
}

impl Published {
    /// One at this address, which may be that of all addresses, or nothing.
    pub fn new(address: Option<&str>, number: u16, datagram: bool) -> Self {
        let address = address.and_then(|text| text.trim_matches(['[', ']']).parse().ok());
        Self {
            address: address.filter(|it: &IpAddr| !it.is_unspecified()),
            number,
            datagram,
        }
    }

    /// Whether only one of them can be had.
    pub fn excludes(&self, other: &Self) -> bool {
        let same = match (self.address, other.address) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        same && self.number == other.number && self.datagram == other.datagram
    }
}

/// All containers with this label, also those that have ended; all that there are if it is empty.
pub async fn all(engine: &Engine, label: &str) -> Result<Vec<Listed>, DriverError> {
    let filters =
        (!label.is_empty()).then(|| HashMap::from([("label".to_owned(), vec![label.to_owned()])]));
    let options = ListContainersOptions {
        all: true,
        filters,
        ..ListContainersOptions::default()
    };
    let begun = Instant::now();
    let listed = loop {
        match engine.api.list_containers(Some(options.clone())).await {
            Ok(listed) => break listed,
            // Between its end and its being put away Podman calls a container `stopped`, which no Docker does.
            Err(error) if trouble::is_unreadable(&error) && begun.elapsed() < PUT_AWAY => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(trouble::of("observe", &error)),
        }
    };
    let found = listed.into_iter().filter_map(|one| {
        let ports = one.ports.unwrap_or_default();
        let names = one.names.unwrap_or_default();
        let name = names.first().map(|name| name.trim_start_matches('/'));
        Some(Listed {
            id: one.id?,
            name: name.unwrap_or_default().to_owned(),
            labels: one.labels.unwrap_or_default(),
            ports: ports.iter().filter_map(published).collect(),
        })
    });
    Ok(found.collect())
}

/// The names of all networks with this label.
pub async fn networks(engine: &Engine, label: &str) -> Result<Vec<String>, DriverError> {
    let filters = HashMap::from([("label".to_owned(), vec![label.to_owned()])]);
    let options = ListNetworksOptions {
        filters: Some(filters),
    };
    let listed = engine.api.list_networks(Some(options)).await;
    let listed = listed.map_err(|error| trouble::of("network", &error))?;
    Ok(listed.into_iter().filter_map(|one| one.name).collect())
}

fn published(port: &PortSummary) -> Option<Published> {
    let datagram = port.typ == Some(PortSummaryTypeEnum::UDP);
    let number = port.public_port?;
    Some(Published::new(port.ip.as_deref(), number, datagram))
}
