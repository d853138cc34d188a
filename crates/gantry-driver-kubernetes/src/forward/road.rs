//! How the cluster is reached for connections into its pods: each by a connection of its own.
//!
//! A connection that was used before and lies in wait for the next request may be dead without anyone having been told,
//! and whoever takes it waits in vain. So none is kept here, and nothing that was broken before has a part in what comes
//! after.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tower::{BoxError, Service, ServiceBuilder};

use crate::cluster::trouble;

/// How long the cluster may take to answer a small question.
const ANSWER: Duration = Duration::from_secs(2);

/// For how long an answer counts for others who ask.
const FRESH: Duration = Duration::from_secs(1);

pub(crate) struct Road {
    pub(crate) client: Client,
    /// Whether what lies on it takes ways into pods as channels only.
    pub(super) only_channels: AtomicBool,
    answer: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Road {
    pub(crate) fn new(config: &Config) -> kube::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(config.connect_timeout);
        // What is small is sent at once, as by a connection without anything between.
        connector.set_nodelay(true);
        let client = match &config.proxy_url {
            None => client(connector, config)?,
            Some(proxy) => match proxy.scheme_str() {
                Some("socks5") => client(SocksV5::new(proxy.clone(), connector), config)?,
                Some("https") => {
                    let connector = config.rustls_https_connector_with_connector(connector)?;
                    client(tunnel(proxy, connector), config)?
                }
                _ => client(tunnel(proxy, connector), config)?,
            },
        };
        Ok(Self {
            client,
            only_channels: AtomicBool::new(false),
            answer: Mutex::default(),
        })
    }

    /// Whether the cluster can be reached. All who ask at about the same time get one answer.
    pub(crate) async fn is_open(&self) -> Result<(), String> {
        let mut last = self.answer.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = match timeout(ANSWER, self.client.apiserver_version()).await {
            // To refuse is to answer.
            Ok(Ok(_) | Err(kube::Error::Api(_))) => Ok(()),
            Ok(Err(error)) => Err(trouble("forward", &error).reason),
            Err(_) => Err("the cluster does not answer".to_owned()),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// A client of which each request has a connection of its own.
fn client<C>(connector: C, config: &Config) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// By a proxy, with the name and the password that are in its address.
fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let known = Matcher::builder().all(proxy.to_string()).build();
    let known = known.intercept(proxy);
    match known.as_ref().and_then(|known| known.basic_auth()) {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}
