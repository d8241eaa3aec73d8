//! Ports that are ours, and proof that they are.
//!
//! BIND and Knot listen with `SO_REUSEPORT`: two of them on one port start without a complaint
//! and share its questions, and a test then measures a mixture. So a port is first reserved
//! against every other peer on this machine, and once the server runs, the kernel's socket
//! tables must show that nobody but it holds the port.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};

/// Ports below the kernel's range for outgoing connections (32768 up), so that none of those
/// takes one by accident between our look and the server's start.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// Where reservations are bound: another address of loopback, which no server listens on.
/// They vanish with this process, however it ends.
const RESERVATIONS: Ipv4Addr = Ipv4Addr::new(127, 53, 53, 53);

/// A reserved port of `127.0.0.1`, free for UDP and TCP when it was reserved. Nobody else who
/// reserves gets it while this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reservation: UdpSocket,
}

impl Port {
    /// Reserves a free one.
    ///
    /// # Panics
    ///
    /// If every port of the range is taken.
    #[track_caller]
    pub fn reserve() -> Self {
        let span = u32::from(RANGE.end - RANGE.start);
        let start = std::process::id().wrapping_mul(97);
        for step in 0..span {
            let offset = start.wrapping_add(step) % span;
            let Ok(offset) = u16::try_from(offset) else {
                continue;
            };
            if let Some(port) = Self::try_reserve(RANGE.start + offset) {
                return port;
            }
        }
        panic!("no free port on 127.0.0.1 in {RANGE:?}");
    }

    fn try_reserve(number: u16) -> Option<Self> {
        let reservation = UdpSocket::bind((RESERVATIONS, number)).ok()?;
        // Bound and let go at once: this only asks whether somebody is there now.
        UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self {
            number,
            _reservation: reservation,
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address on `127.0.0.1`.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.number))
    }
}

/// Who holds a port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody yet, or not for both UDP and TCP.
    Incomplete,
    /// The process asked about, for UDP and TCP, and nobody else.
    Alone,
    /// Somebody else, alone or beside it.
    Others,
}

/// After this time somebody else's socket is looked for again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

/// Who listens on this port of `127.0.0.1`, by the kernel's tables.
pub(crate) fn holder(port: u16, pid: u32) -> Holder {
    let (all, foreign) = holders(port, pid);
    // The tables and the process are read one after the other: a socket that it opened to try the
    // port and closed in between looks like somebody else's. Somebody else's stays.
    if !foreign.is_empty() {
        std::thread::sleep(AGAIN);
        if holders(port, pid).1.intersection(&foreign).next().is_some() {
            return Holder::Others;
        }
        return Holder::Incomplete;
    }
    if all {
        Holder::Alone
    } else {
        Holder::Incomplete
    }
}

/// Whether somebody listens on both transports, and the sockets there that are not this process's.
fn holders(port: u16, pid: u32) -> (bool, BTreeSet<String>) {
    let udp = sockets("/proc/net/udp", port, None);
    let tcp = sockets("/proc/net/tcp", port, Some("0A"));
    let all = !udp.is_empty() && !tcp.is_empty();
    let own = sockets_of(pid);
    let foreign = udp.into_iter().chain(tcp).filter(|i| !own.contains(i));
    (all, foreign.collect())
}

/// Inodes of the sockets bound to the port on `127.0.0.1` or on every address.
fn sockets(table: &str, port: u16, state: Option<&str>) -> BTreeSet<String> {
    let text = fs::read_to_string(table).unwrap_or_default();
    let wanted = [
        format!("0100007F:{port:04X}"),
        format!("00000000:{port:04X}"),
    ];
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, line_state, ..] = fields[..] else {
                return None;
            };
            let hit = wanted.iter().any(|wanted| wanted == local)
                && state.is_none_or(|state| state == line_state);
            hit.then(|| fields.get(9).map(|inode| (*inode).to_owned()))
                .flatten()
        })
        .collect()
}

/// Inodes of the sockets that a process has open.
fn sockets_of(pid: u32) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return BTreeSet::new();
    };
    entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.to_owned();
            Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_differ_and_used_ports_are_refused() {
        let first = Port::reserve();
        let second = Port::reserve();
        assert_ne!(first.number(), second.number());
        assert!(Port::try_reserve(first.number()).is_none());

        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(Port::try_reserve(taken.local_addr().unwrap().port()).is_none());
    }

    #[test]
    fn the_kernel_says_who_listens() {
        let port = Port::reserve();
        assert_eq!(
            holder(port.number(), std::process::id()),
            Holder::Incomplete
        );
        let _udp = UdpSocket::bind(port.addr()).unwrap();
        let _tcp = TcpListener::bind(port.addr()).unwrap();
        assert_eq!(holder(port.number(), std::process::id()), Holder::Alone);
        assert_eq!(holder(port.number(), 1), Holder::Others);
    }
}
