//! Where a cluster is, without connecting to it.

use std::collections::BTreeMap;

use crate::cluster::{self, Choice};

/// The host and port of the server that a configuration names, as `host:port`; nothing if there is none.
pub fn address(
    kubeconfig: Option<&str>,
    context: Option<&str>,
    environment: &[(String, String)],
) -> Option<String> {
    let choice = Choice {
        kubeconfig: kubeconfig.map(Into::into),
        context: context.map(str::to_owned),
        ..Choice::default()
    };
    let environment: BTreeMap<String, String> = environment.iter().cloned().collect();
    let (config, _) = cluster::kubeconfig(&choice, &environment).ok()?;
    let context = choice.context.or(config.current_context)?;
    let contexts = config.contexts.iter();
    let found = contexts
        .filter(|one| one.name == context)
        .find_map(|one| one.context.as_ref());
    let name = &found?.cluster;
    let clusters = config.clusters.iter();
    let found = clusters
        .filter(|one| one.name == *name)
        .find_map(|one| one.cluster.as_ref());
    let server = found?.server.as_deref()?;
    let (scheme, rest) = server.split_once("://")?;
    let host = rest.split('/').next()?;
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if scheme == "http" { 80 } else { 443 };
    Some(if has_port {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    })
}
