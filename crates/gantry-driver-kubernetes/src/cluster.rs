//! A connection to a cluster: which one, by which right, and what kinds it knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;
use gantry_core::FailureKind;
use gantry_driver::{DriverError, HostJobs};
use gantry_stack::modes::kubernetes::Tools;
use kube::api::{Api, DynamicObject};
use kube::config::Kubeconfig;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::Scope;
use kube::{Client, Config};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::access::{Access, NoAnswer, Source, Way};
use crate::forward::road::Road;
use crate::helm::tool::Aim;
use crate::local;
use crate::object::Key;

/// Who owns the fields that we set.
pub(crate) const MANAGER: &str = "gantry";

/// The oldest minor version of Kubernetes 1 that we know.
const OLDEST: u32 = 25;

/// Which cluster, as the stack file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Choice {
    pub(crate) kubeconfig: Option<Utf8PathBuf>,
    pub(crate) context: Option<String>,
    /// Contexts of clusters elsewhere that may be changed although nobody named them.
    #[serde(default)]
    pub(crate) allowed: Vec<String>,
    /// The commands for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) tools: Tools,
}

fn is_default(tools: &Tools) -> bool {
    *tools == Tools::default()
}

/// A kind of objects, as the cluster serves it.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) resource: ApiResource,
    pub(crate) namespaced: bool,
}

/// A connection.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// The context's own namespace.
    pub(crate) namespace: String,
    /// How programs are told of it.
    pub(crate) aim: Aim,
    kinds: Mutex<HashMap<(String, String, String), Kind>>,
    access: Arc<Access>,
    road: OnceLock<Road>,
}

impl Cluster {
    /// Connects, if that cluster may be changed.
    pub(crate) async fn connect(
        choice: &Choice,
        environment: &BTreeMap<String, String>,
        host: Option<&Arc<dyn HostJobs>>,
    ) -> Result<Self, DriverError> {
        let source = Source {
            choice: choice.clone(),
            environment: environment.clone(),
            host: host.cloned(),
        };
        let read = source.read().await?;
        let namespace = read.config.default_namespace.clone();
        let aim = Aim {
            kubeconfig: match read.files.as_slice() {
                [file] => Some(file.clone()),
                // Several are in the environment, and none means that the program has its own.
                _ => None,
            },
            context: Some(read.context.clone()),
        };
        let access = Access::new(source, read)?;
        Ok(Self {
            client: access.client(Way::Kept),
            namespace,
            aim,
            kinds: Mutex::default(),
            access,
            road: OnceLock::new(),
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.access.server()
    }

    /// How its pods are reached; made when the first is.
    pub(crate) fn road(&self) -> Result<&Road, DriverError> {
        if let Some(road) = self.road.get() {
            return Ok(road);
        }
        let road = Road::new(&self.access.config());
        let mut road = road.map_err(|error| trouble("forward", &error))?;
        road.client = self.access.client(Way::Fresh);
        Ok(self.road.get_or_init(|| road))
    }

    /// Whether somebody answers who is not too old.
    pub(crate) async fn version(&self) -> Result<String, DriverError> {
        let version = self.client.apiserver_version().await;
        let version = version.map_err(|error| trouble("connect", &error))?;
        let digits: String = version
            .minor
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if version.major == "1" && digits.parse().is_ok_and(|minor: u32| minor < OLDEST) {
            let reason = format!(
                "the cluster's version is {}; 1.{OLDEST} or newer is needed",
                version.git_version
            );
            return Err(DriverError::permanent("version", reason));
        }
        Ok(version.git_version)
    }

    /// How the cluster serves a kind.
    pub(crate) async fn kind(&self, key: &Key) -> Result<Kind, DriverError> {
        let name = (key.group.clone(), key.version.clone(), key.kind.clone());
        if let Some(kind) = self.kinds.lock().await.get(&name) {
            return Ok(kind.clone());
        }
        let gvk = GroupVersionKind::gvk(&key.group, &key.version, &key.kind);
        let found = kube::discovery::pinned_kind(&self.client, &gvk).await;
        let (resource, capabilities) = found.map_err(|error| match error {
            kube::Error::Discovery(_) => unknown_kind(key),
            kube::Error::Api(status) if status.code == 404 => unknown_kind(key),
            error => trouble("discovery", &error),
        })?;
        let kind = Kind {
            resource,
            namespaced: capabilities.scope == Scope::Namespaced,
        };
        self.kinds.lock().await.insert(name, kind.clone());
        Ok(kind)
    }

    /// The objects of a kind in a namespace, or in the whole cluster.
    pub(crate) fn api(&self, kind: &Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace.filter(|_| kind.namespaced) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind.resource),
            None => Api::all_with(self.client.clone(), &kind.resource),
        }
    }

    /// Where an object is, or would be.
    pub(crate) async fn place(&self, key: &Key) -> Result<Api<DynamicObject>, DriverError> {
        let kind = self.kind(key).await?;
        Ok(self.api(&kind, key.namespace.as_deref()))
    }

