//! What must be there before anything is applied.

use std::collections::BTreeMap;

use gantry_core::ServiceName;
use gantry_driver::{Around, Described, DriverError, Missing, Need, Prerequisite};
use gantry_stack::modes::kubernetes::KubernetesSpec;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cluster::{self, Choice, Cluster};
use crate::manifest;
use crate::namespace;
use crate::object::Key;
use crate::spec::Spec;

/// A need that only this driver can look for.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    kubernetes: Wanted,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    /// A cluster that answers, and may be changed.
    Cluster(Choice),
    /// What is right, and may be done there.
    Manifests {
        service: ServiceName,
        spec: Box<KubernetesSpec>,
        /// Only whether it has this part.
        part: Option<String>,
    },
}

/// The needs of these services; what many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for (service, described) in services {
        let Ok(spec) = Spec::read(described.spec) else {
            continue;
        };
        share(&mut all, service, cluster(spec.choice()), "context");
        let field = if spec.0.kustomize.is_some() {
            "kustomize"
        } else {
            "manifests"
        };
        if spec.0.kustomize.is_some() {
            let kubectl = Need::Program {
                name: spec.0.tools.kubectl().swap_remove(0),
                path: None,
                folder: described.settings.folder.clone(),
            };
            all.push(prerequisite(service, kubectl, field));
        }
        let wanted = manifests(service, spec, None);
        all.push(prerequisite(service, need("manifests", wanted), field));
    }
    all
}

/// The need of a cluster that answers, and may be changed.
pub(crate) fn cluster(choice: Choice) -> Need {
    need("Kubernetes cluster", Wanted::Cluster(choice))
}

/// Adds a need that many may have.
pub(crate) fn share(all: &mut Vec<Prerequisite>, service: &ServiceName, need: Need, field: &str) {
    match all.iter_mut().find(|known| known.need == need) {
        Some(known) => known.services.push(service.clone()),
        None => all.push(prerequisite(service, need, field)),
    }
}

/// Whether a service will have a part.
pub(crate) fn part(service: &ServiceName, described: Described<'_>, part: &str) -> Option<Need> {
    let spec = Spec::read(described.spec).ok()?;
    let wanted = manifests(service, spec, Some(part.to_owned()));
    Some(need("part of the manifests", wanted))
}

fn manifests(service: &ServiceName, spec: Spec, part: Option<String>) -> Wanted {
    Wanted::Manifests {
        service: service.clone(),
        spec: Box::new(spec.0),
        part,
    }
}

fn need(what: &str, kubernetes: Wanted) -> Need {
    Need::Backend {
        what: what.into(),
        data: json!(Asked { kubernetes }),
    }
}

pub(crate) fn prerequisite(service: &ServiceName, need: Need, field: &str) -> Prerequisite {
    Prerequisite {
        services: vec![service.clone()],
        need,
        field: field.into(),
        advisory: false,
    }
}

pub(crate) fn missing(error: &DriverError) -> Missing {
    Missing {
        reason: error.to_string(),
        hint: None,
    }
}

/// Whether a need is met. One that is not ours is.
pub(crate) async fn examine(need: &Need, around: Around<'_>) -> Result<(), Missing> {
    let Need::Backend { data, .. } = need else {
        return Ok(());
    };
    let Ok(Asked { kubernetes }) = Asked::deserialize(data) else {
        return Ok(());
    };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    match kubernetes {
        Wanted::Cluster(choice) => {
            let cluster = Cluster::connect(&choice, &environment, Some(around.host)).await;
            let cluster = cluster.map_err(|error| missing(&error))?;
            cluster.version().await.map_err(|error| missing(&error))?;
            Ok(())
        }
        Wanted::Manifests {
            service,
            spec,
            part,
        } => {
            let spec = Spec(*spec);
            if spec.0.kustomize.is_some() {
                return Ok(());
            }
            let documents = manifest::read(&spec.0.manifests).map_err(|errors| Missing {
                reason: errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
                hint: None,
            })?;
            let keys: Vec<Key> = documents.iter().map(|one| Key::of(&one.object)).collect();
            if let Some(part) = part {
                return has_part(&service, &keys, &part);
            }
            // Without a cluster nothing is known, and its lack is said once.
            let choice = spec.choice();
            let connected = Cluster::connect(&choice, &environment, Some(around.host)).await;
            let Ok(cluster) = connected else {
                return Ok(());
            };
            may(&cluster, &spec, &keys).await
        }
    }
}

fn has_part(service: &ServiceName, keys: &[Key], part: &str) -> Result<(), Missing> {
    let workloads = keys.iter().filter(|key| key.is_workload());
    let names: Vec<String> = workloads.map(Key::short).collect();
    // Pods show when they are there.
    if names.iter().any(|name| name == part) || part.starts_with("pod/") {
        return Ok(());
    }
    let near = gantry_stack::nearest::did_you_mean(part, names.iter().map(String::as_str));
    Err(Missing {
        reason: format!("{service} has no part {part}"),
        hint: near.or_else(|| (!names.is_empty()).then(|| format!("it has {}", names.join(", ")))),
    })
}

/// Whether the namespace is there, and we may do in it what is to be done.
async fn may(cluster: &Cluster, spec: &Spec, keys: &[Key]) -> Result<(), Missing> {
    let namespace = spec.0.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
    let mut wrong: Vec<String> = Vec::new();
    let makes = keys
        .iter()
        .any(|key| key.is_same(&namespace::key(&namespace)));
    if !spec.0.create_namespace && !makes {
        has_namespace(cluster, &namespace).await?;
    }
    let mut asked: Vec<(String, String, Option<String>)> = Vec::new();
    for key in keys {
        let kind = match cluster.kind(key).await {
            Ok(kind) => kind,
            // Another of these may define it.
            Err(_) if keys.iter().any(|it| it.kind == "CustomResourceDefinition") => continue,
            Err(error) => {
                wrong.push(format!("{}: {}", key.short(), error.reason));
                continue;
            }
        };
        let within = key.namespace.clone().unwrap_or_else(|| namespace.clone());
        let within = kind.namespaced.then_some(within);
        let question = (key.group.clone(), kind.resource.plural, within);
        if !asked.contains(&question) {
            asked.push(question);
        }
    }
    for (group, resource, within) in asked {
        if !is_allowed(cluster, &group, &resource, within.as_deref()).await {
            let place = within.map_or_else(String::new, |name| format!(" in {name}"));
            wrong.push(format!("may not apply {resource}{place}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Missing {
        reason: wrong.join("; "),
        hint: None,
    })
}

/// Whether a namespace is there. Who may not look at namespaces may work in one all the same.
pub(crate) async fn has_namespace(cluster: &Cluster, name: &str) -> Result<(), Missing> {
    let Ok(api) = cluster.place(&namespace::key(name)).await else {
        return Ok(());
    };
    match api.get_metadata(name).await {
        Err(error) if cluster::is_absent(&error) => Err(Missing {
            reason: format!("there is no namespace {name}"),
            hint: Some("`create-namespace = true` makes it".to_owned()),
        }),
        _ => Ok(()),
    }
}

/// Whether we may change things of a kind. If that cannot be asked, it is tried.
async fn is_allowed(cluster: &Cluster, group: &str, resource: &str, within: Option<&str>) -> bool {
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                namespace: within.map(str::to_owned),
                verb: Some("patch".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    match api.create(&PostParams::default(), &review).await {
        Ok(answer) => answer.status.is_none_or(|status| status.allowed),
        Err(_) => true,
    }
}
