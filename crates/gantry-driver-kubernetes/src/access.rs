//! By which right a cluster is asked, and how that right is renewed.
//!
//! Tokens are replaced while services run: by whoever writes the configuration or a token's file, or by a credential
//! plug-in. So what the configuration says is read again
//!
//! | when | because |
//! |---|---|
//! | the cluster answers 401 | the token may have been replaced, and the old one revoked |
//! | the end of a plug-in's token is near | the request after it would be refused |
//!
//! and the request that was refused is sent again, once. What is open goes on: a cluster lets watches that it has
//! accepted run until they end by themselves.

pub(crate) mod connect;
mod plugin;
mod proxy;
mod renewing;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use camino::Utf8PathBuf;
use gantry_driver::{DriverError, HostJobs};
use jiff::Timestamp;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::{self, Choice, must_be_local};
use crate::credentials;
use crate::forward::road::Road;
use crate::patience::Patience;
pub(crate) use renewing::{NoAnswer, Way};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How soon files are read again, and plug-ins are asked again, when what they said was refused. What plug-ins do is
/// their affair: the time until they are asked again doubles up to this as long as it does not help.
const FILES: [Duration; 2] = [Duration::from_millis(200); 2];
const PLUGIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(30)];

/// So often it is tried again after this time at most: what is replaced comes soon after what it replaces, as a rule.
const SOON: Duration = Duration::from_millis(700);
const SOMETIMES: u32 = 16;

/// How long before its end a token is renewed, at most.
const BEFORE: Duration = Duration::from_mins(1);

/// Where the right to ask a cluster comes from.
pub(crate) struct Source {
    pub(crate) choice: Choice,
    pub(crate) environment: BTreeMap<String, String>,
    /// Who runs plug-ins.
    pub(crate) host: Option<Arc<dyn HostJobs>>,
}

/// What was read.
pub(crate) struct Read {
    pub(crate) config: Config,
    pub(crate) context: String,
    pub(crate) files: Vec<Utf8PathBuf>,
    /// When a plug-in is asked again.
    renew_at: Option<Timestamp>,
    by_plugin: bool,
}

impl Source {
    /// Reads it, and asks the plug-in that it names.
    pub(crate) async fn read(&self) -> Result<Read, DriverError> {
        let choice = &self.choice;
        let (kubeconfig, files) = match cluster::kubeconfig(choice, &self.environment) {
            Ok(found) => found,
            Err(error) => match (&self.host, choice.tools.is_own_kubectl()) {
                (Some(host), true) => (credentials::of_kubectl(host, choice).await?, Vec::new()),
                _ => return Err(error),
            },
        };
        let context = context_of(choice, &kubeconfig)?;
        let options = KubeConfigOptions {
            context: Some(context.clone()),
            ..KubeConfigOptions::default()
        };
        let own_proxy = proxy_of(&kubeconfig, &context);
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|error| unusable(&context, &error))?;
        config.connect_timeout = Some(CONNECT);
        let found = proxy::of(own_proxy.as_deref(), &config.cluster_url, &self.environment);
        config.proxy_url = found.map_err(|error| unusable(&context, &error))?;
        if choice.context.is_none() && !choice.allowed.contains(&context) {
            must_be_local(&config, &context).await?;
        }
        let exec = config.auth_info.exec.take();
        let by_plugin = exec.is_some();
        let until = match exec {
            None => None,
            Some(exec) => {
                let host = self.host.as_ref().ok_or_else(|| {
                    let reason = "nobody here runs the credential plug-in";
                    DriverError::permanent("credentials", reason)
                })?;
                plugin::ask(host, &context, exec, &mut config.auth_info).await?
            }
        };
        Ok(Read {
            config,
            context,
            files,
            renew_at: until.map(|until| renew_at(Timestamp::now(), until)),
            by_plugin,
        })
    }
}

/// A fifth of its life before its end, and never sooner than it takes to be of use.
fn renew_at(now: Timestamp, until: Timestamp) -> Timestamp {
    let life = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    until - (life / 5).min(BEFORE)
}

/// Which context is meant.
fn context_of(choice: &Choice, kubeconfig: &Kubeconfig) -> Result<String, DriverError> {
    let wanted = choice.context.clone();
    let Some(context) = wanted.or(kubeconfig.current_context.clone()) else {
        let reason = "the Kubernetes configuration has no current context; name one in `context`";
        return Err(DriverError::permanent("context", reason));
    };
    let contexts = kubeconfig.contexts.iter();
    let names: Vec<&str> = contexts.map(|one| one.name.as_str()).collect();
    if names.contains(&context.as_str()) {
        return Ok(context);
    }
    let reason = format!(
        "there is no context {context} in the Kubernetes configuration; it has {}",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    );
    Err(DriverError::permanent("context", reason))
}

