//! Detects clients that come through the gateway of a container's network.
//!
//! A published port leads into the container through the bridge of its network, and connections
//! through it have the address of the bridge, which is the gateway (with Docker's userland proxy as
//! well as with masquerading). Only IPv4 is examined: published ports are forwarded over IPv4
//! unless the network was explicitly set up with IPv6.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::platform;

/// Files that Docker and Podman leave in every container.
const MARKS: &[&str] = &["/.dockerenv", "/run/.containerenv"];

/// Whether this process runs in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    is_in_container: bool,
}

impl Gateway {
    /// Detects whether this process runs in a container.
    pub fn look() -> Gateway {
        let is_in_container = MARKS.iter().any(|mark| Path::new(mark).exists());
        Gateway { is_in_container }
    }

    /// Returns true if the address is a gateway of a container's network.
    pub fn is(&self, peer: IpAddr) -> bool {
        let IpAddr::V4(peer) = peer.to_canonical() else { return false };
        self.is_in_container && platform::routes().is_some_and(|routes| is_gateway(&routes, peer))
    }
}

/// Returns true if these routes (`/proc/net/route`) lead through that address, or if it is the
/// first address of a network that this host is on. A container on several networks has a default
/// route through only one of them, but each has a bridge, which has the first address unless
/// configured otherwise.
fn is_gateway(routes: &str, peer: Ipv4Addr) -> bool {
    routes.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let address = |at: usize| {
            let field = fields.get(at)?;
            // The kernel prints the four bytes as a number in native byte order.
            u32::from_str_radix(field, 16).ok().map(|n| Ipv4Addr::from(n.to_ne_bytes()))
        };
        let (Some(network), Some(gateway), Some(mask)) = (address(1), address(2), address(7))
        else {
            return false;
        };
        match gateway.is_unspecified() {
            true => mask != Ipv4Addr::BROADCAST && u32::from(peer) == u32::from(network) + 1,
            false => peer == gateway,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(a: u8, b: u8, c: u8, d: u8) -> String {
        format!("{:08X}", u32::from_ne_bytes([a, b, c, d]))
    }

    #[test]
    fn gateways_are_those_of_routes_and_the_first_addresses_of_networks() {
        let zero = hex(0, 0, 0, 0);
        let routes = format!(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             eth0\t{zero}\t{}\t0003\t0\t0\t0\t{zero}\t0\t0\t0\n\
             eth0\t{}\t{zero}\t0001\t0\t0\t0\t{}\t0\t0\t0\n\
             eth1\t{}\t{zero}\t0001\t0\t0\t0\t{}\t0\t0\t0\n",
            hex(172, 18, 0, 200),
            hex(172, 18, 0, 0),
            hex(255, 255, 0, 0),
            hex(172, 20, 5, 0),
            hex(255, 255, 255, 0),
        );
        let is = |text: &str| is_gateway(&routes, text.parse().unwrap());
        assert!(is("172.18.0.200"));
        assert!(is("172.18.0.1"));
        assert!(is("172.20.5.1"));
        for other in ["172.18.0.2", "172.20.5.2", "10.0.0.1", "127.0.0.1"] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_gateway("", "10.0.0.1".parse().unwrap()));
        assert!(!is_gateway("head\nshort line\n", "10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn outside_of_containers_no_peer_is_a_gateway() {
        let outside = Gateway { is_in_container: false };
        assert!(!outside.is("10.0.0.1".parse().unwrap()));
    }
}
