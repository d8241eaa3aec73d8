//! What an answer amounts to. Sources are compared by this, never by octets: answers that differ by
//! the client's place or by rotation are the rule, not a fault.

use dns::Name;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where addresses lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// All of them can be reached from anywhere.
    Public,
    /// At least one is private, local, reserved or none.
    Private,
    /// The answer is not about addresses.
    None,
}

/// What a positive answer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The name at the end of the aliases.
    pub target: Name,
    /// The addresses, for the types A and AAAA.
    pub addresses: BTreeSet<IpAddr>,
}

impl Facts {
    /// Where the addresses lie.
    pub fn space(&self) -> Space {
        match self.addresses.iter().all(|ip| is_public(*ip)) {
            _ if self.addresses.is_empty() => Space::None,
            true => Space::Public,
            false => Space::Private,
        }
    }

    /// The networks that the addresses are in: /16 and /32, about what one operator announces.
    pub fn networks(&self) -> BTreeSet<IpAddr> {
        let network = |ip: &IpAddr| match ip {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_0000)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 96 << 96)),
        };
        self.addresses.iter().map(network).collect()
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.addresses.is_empty() {
            return write!(f, "records at {}", self.target);
        }
        let shown: Vec<String> = self
            .addresses
            .iter()
            .take(4)
            .map(IpAddr::to_string)
            .collect();
        f.write_str(&shown.join(" "))?;
        match self.addresses.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Whether an address is one that a public service can have (RFC 6890 and IANA's registries of
/// special purposes). The networks for documentation count as public: nobody uses them by
/// mistake, and examples and tests can.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => v4_is_public(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(v4) => v4_is_public(v4),
            None => v6_is_public(ip),
        },
    }
}

fn v4_is_public(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    let benchmark = a == 198 && b & 0xfe == 18;
    let protocol = a == 192 && b == 0 && c == 0;
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || a == 0
        || a >= 240
        || shared
        || benchmark
        || protocol)
}

fn v6_is_public(ip: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3 and what NAT64 makes of IPv4 (RFC 6052).
    let first = ip.segments()[0];
    let nat64 = ip.to_bits() >> 32 == 0x0064_ff9b << 64;
    first & 0xe000 == 0x2000 || nat64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_that_no_public_service_has() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "169.254.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "172.32.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
