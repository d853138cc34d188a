//! By which address pods of a cluster reach what listens on this machine.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use gantry_driver_kubernetes::server;
use serde_json::{Map, Value};

/// An address to which nothing is sent: only the way to it is looked up.
const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// What was found for each configuration.
#[derive(Default)]
pub(super) struct Machines(HashMap<(Option<String>, Option<String>), Option<IpAddr>>);

impl Machines {
    /// The address of this machine on the way to a service's cluster. A cluster that is reached at this machine itself is in
    /// a network of its own: then the address by which this machine is reached from elsewhere.
    pub(super) fn of(
        &mut self,
        spec: &Map<String, Value>,
        environment: &[(String, String)],
    ) -> Option<String> {
        let text = |key: &str| spec.get(key).and_then(Value::as_str).map(str::to_owned);
        let key = (text("kubeconfig"), text("context"));
        let found = self
            .0
            .entry(key)
            .or_insert_with_key(|(kubeconfig, context)| {
                let server =
                    server::address(kubeconfig.as_deref(), context.as_deref(), environment)?;
                // A name is not asked for: that may take long, and reading a file should not.
                let to: Option<SocketAddr> = server.parse().ok();
                let own = to.and_then(towards).filter(|own| !own.is_loopback());
                own.or_else(|| towards(ELSEWHERE))
            });
        found.map(|address| address.to_string())
    }
}

/// Our end of a way.
fn towards(to: SocketAddr) -> Option<IpAddr> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(to).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}
