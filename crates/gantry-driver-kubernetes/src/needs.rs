//! What must be there before anything is applied.

mod rights;

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_core::{FailureKind, InstanceId, ServiceName};
use gantry_driver::{Around, Described, DriverError, JobRequest, Missing, Need, Prerequisite};
use gantry_stack::modes::kubernetes::KubernetesSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::{self, Choice, Cluster};
use crate::driver;
use crate::home;
use crate::kustomize::Lately;
use crate::manifest;
use crate::namespace;
use crate::object::Key;
use crate::record::{self, Mode};
use crate::room::look::{Asking, Of, look};
use crate::spec::{Spec, choice_of};
use rights::Right;

/// How long a command may take that only tells its version, and how much it may print.
const QUICK: Duration = Duration::from_secs(20);
const CAPTURE: u64 = 64 * 1024;

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
        /// Namespaces that others of the same start make.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        made: Vec<String>,
        /// Whether others of another kind begin before it, which may make more.
        #[serde(default)]
        follows: bool,
    },
    /// Room for what these ask for.
    Room {
        choice: Choice,
        asking: Vec<Asking>,
        of: Of,
    },
    /// Rights to open ways into pods of a namespace.
    Ways {
        choice: Choice,
        namespace: Option<String>,
    },
    /// Rights to run this as somebody else, without a password.
    Sudo(Vec<String>),
}

/// The needs of these services; what many share is named once.
pub(crate) fn of(services: &[(ServiceName, Described<'_>)]) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    let specs = services.iter().filter_map(|(service, described)| {
        let spec = Spec::read(described.spec).ok()?;
        Some((service, described, spec))
    });
    let specs: Vec<_> = specs.collect();
    let mut asking: Vec<(Choice, Vec<Asking>)> = Vec::new();
    for (service, described, spec) in specs.iter().cloned() {
        let choice = spec.choice();
        if spec.0.tools.kubectl_sudo {
            let sudo = need("sudo", Wanted::Sudo(spec.0.tools.kubectl()));
            share(&mut all, service, sudo, "kubectl-sudo");
        }
        let one = Asking {
            service: service.clone(),
            spec: Box::new(spec.0.clone()),
        };
        match asking.iter_mut().find(|(known, _)| *known == choice) {
            Some((_, all)) => all.push(one),
            None => asking.push((choice.clone(), vec![one])),
        }
        let others = specs.iter().filter(|(other, ..)| *other != service);
        let made = others.filter(|(_, _, other)| other.choice() == choice);
        let made = made.flat_map(|(_, _, other)| namespaces_made(&other.0));
        let made: Vec<String> = made.collect();
        share(&mut all, service, cluster(spec.choice()), "context");
        ways(&mut all, service, described.spec);
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
        let wanted = Wanted::Manifests {
            service: service.clone(),
            spec: Box::new(spec.0),
            part: None,
            made,
            follows: described.follows,
        };
        all.push(prerequisite(service, need("manifests", wanted), field));
    }
    for (choice, asking) in asking {
        let names: Vec<ServiceName> = asking.iter().map(|one| one.service.clone()).collect();
        for of in [Of::Never, Of::Now] {
            let wanted = Wanted::Room {
                choice: choice.clone(),
                asking: asking.clone(),
                of,
            };
            all.push(Prerequisite {
                services: names.clone(),
                need: need("room in the cluster", wanted),
                field: "manifests".into(),
                // Others may leave.
                advisory: of == Of::Now,
            });
        }
    }
    all
}

/// The namespaces that a service makes.
fn namespaces_made(spec: &KubernetesSpec) -> Vec<String> {
    let own = spec.namespace.clone().filter(|_| spec.create_namespace);
    let documents = manifest::read(&spec.manifests).unwrap_or_default();
    let keys = documents.iter().map(|one| Key::of(&one.object));
    let written = keys.filter(|key| key.is_same(&namespace::key(&key.name)));
    own.into_iter().chain(written.map(|key| key.name)).collect()
}

/// The need of a cluster that answers, and may be changed.
pub(crate) fn cluster(choice: Choice) -> Need {
    need("Kubernetes cluster", Wanted::Cluster(choice))
}

/// Adds what the forwards of a service need.
pub(crate) fn ways(all: &mut Vec<Prerequisite>, service: &ServiceName, spec: &Value) {
    let own = spec["namespace"].as_str();
    for forward in driver::forwards(spec) {
        let wanted = Wanted::Ways {
            choice: choice_of(spec),
            namespace: forward.namespace.or_else(|| own.map(str::to_owned)),
        };
        share(all, service, need("ways into pods", wanted), "forward");
    }
}

/// Adds a need that many may have.
pub(crate) fn share(all: &mut Vec<Prerequisite>, service: &ServiceName, need: Need, field: &str) {
    match all.iter_mut().find(|known| known.need == need) {
        Some(known) if known.services.last() == Some(service) => {}
        Some(known) => known.services.push(service.clone()),
        None => all.push(prerequisite(service, need, field)),
    }
}