/// The proxy that the cluster of a context names.
fn proxy_of(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|one| one.name == context)?.context.as_ref()?;
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|one| one.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.clone()
}

fn unusable(context: &str, why: &dyn fmt::Display) -> DriverError {
    let reason = format!("the Kubernetes configuration of context {context} cannot be used");
    DriverError::permanent("context", reason).with_evidence(why.to_string())
}

/// The right that counts now, and the clients that have it.
struct Grant {
    /// Counts the renewals.
    number: u64,
    config: Config,
    client: Client,
    /// A client whose connections nobody has used before; made when it is asked for.
    road: OnceLock<Client>,
    renew_at: Option<Timestamp>,
    by_plugin: bool,
}

impl Grant {
    fn new(number: u64, read: Read) -> kube::Result<Self> {
        let client = if connect::must_be_ours(&read.config) {
            connect::client(&read.config, connect::After::Kept)?
        } else {
            let builder = ClientBuilder::try_from(read.config.clone())?;
            builder.with_layer(&Patience).build()
        };
        Ok(Self {
            number,
            client,
            config: read.config,
            road: OnceLock::new(),
            renew_at: read.renew_at,
            by_plugin: read.by_plugin,
        })
    }

    fn client(&self, way: Way) -> kube::Result<Client> {
        if way == Way::Kept {
            return Ok(self.client.clone());
        }
        if let Some(road) = self.road.get() {
            return Ok(road.clone());
        }
        let road = Road::new(&self.config)?.client;
        Ok(self.road.get_or_init(|| road).clone())
    }

    fn ends_soon(&self) -> bool {
        self.renew_at.is_some_and(|at| Timestamp::now() >= at)
    }
}

/// The right to ask a cluster, as it is renewed.
pub(crate) struct Access {
    source: Source,
    context: String,
    grant: RwLock<Arc<Grant>>,
    pace: Mutex<Pace>,
}

/// How often a renewal is tried.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    pause: Duration,
    /// How many in a row were in vain.
    in_vain: u32,
}

impl Pace {
    /// Whether one may be tried now. One soon after another shows that the other was in vain.
    fn may(&mut self, now: Instant, [first, longest]: [Duration; 2]) -> bool {
        let since = self.last.map(|last| now - last);
        if since.is_some_and(|since| since < self.pause) {
            return false;
        }
        let again = since.is_some_and(|since| since < self.pause * 2 + first);
        self.in_vain = if again { self.in_vain + 1 } else { 0 };
        let most = if self.in_vain < SOMETIMES {
            longest.min(SOON)
        } else {
            longest
        };
        self.pause = if again {
            (self.pause * 2).clamp(first, most)
        } else {
            first
        };
        self.last = Some(now);
        true
    }
}

impl Access {
    pub(crate) fn new(source: Source, read: Read) -> Result<Arc<Self>, DriverError> {
        let context = read.context.clone();
        let grant = Grant::new(1, read).map_err(|error| unusable(&context, &error))?;
        Ok(Arc::new(Self {
            source,
            context,
            grant: RwLock::new(Arc::new(grant)),
            pace: Mutex::default(),
        }))
    }

    /// Where the cluster is.
    pub(crate) fn server(&self) -> String {
        let url = self.grant().config.cluster_url.to_string();
        url.trim_end_matches('/').to_owned()
    }

    /// A copy of what says how to connect.
    pub(crate) fn config(&self) -> Config {
        self.grant().config.clone()
    }

    fn grant(&self) -> Arc<Grant> {
        let grant = self.grant.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&grant)
    }

    /// The right that comes after this one; nothing if there is none, or it was asked for a moment ago.
    async fn renew(&self, refused: &Grant) -> Result<Option<Arc<Grant>>, DriverError> {
        let mut pace = self.pace.lock().await;
        let now = self.grant();
        if now.number > refused.number {
            return Ok(Some(now));
        }
        let pauses = if refused.by_plugin { PLUGIN } else { FILES };
        if !pace.may(Instant::now(), pauses) {
            return Ok(None);
        }
        let read = self.source.read().await?;
        if read.context != self.context || read.config.cluster_url != refused.config.cluster_url {
            // Services that run in one cluster are not sought in another.
            tracing::warn!(
                context = self.context,
                "the configuration leads to another cluster now"
            );
            return Ok(None);
        }
        let grant = Grant::new(refused.number + 1, read);
        let grant = Arc::new(grant.map_err(|error| unusable(&self.context, &error))?);
        let mut current = self.grant.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&grant);
        Ok(Some(grant))
    }
}

#[cfg(test)]
mod tests;