    /// The same by connections that nobody has used before.
    pub(crate) async fn place_on_road(&self, key: &Key) -> Result<Api<DynamicObject>, DriverError> {
        let kind = self.kind(key).await?;
        let client = self.road()?.client.clone();
        let namespace = key.namespace.as_deref().filter(|_| kind.namespaced);
        Ok(match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &kind.resource),
            None => Api::all_with(client, &kind.resource),
        })
    }
}

fn unknown_kind(key: &Key) -> DriverError {
    let group = if key.group.is_empty() {
        key.version.clone()
    } else {
        format!("{}/{}", key.group, key.version)
    };
    let reason = format!("the cluster knows no kind {} of {group}", key.kind);
    DriverError::permanent("discovery", reason)
}

/// What the files say, as kubectl merges them.
pub(crate) fn kubeconfig(
    choice: &Choice,
    environment: &BTreeMap<String, String>,
) -> Result<(Kubeconfig, Vec<Utf8PathBuf>), DriverError> {
    let named = environment.get("KUBECONFIG").filter(|it| !it.is_empty());
    let home = environment
        .get("HOME")
        .map(|home| format!("{home}/.kube/config"));
    let (files, by): (Vec<Utf8PathBuf>, &str) = match (&choice.kubeconfig, named, home) {
        (Some(file), ..) => (vec![file.clone()], "`kubeconfig`"),
        (None, Some(named), _) => {
            let files = named.split(':').filter(|file| !file.is_empty());
            (files.map(Utf8PathBuf::from).collect(), "KUBECONFIG")
        }
        (None, None, Some(home)) => (vec![home.into()], "no `kubeconfig` or KUBECONFIG"),
        (None, None, None) => (Vec::new(), "no `kubeconfig`, KUBECONFIG or HOME"),
    };
    let mut merged: Option<Kubeconfig> = None;
    for file in files.iter().filter(|file| file.exists()) {
        let wrong = |error: kube::config::KubeconfigError| {
            // What the file says may be secret: only where it is wrong is told.
            let reason = format!("the Kubernetes configuration {file} cannot be read");
            let kind = error.to_string();
            let kind = kind
                .split([':', '\n'])
                .next()
                .unwrap_or_default()
                .to_owned();
            DriverError::permanent("context", reason).with_evidence(kind)
        };
        let read = Kubeconfig::read_from(file).map_err(wrong)?;
        merged = Some(match merged {
            None => read,
            Some(before) => before.merge(read).map_err(wrong)?,
        });
    }
    if let Some(merged) = merged {
        let there = files.into_iter().filter(|file| file.exists());
        return Ok((merged, there.collect()));
    }
    Err({
        let files: Vec<&str> = files.iter().map(|file| file.as_str()).collect();
        let reason = if files.is_empty() {
            format!("there is no Kubernetes configuration: {by}")
        } else {
            format!(
                "there is no Kubernetes configuration {} ({by})",
                files.join(", ")
            )
        };
        DriverError::permanent("context", reason)
    })
}

/// Nobody changes a cluster elsewhere by accident.
pub(crate) async fn must_be_local(config: &Config, context: &str) -> Result<(), DriverError> {
    let host = config.cluster_url.host().unwrap_or_default();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let addresses = local::addresses(host, port).await;
    let networks = local::networks();
    let is_local = |address| local::is_local(address, &networks);
    let here = !addresses.is_empty() && addresses.into_iter().all(is_local);
    let where_it_is = match (here, &config.proxy_url) {
        (true, None) => return Ok(()),
        // What an address means behind it, nobody here knows.
        (_, Some(_)) => "is reached by a proxy",
        (false, None) => "is not on this machine",
    };
    let reason = format!(
        "the current context {context} ({host}) {where_it_is}, and nobody named it: put it into `context`, \
         or into `kubernetes.allow-contexts`"
    );
    Err(DriverError::not_ours("context", reason))
}

/// What a request came to.
pub(crate) fn trouble(stage: &'static str, error: &kube::Error) -> DriverError {
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            // It was tried with what the configuration says now.
            let reason = "the cluster refuses the credentials of the Kubernetes configuration";
            DriverError::permanent(stage, reason)
        }
        kube::Error::Api(status) => {
            let kind = match status.code {
                429 | 500..=599 => FailureKind::Transient,
                _ => FailureKind::Permanent,
            };
            DriverError::new(stage, kind, status.message.clone())
        }
        kube::Error::Auth(error) => {
            DriverError::permanent(stage, "the cluster's credentials cannot be had")
                .with_evidence(error.to_string())
        }
        error => {
            if let kube::Error::Service(inner) = error
                && let Some(away) = inner.downcast_ref::<NoAnswer>()
            {
                return DriverError::unreachable(stage, away.to_string());
            }
            // It answered, and broke off.
            let reason = last_of(error);
            DriverError::unreachable(stage, format!("the cluster cannot be reached: {reason}"))
        }
    }
}

/// The last of what an error comes from says what the system said.
pub(crate) fn last_of(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

/// Whether something is not there.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
