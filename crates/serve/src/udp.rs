//! Datagrams, many in one call. Each worker has a socket of its own on the same address
//! (SO_REUSEPORT), a copy of nothing, and no lock but one look at the catalog for each batch.

use crate::answer::{Client, Outcome, Transport, answer_to, truncated};
use crate::catalog::Catalog;
use crate::limit::{Limiter, Verdict};
use crate::shared::Shared;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind,
    recvmmsg, sendmmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Datagrams per call.
pub(crate) const BATCH: usize = 64;
/// The longest request that is read; queries are shorter, and large updates go over TCP.
pub(crate) const REQUEST: usize = 4096;
/// How long a worker waits before it looks whether it is to stop.
const LOOK: i64 = 100;
/// What the kernel keeps while we are busy, in octets.
const QUEUE: usize = 4 << 20;

/// A request for the control thread: what came, from whom, and the socket to answer on.
pub(crate) struct Passed {
    pub(crate) octets: Vec<u8>,
    pub(crate) from: SocketAddr,
    pub(crate) socket: Arc<UdpSocket>,
}

/// Opens a socket that others of ours may share the address with.
///
/// # Errors
/// The address is taken, or not ours.
pub(crate) fn open(addr: SocketAddr) -> Result<UdpSocket, std::io::Error> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReusePort, &true)?;
    // More than the system's limit is cut to it; that is no reason not to serve.
    let _ = setsockopt(&fd, sockopt::RcvBuf, &QUEUE);
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(LOOK))?;
    bind(fd.as_raw_fd(), &SockaddrStorage::from(addr))?;
    Ok(UdpSocket::from(fd))
}

/// Answers what comes on `socket` until told to stop.
pub(crate) fn work(shared: &Shared, socket: &Arc<UdpSocket>, control: &SyncSender<Passed>) {
    let limits = &shared.limits;
    let (rate, spare) = (limits.answers_per_network, limits.spare_loopback);
    let mut worker = Worker {
        shared,
        socket,
        control,
        limiter: Limiter::new(rate, spare, shared.seed),
    };
    let mut receive = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut send = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut requests = vec![0u8; BATCH * REQUEST];
    let mut answers: Vec<Vec<u8>> = (0..BATCH).map(|_| Vec::with_capacity(1500)).collect();
    let mut to: Vec<Option<SockaddrStorage>> = Vec::with_capacity(BATCH);
    while !shared.stopping() {
        to.clear();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = requests
            .chunks_exact_mut(REQUEST)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_WAITFORONE);
        let came = match recvmmsg(fd, &mut receive, slices.iter_mut(), flags, None) {
            Ok(came) => came,
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => continue,
            Err(error) => {
                shared.note(&format!("udp: {error}"));
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
        };
        let moment = Moment::now(shared);
        for message in came {
            let Some(from) = message.address else {
                continue;
            };
            let (Some(octets), Some(out)) = (message.iovs().next(), answers.get_mut(to.len()))
            else {
                continue;
            };
            if worker.answer(&moment, octets, &from, out) {
                to.push(Some(from));
            }
        }
        deliver(fd, &mut send, &answers, &to);
    }
}

/// What the datagrams of a batch are answered by.
struct Moment {
    catalog: Arc<Catalog>,
    /// As the limiter counts.
    second: u32,
    /// As cookies count.
    unix: u32,
}

impl Moment {
    fn now(shared: &Shared) -> Moment {
        Moment {
            catalog: shared.catalog(),
            second: shared.second(),
            unix: shared.now() as u32,
        }
    }
}

/// Who answers what comes on a socket.
struct Worker<'w> {
    shared: &'w Shared,
    socket: &'w Arc<UdpSocket>,
    control: &'w SyncSender<Passed>,
    limiter: Limiter,
}

impl Worker<'_> {
    /// Writes the answer to a datagram; false: there is nothing to send now.
    #[inline]
    fn answer(
        &mut self,
        moment: &Moment,
        octets: &[u8],
        from: &SockaddrStorage,
        out: &mut Vec<u8>,
    ) -> bool {
        let client = Client {
            cookies: &self.shared.cookies,
            from: ip(from),
            second: moment.unix,
        };
        let catalog = &moment.catalog;
        let (outcome, proven) = answer_to(catalog, octets, Transport::Udp, Some(client), out);
        match outcome {
            Outcome::Reply => {}
            Outcome::Silence => return false,
            Outcome::Control => {
                if let Some(from) = std_addr(from) {
                    let (octets, socket) = (octets.to_vec(), Arc::clone(self.socket));
                    // When the control thread is behind, the client asks again.
                    let _ = self.control.try_send(Passed {
                        octets,
                        from,
                        socket,
                    });
                }
                return false;
            }
        }
        // Who brings back a cookie is no victim of somebody else's questions.
        let verdict = match proven {
            true => Verdict::Answer,
            false => self.limiter.judge(client.from, moment.second),
        };
        match verdict {
            Verdict::Answer => true,
            Verdict::Slip => {
                truncated(octets, out);
                true
            }
            Verdict::Nothing => false,
        }
    }
}

/// Sends the answers; what a client cannot be sent (its route is gone) is left out.
pub(crate) fn deliver(
    fd: i32,
    headers: &mut MultiHeaders<SockaddrStorage>,
    answers: &[Vec<u8>],
    to: &[Option<SockaddrStorage>],
) {
    let mut from = 0;
    while from < to.len() {
        let slices: Vec<[IoSlice<'_>; 1]> = answers
            .get(from..to.len())
            .unwrap_or_default()
            .iter()
            .map(|answer| [IoSlice::new(answer)])
            .collect();
        let left = to.get(from..).unwrap_or_default();
        from += match sendmmsg(fd, headers, slices.iter(), left, [], MsgFlags::empty()) {
            Ok(sent) => sent.count().max(1),
            Err(Errno::EINTR) => 0,
            Err(_) => 1,
        };
    }
}

pub(crate) fn ip(addr: &SockaddrStorage) -> IpAddr {
    std_addr(addr).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |addr| addr.ip())
}

pub(crate) fn std_addr(addr: &SockaddrStorage) -> Option<SocketAddr> {
    match addr.family()? {
        AddressFamily::Inet => Some(SocketAddr::V4((*addr.as_sockaddr_in()?).into())),
        AddressFamily::Inet6 => Some(SocketAddr::V6((*addr.as_sockaddr_in6()?).into())),
        _ => None,
    }
}
