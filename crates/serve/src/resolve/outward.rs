//! Towards the upstreams: a socket for each question, and the thread that waits for all of them.

use super::core::Core;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use resolver::{Input, Over};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The number of the event that only wakes.
const WAKE: u64 = u64::MAX;
/// Streams to upstreams at a time.
const STREAMS: usize = 64;
/// How long a stream may take to open, and to answer.
const STREAM_TIME: Duration = Duration::from_millis(2500);
/// The longest datagram that is read.
const DATAGRAM: usize = 4096;
/// The longest sleep, in milliseconds: a missed wake-up costs no more.
const LONGEST: u64 = 1000;

/// The sockets of questions on their way.
pub(crate) struct Outward {
    epoll: Epoll,
    wake: EventFd,
    sockets: Mutex<BTreeMap<u64, UdpSocket>>,
    /// When the thread wakes by itself.
    wakes_at: AtomicU64,
    streams: AtomicUsize,
}

impl Outward {
    pub(crate) fn new() -> io::Result<Outward> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(&wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        Ok(Outward {
            epoll,
            wake,
            sockets: Mutex::new(BTreeMap::new()),
            wakes_at: AtomicU64::new(u64::MAX),
            streams: AtomicUsize::new(0),
        })
    }

    /// Sends a question.
    pub(crate) fn send(
        &self,
        core: &Arc<Core>,
        query: u64,
        to: SocketAddr,
        over: Over,
        octets: Vec<u8>,
    ) {
        let sent = match over {
            Over::Udp => self.datagram(query, to, &octets),
            Over::Tcp => self.stream(core, query, to, octets),
        };
        if let Err(error) = sent {
            core.input(Input::Unsent(query, error.to_string()));
        }
    }

    /// From a port that the kernel draws, to this peer and no other.
    fn datagram(&self, query: u64, to: SocketAddr, octets: &[u8]) -> io::Result<()> {
        let family = match to {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(family, SockType::Datagram, flags, None)?;
        // Without a bind before it, this draws the port (udp(7), ip_local_port_range).
        connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
        let socket = UdpSocket::from(socket);
        let events = EpollFlags::EPOLLIN;
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        self.epoll.add(&socket, EpollEvent::new(events, query))?;
        let sent = socket.send(octets);
        sockets.insert(query, socket);
        sent.map(drop)
    }

    /// A thread for each, and not many of those.
    fn stream(
        &self,
        core: &Arc<Core>,
        query: u64,
        to: SocketAddr,
        octets: Vec<u8>,
    ) -> io::Result<()> {
        if self.streams.fetch_add(1, Ordering::Relaxed) >= STREAMS {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::other("too many streams to upstreams are open"));
        }
        let mine = Arc::clone(core);
        let thread = std::thread::Builder::new().name("dns-stream".into());
        let spawned = thread.stack_size(256 << 10).spawn(move || {
            let answer = converse(to, &octets);
            mine.outward.streams.fetch_sub(1, Ordering::Relaxed);
            match answer {
                Ok(answer) => mine.input(Input::Answer(query, &answer)),
                Err(error) => mine.input(Input::Unsent(query, error.to_string())),
            }
        });
        spawned.map(drop).inspect_err(|_| {
            self.streams.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Nothing more is expected for that question: its port is given back.
    pub(crate) fn close(&self, query: u64) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        // A socket that is closed leaves epoll by itself.
        sockets.remove(&query);
    }

    /// Sees to it that the thread wakes in time.
    pub(crate) fn wake_at(&self, mono: Option<u64>) {
        let Some(mono) = mono else {
            return;
        };
        if mono < self.wakes_at.load(Ordering::Relaxed) {
            self.wakes_at.store(mono, Ordering::Relaxed);
            self.wake();
        }
    }

    pub(crate) fn wake(&self) {
        // A counter that is full wakes as well.
        let _ = self.wake.write(1);
    }

    /// What came for a question, into `into`.
    fn read(&self, query: u64, into: &mut [u8]) -> io::Result<usize> {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        match sockets.get(&query) {
            Some(socket) => socket.recv(into),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// Waits for upstreams and timers until told to stop.
pub(crate) fn work(core: &Arc<Core>) {
    let mut events = [EpollEvent::empty(); 64];
    let mut octets = vec![0; DATAGRAM];
    while !core.stopping() {
        let now = super::clock::now().mono;
        let due = core.machine().resolver.next_wake();
        let wait = due.map_or(LONGEST, |due| due.saturating_sub(now).min(LONGEST));
        core.outward.wakes_at.store(now + wait, Ordering::Relaxed);
        let timeout = EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::ZERO);
        let came = core.outward.epoll.wait(&mut events, timeout).unwrap_or(0);
        for event in events.iter().take(came) {
            if event.data() == WAKE {
                let _ = core.outward.wake.read();
                continue;
            }
            let query = event.data();
            match core.outward.read(query, &mut octets) {
                Ok(len) => {
                    let octets = octets.get(..len).unwrap_or_default();
                    core.input(Input::Answer(query, octets));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => core.input(Input::Unsent(query, error.to_string())),
            }
        }
        if due.is_some_and(|due| due <= super::clock::now().mono) {
            core.input(Input::Wake);
        }
    }
}

/// Asks over a stream (RFC 7766), in one segment.
fn converse(to: SocketAddr, octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, STREAM_TIME)?;
    stream.set_read_timeout(Some(STREAM_TIME))?;
    stream.set_write_timeout(Some(STREAM_TIME))?;
    stream.set_nodelay(true)?;
    let len = u16::try_from(octets.len()).map_err(io::Error::other)?;
    stream.write_all(&[&len.to_be_bytes(), octets].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
