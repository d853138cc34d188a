//! Whether a cluster is on this machine.
//!
//! It is if its server's address is one of this machine, or lies on a network that exists only inside of this machine:
//! a bridge of an engine, the other end of a pair of virtual devices. A tunnel leads elsewhere, however virtual.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// One network that this machine is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    /// The device's own address there.
    pub(crate) address: IpAddr,
    /// How many bits of it name the network.
    pub(crate) bits: u32,
    /// Whether it is inside of this machine.
    pub(crate) is_inside: bool,
}

impl Network {
    fn has(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits.min(32)).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits.min(128)).unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Whether an address is this machine's, or inside of it.
pub(crate) fn is_local(address: IpAddr, networks: &[Network]) -> bool {
    address.is_loopback()
        || networks
            .iter()
            .any(|network| network.address == address || network.is_inside && network.has(address))
}

/// The networks that this machine is in.
pub(crate) fn networks() -> Vec<Network> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let ip = |storage: Option<nix::sys::socket::SockaddrStorage>| {
        let storage = storage?;
        let four = storage.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
        four.or(storage.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
    };
    all.filter_map(|one| {
        let bits = match ip(one.netmask)? {
            IpAddr::V4(mask) => mask.to_bits().leading_ones(),
            IpAddr::V6(mask) => mask.to_bits().leading_ones(),
        };
        Some(Network {
            address: ip(one.address)?,
            bits,
            is_inside: is_inside(&one.interface_name),
        })
    })
    .collect()
}

/// Whether a device leads nowhere but into this machine.
fn is_inside(device: &str) -> bool {
    let at = Path::new("/sys/class/net").join(device);
    let is_virtual =
        fs::canonicalize(&at).is_ok_and(|path| path.starts_with("/sys/devices/virtual"));
    let says = fs::read_to_string(at.join("uevent")).unwrap_or_default();
    // Tunnels and what is carried over other networks are virtual, too. 1 is Ethernet.
    let carried = ["wireguard", "vxlan", "geneve", "vlan", "wwan"];
    let is_carried = carried
        .iter()
        .any(|kind| says.contains(&format!("DEVTYPE={kind}")));
    let is_ethernet = fs::read_to_string(at.join("type")).is_ok_and(|kind| kind.trim() == "1");
    is_virtual && is_ethernet && !is_carried && !at.join("tun_flags").exists()
}

/// Where a server is, by its URL: all addresses of its name.
pub(crate) async fn addresses(host: &str, port: u16) -> Vec<IpAddr> {
    let bare = host.trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((bare, port)).await;
    let found = found.into_iter().flatten();
    found.map(|address: SocketAddr| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Network, is_local};

    #[test]
    fn only_what_is_inside_counts_as_a_network() {
        let network = |address: &str, bits, is_inside| Network {
            address: address.parse().unwrap(),
            bits,
            is_inside,
        };
        let networks = [
            network("192.168.1.7", 24, false),
            network("172.17.0.1", 16, true),
            network("10.90.1.1", 30, true),
            network("fd00::1", 64, true),
        ];
        let local = |address: &str| is_local(address.parse().unwrap(), &networks);
        for address in [
            "127.0.0.1",
            "::1",
            "192.168.1.7",
            "172.17.3.4",
            "10.90.1.2",
            "fd00::9",
        ] {
            assert!(local(address), "{address}");
        }
        for address in [
            "192.168.1.8",
            "172.18.0.2",
            "10.90.1.5",
            "8.8.8.8",
            "fd01::9",
        ] {
            assert!(!local(address), "{address}");
        }
    }
}
