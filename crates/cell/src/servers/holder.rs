//! Who has a port: read from `/proc`, as far as this user may look.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// A process that has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it is called.
    pub program: String,
    /// Its number.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

/// The process that listens at this address, or at all addresses on its port. `None` where there is
/// none, or it is somebody else's and does not show.
pub fn of(address: SocketAddr) -> Option<Holder> {
    let tables = match address {
        SocketAddr::V4(_) => ["tcp", "udp", "tcp6", "udp6"],
        SocketAddr::V6(_) => ["tcp6", "udp6", "tcp", "udp"],
    };
    let table = |table: &str| std::fs::read_to_string(Path::new("/proc/net").join(table)).ok();
    let texts: Vec<String> = tables.into_iter().filter_map(table).collect();
    let sockets = texts.iter().flat_map(|text| text.lines().skip(1));
    let sockets: Vec<String> = sockets
        .filter_map(|line| inode(line, address))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?;
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        if holds(&process.path(), &sockets) {
            let comm = std::fs::read_to_string(process.path().join("comm"));
            let program = comm.unwrap_or_default().trim().to_owned();
            return Some(Holder { program, pid });
        }
    }
    None
}

fn holds(process: &Path, sockets: &[String]) -> bool {
    let Ok(files) = std::fs::read_dir(process.join("fd")) else {
        return false;
    };
    let links = files
        .flatten()
        .filter_map(|f| std::fs::read_link(f.path()).ok());
    let mut links = links.filter_map(|link| link.to_str().map(str::to_owned));
    links.any(|link| sockets.contains(&link))
}

/// The inode of a line of `/proc/net/tcp` or `udp` (proc_pid_net(5)): a listener, or an unconnected
/// UDP socket, whose local address is this one or any.
fn inode(line: &str, address: SocketAddr) -> Option<&str> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let inode = fields.nth(5)?;
    let (host, port) = local.split_once(':')?;
    let same_port = u16::from_str_radix(port, 16).ok()? == address.port();
    let open = matches!(state, "0A" | "07");
    let same_host = host.bytes().all(|b| b == b'0') || host == in_proc(address.ip());
    (same_port && open && same_host).then_some(inode)
}

/// An address as `/proc/net` writes it: words of four octets, each in this machine's order.
fn in_proc(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let word = |w: &[u8]| w.first_chunk::<4>().copied().map_or(0, u32::from_ne_bytes);
    octets
        .chunks(4)
        .map(|w| format!("{:08X}", word(w)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn this_process_is_found_by_what_it_listens_on() {
        let us = std::process::id();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(of(tcp.local_addr().unwrap()).unwrap().pid, us);
        let any = UdpSocket::bind("0.0.0.0:0").unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], any.local_addr().unwrap().port()));
        assert_eq!(of(at).unwrap().pid, us);
        let Ok(v6) = TcpListener::bind("[::1]:0") else {
            return;
        };
        assert_eq!(of(v6.local_addr().unwrap()).unwrap().pid, us);
    }

    #[test]
    fn a_free_port_has_nobody() {
        let gone = peers::Port::reserve();
        assert_eq!(of(gone.addr()), None);
    }
}