/// Whether a service will have a part.
pub(crate) fn part(service: &ServiceName, described: Described<'_>, part: &str) -> Option<Need> {
    let spec = Spec::read(described.spec).ok()?;
    let wanted = Wanted::Manifests {
        service: service.clone(),
        spec: Box::new(spec.0),
        part: Some(part.to_owned()),
        made: Vec::new(),
        follows: false,
    };
    Some(need("part of the manifests", wanted))
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
pub(crate) async fn examine(
    need: &Need,
    around: Around<'_>,
    lately: &Lately,
) -> Result<(), Missing> {
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
            made,
            follows,
        } => {
            let spec = Spec(*spec);
            let objects = lately.objects(around.host, &spec.0).await;
            let objects = objects.map_err(|error| missing(&error))?;
            let keys: Vec<Key> = objects.iter().map(Key::of).collect();
            if let Some(part) = part {
                return has_part(&service, &keys, &part);
            }
            // Without a cluster nothing is known, and its lack is said once.
            let choice = spec.choice();
            let connected = Cluster::connect(&choice, &environment, Some(around.host)).await;
            let Ok(cluster) = connected else {
                return Ok(());
            };
            let instance = InstanceId::new(service, 0);
            if record::read(around.stack, Mode::Manifests, &instance).is_none() {
                let namespace = spec.0.namespace.as_deref();
                let namespace = namespace.unwrap_or(&cluster.namespace);
                let claimed = home::claim(&cluster, around.stack, &instance, namespace).await;
                match claimed {
                    // What cannot be asked is told by who asks.
                    Err(error) if error.kind != FailureKind::NotOurs => {}
                    claimed => claimed.map_err(|error| missing(&error))?,
                }
            }
            if !follows {
                has_its_namespace(&cluster, &spec, &keys, &made).await?;
            }
            may(&cluster, &spec, &keys).await
        }
        Wanted::Room { choice, asking, of } => {
            let connected = Cluster::connect(&choice, &environment, Some(around.host)).await;
            match connected {
                Ok(cluster) => {
                    // What is wrong with them is said of each.
                    let objects = asking
                        .iter()
                        .map(|one| lately.objects(around.host, &one.spec));
                    let objects = futures::future::join_all(objects).await;
                    let objects = objects.into_iter().map(Result::unwrap_or_default);
                    let asking: Vec<_> = asking.iter().zip(objects).collect();
                    look(&cluster, &asking, of).await
                }
                Err(_) => Ok(()),
            }
        }
        Wanted::Ways { choice, namespace } => {
            let connected = Cluster::connect(&choice, &environment, Some(around.host)).await;
            match connected {
                Ok(cluster) => rights::to_dial(&cluster, namespace.as_deref()).await,
                Err(_) => Ok(()),
            }
        }
        Wanted::Sudo(words) => may_sudo(&words, around).await,
    }
}

/// Whether something can be run as somebody else without a password, which nobody is there to type.
async fn may_sudo(words: &[String], around: Around<'_>) -> Result<(), Missing> {
    let name = words.join(" ");
    let mut command = words.to_vec();
    command.extend(["version".to_owned(), "--client".to_owned()]);
    let job = JobRequest {
        folder: Some("/".into()),
        ..JobRequest::host(format!("try {name}"), command, QUICK, CAPTURE)
    };
    let said = match around.host.run(job).await {
        Ok(outcome) if outcome.success() => return Ok(()),
        Ok(outcome) => {
            let said = outcome.wrong(QUICK).unwrap_or_default();
            // What it runs may be wrong with itself: only sudo's own words count.
            if !outcome.stderr.lines().any(|line| line.starts_with("sudo:")) {
                return Ok(());
            }
            said
        }
        Err(error) => format!("cannot be run: {}", error.reason),
    };
    Err(Missing {
        reason: format!("`{name}` {said}"),
        hint: Some(
            "nobody can type a password for it: allow it with NOPASSWD in sudoers, or leave `kubectl-sudo` away"
                .to_owned(),
        ),
    })
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

/// Whether the namespace is there, or will be.
async fn has_its_namespace(
    cluster: &Cluster,
    spec: &Spec,
    keys: &[Key],
    made: &[String],
) -> Result<(), Missing> {
    let namespace = spec.0.namespace.as_ref().unwrap_or(&cluster.namespace);
    let own = namespace::key(namespace);
    let makes = spec.0.create_namespace
        || keys.iter().any(|key| key.is_same(&own))
        || made.contains(namespace);
    if makes {
        return Ok(());
    }
    has_namespace(cluster, namespace).await
}

/// Whether we may do what is to be done.
async fn may(cluster: &Cluster, spec: &Spec, keys: &[Key]) -> Result<(), Missing> {
    let namespace = spec.0.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
    let mut wrong: Vec<String> = Vec::new();
    // One reason may be that of many objects.
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut asked: Vec<(String, String, Option<String>)> = Vec::new();
    for key in keys {
        let kind = match cluster.kind(key).await {
            Ok(kind) => kind,
            // Another of these may define it.
            Err(_) if keys.iter().any(|it| it.kind == "CustomResourceDefinition") => continue,
            // It is said once, of the cluster.
            Err(error) if error.kind == FailureKind::Unreachable => return Ok(()),
            Err(error) => {
                let reason = error.reason.clone();
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, names)) => names.push(key.short()),
                    None => reasons.push((reason, vec![key.short()])),
                }
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
    for (reason, names) in reasons {
        wrong.push(match names.as_slice() {
            [name] => format!("{name}: {reason}"),
            [first, ..] => format!("{reason} ({} objects, {first} the first)", names.len()),
            [] => reason,
        });
    }
    for (group, resource, within) in asked {
        let asked = Right {
            verb: "patch",
            group: &group,
            resource: &resource,
            part: None,
            within: within.as_deref(),
        };
        if !asked.is_given(cluster).await {
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
