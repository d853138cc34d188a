//! Clients whose connections are made by us, the proxy of the cluster included.
//!
//! The library makes such for itself, with two things that cannot be had from it: connections that nobody has used before, and
//! a name and a password for a SOCKS proxy.

use hyper::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service, ServiceBuilder};

use crate::patience::Patience;

/// What becomes of a connection after its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It lies in wait for the next one.
    Kept,
    /// It is closed: each request has one of its own, and may take as long as it will.
    Closed,
}

/// A client of the cluster.
pub(crate) fn client(config: &Config, after: After) -> kube::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(config.connect_timeout);
    // What is small is sent at once, as by a connection without anything between.
    connector.set_nodelay(true);
    match &config.proxy_url {
        None => over(connector, config, after),
        Some(proxy) => match proxy.scheme_str() {
            Some("socks5") => over(socks(proxy, connector), config, after),
            Some("https") => {
                let connector = config.rustls_https_connector_with_connector(connector)?;
                over(tunnel(proxy, connector), config, after)
            }
            _ => over(tunnel(proxy, connector), config, after),
        },
    }
}

/// Whether the library would leave the name and the password of the cluster's proxy out.
pub(super) fn must_be_ours(config: &Config) -> bool {
    let proxy = config.proxy_url.as_ref();
    let socks = proxy.filter(|proxy| proxy.scheme_str() == Some("socks5"));
    socks
        .and_then(known)
        .is_some_and(|known| known.raw_auth().is_some())
}

fn over<C>(connector: C, config: &Config, after: After) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    if after == After::Closed {
        builder.pool_max_idle_per_host(0);
    }
    let client: legacy::Client<_, Body> = builder.build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    let namespace = config.default_namespace.clone();
    Ok(match after {
        After::Kept => Client::new(Patience.layer(service), namespace),
        After::Closed => Client::new(service, namespace),
    })
}

/// By a proxy, with the name and the password that are in its address.
fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let known = known(proxy);
    match known.as_ref().and_then(|known| known.basic_auth()) {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

fn socks<C>(proxy: &Uri, connector: C) -> SocksV5<C> {
    let socks = SocksV5::new(proxy.clone(), connector);
    let known = known(proxy);
    match known.as_ref().and_then(|known| known.raw_auth()) {
        Some((name, password)) => socks.with_auth(name.to_owned(), password.to_owned()),
        None => socks,
    }
}

/// What the address of a proxy says.
fn known(proxy: &Uri) -> Option<Intercept> {
    let all = Matcher::builder().all(proxy.to_string()).build();
    // It is said only of a proxy on the way to somebody.
    all.intercept(&Uri::from_static("https://somebody.invalid"))
}
