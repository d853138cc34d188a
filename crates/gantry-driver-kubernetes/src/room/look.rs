//! What is asked of a cluster to find whether it has room.

use gantry_core::ServiceName;
use gantry_driver::Missing;
use gantry_stack::modes::kubernetes::KubernetesSpec;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, ResourceQuota};
use kube::api::{Api, ListParams};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Demand, beyond_free, beyond_quota, demand, too_large};
use crate::cluster::Cluster;

/// Whoever has more pods than this knows how full it is.
const PODS: u32 = 2_000;

/// A service of manifests, as far as it asks for room.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Asking {
    pub(crate) service: ServiceName,
    pub(crate) spec: Box<KubernetesSpec>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Of {
    /// What can never be.
    Never,
    /// What others may leave.
    Now,
}

/// Whether a cluster has room for these services and their objects.
pub(crate) async fn look(
    cluster: &Cluster,
    asking: &[(&Asking, Vec<Value>)],
    of: Of,
) -> Result<(), Missing> {
    let (demands, before) = demands(cluster, asking).await;
    if demands.is_empty() {
        return Ok(());
    }
    let wrong = match of {
        Of::Never => {
            let mut wrong = Vec::new();
            if !grows(cluster).await {
                wrong.extend(too_large(&demands, &nodes(cluster).await));
            }
            let quotas = quotas(cluster, &demands).await;
            wrong.extend(beyond_quota(&demands, &before, &quotas));
            wrong
        }
        Of::Now => {
            if grows(cluster).await {
                return Ok(());
            }
            let nodes = nodes(cluster).await;
            match pods(cluster).await {
                Some(pods) if !nodes.is_empty() => beyond_free(&demands, &before, &nodes, &pods),
                _ => return Ok(()),
            }
        }
    };
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Missing {
        reason: wrong.join("; "),
        hint: None,
    })
}

/// What is asked for, and what of it is asked for already by what is there.
async fn demands(
    cluster: &Cluster,
    asking: &[(&Asking, Vec<Value>)],
) -> (Vec<Demand>, Vec<Demand>) {
    let (mut demands, mut before) = (Vec::new(), Vec::new());
    for (one, objects) in asking {
        let namespace = one.spec.namespace.as_deref().unwrap_or(&cluster.namespace);
        for object in objects {
            let Some(wanted) = demand(object, namespace) else {
                continue;
            };
            if let Ok(api) = cluster.place(&wanted.key).await
                && let Ok(there) = api.get(&wanted.key.name).await
                && let Ok(there) = serde_json::to_value(there)
            {
                before.extend(demand(&there, namespace));
            }
            demands.push(wanted);
        }
    }
    (demands, before)
}

/// Whether more nodes may be made for pods that have none.
async fn grows(cluster: &Cluster) -> bool {
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "kube-system");
    if maps.get_metadata("cluster-autoscaler-status").await.is_ok() {
        return true;
    }
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let marked = ListParams::default()
        .labels("karpenter.sh/nodepool")
        .limit(1);
    let found = nodes.list_metadata(&marked).await;
    found.is_ok_and(|found| !found.items.is_empty())
}

async fn nodes(cluster: &Cluster) -> Vec<Value> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let found = api.list(&ListParams::default()).await;
    let nodes = found.map(|found| found.items).unwrap_or_default();
    let nodes = nodes.into_iter();
    nodes
        .filter_map(|it| serde_json::to_value(it).ok())
        .collect()
}

async fn quotas(cluster: &Cluster, demands: &[Demand]) -> Vec<Value> {
    let mut namespaces: Vec<&str> = demands
        .iter()
        .filter_map(|demand| demand.key.namespace.as_deref())
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut found = Vec::new();
    for namespace in namespaces {
        let api: Api<ResourceQuota> = Api::namespaced(cluster.client.clone(), namespace);
        let quotas = api.list(&ListParams::default()).await;
        let quotas = quotas.map(|found| found.items).unwrap_or_default();
        let quotas = quotas.into_iter();
        found.extend(quotas.filter_map(|it| serde_json::to_value(it).ok()));
    }
    found
}

/// All pods; nothing if they may not be looked at, or there are too many.
async fn pods(cluster: &Cluster) -> Option<Vec<Value>> {
    let api: Api<Pod> = Api::all(cluster.client.clone());
    let found = api.list(&ListParams::default().limit(PODS)).await.ok()?;
    if found.metadata.continue_.is_some_and(|it| !it.is_empty()) {
        return None;
    }
    let pods = found.items.into_iter();
    Some(
        pods.filter_map(|it| serde_json::to_value(it).ok())
            .collect(),
    )
}
