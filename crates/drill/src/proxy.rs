//! The proxy: where it may listen, its threads, and what it has counted.

use crate::clock::Clock;
use crate::rules::Drill;
use crate::{tcp, udp};
use dns::Message;
use fault::{Answer, OnWire, Span};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a thread that waits looks whether it is to stop.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How often ports are tried until one is free for UDP and TCP, where the system may choose.
const TRIES: usize = 20;

/// Why a proxy does not start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Other machines could reach it.
    #[error(
        "listen: {0} is reached from other machines, which would get made-up answers; a drill listens on this machine only: 127.0.0.1:{port}",
        port = .0.port()
    )]
    Public(SocketAddr),
    /// The port of real resolvers.
    #[error(
        "listen: port 53 of {ip} is where this machine's own programs ask: they would all be in the drill, and without names when it ends; take another port, and point at it what the drill is for",
        ip = .0.ip()
    )]
    Production(SocketAddr),
    /// It would ask itself.
    #[error(
        "upstream: {0} is this proxy itself; name the server whose answers are to be falsified"
    )]
    Itself(SocketAddr),
    /// An address can't be had.
    #[error("listen: {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The system has no socket or thread left.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What one fault did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hits {
    /// Questions that it was about, while it lasted.
    pub about: u64,
    /// Of these: hit.
    pub hit: u64,
}

/// What a proxy did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that came.
    pub asked: u64,
    /// Answers of the upstream that were passed on.
    pub passed: u64,
    /// Each fault, in the drill's order.
    pub faults: Vec<Hits>,
}

/// What all threads share.
pub(crate) struct Shared {
    pub(crate) drill: Drill,
    pub(crate) clock: Clock,
    pub(crate) upstream: SocketAddr,
    pub(crate) asked: AtomicU64,
    pub(crate) passed: AtomicU64,
    faults: Mutex<Vec<Hits>>,
    stopping: AtomicBool,
}

/// What becomes of a request.
pub(crate) enum Fate {
    /// It goes to the upstream.
    Pass,
    /// This is sent back.
    Forged(Vec<u8>),
    /// Nothing is sent back.
    Silence,
    /// It goes to the upstream when the clock is there.
    Later(Span),
}

impl Shared {
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Decides, by the clock as it stands at this moment (D1).
    pub(crate) fn fate(&self, request: &[u8]) -> Fate {
        self.asked.fetch_add(1, Ordering::Relaxed);
        // What is no plain question is not for a drill to answer.
        let plain = request.get(2).is_some_and(|flags| flags & 0xf8 == 0);
        let message = Message::parse(request).ok().filter(|m| plain && !m.signed);
        let Some(question) = message.and_then(|message| message.question) else {
            return Fate::Pass;
        };
        let elapsed = self.clock.elapsed();
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = |number: usize, hit: bool| {
            if let Some(hits) = faults.get_mut(number) {
                hits.about += u64::from(!hit);
                hits.hit += u64::from(hit);
            }
        };
        let hit = self
            .drill
            .hit(&question, elapsed, draw, |number| count(number, false));
        let Some((number, fault)) = hit.and_then(|n| Some((n, self.drill.faults().nth(n)?))) else {
            return Fate::Pass;
        };
        let fate = falsify(request, fault, elapsed);
        if !matches!(fate, Fate::Pass) {
            count(number, true);
        }
        fate
    }
}

fn falsify(request: &[u8], fault: &OnWire, elapsed: Span) -> Fate {
    match fault.answer {
        Answer::Timeout => Fate::Silence,
        // A millisecond that has begun counts; nobody waits past the end of the fault.
        Answer::Delay(by) => {
            Fate::Later(Span(elapsed.0.saturating_add(by.0 + 1).min(fault.end().0)))
        }
        _ => match crate::forge(request, fault, fault.left(elapsed)) {
            Some(octets) => Fate::Forged(octets),
            None => Fate::Pass,
        },
    }
}

/// A number below a million, each as likely as the others but for one in 4,000 million.
fn draw() -> u32 {
    let number = getrandom::u64().unwrap_or(u64::MAX);
    (number % 1_000_000) as u32
}

/// A running proxy. It stops when this is dropped, and the diversion with it.
pub struct Proxy {
    shared: Arc<Shared>,
    addr: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of an upstream, over UDP and TCP; the faults' clock starts now.
    /// Port 0 lets the system choose.
    ///
    /// # Errors
    /// An address that other machines reach, port 53, the upstream itself; an address that is taken.
    pub fn start(
        listen: SocketAddr,
        upstream: SocketAddr,
        drill: Drill,
    ) -> Result<Proxy, StartError> {
        if !listen.ip().is_loopback() {
            return Err(StartError::Public(listen));
        }
        if listen.port() == 53 {
            return Err(StartError::Production(listen));
        }
        if listen == upstream {
            return Err(StartError::Itself(upstream));
        }
        let (udp, tcp) = open(listen).map_err(|error| StartError::Listen(listen, error))?;
        let addr = udp.local_addr()?;
        let faults = vec![Hits::default(); drill.faults().count()];
        let shared = Arc::new(Shared {
            drill,
            clock: Clock::start(),
            upstream,
            asked: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            faults: Mutex::new(faults),
            stopping: AtomicBool::new(false),
        });
        let mut proxy = Proxy {
            shared: Arc::clone(&shared),
            addr,
            threads: Vec::new(),
        };
        let way = udp::Way::new(shared, udp)?;
        for work in [udp::clients, udp::upstream, udp::late] {
            let way = Arc::clone(&way);
            proxy.spawn(move || work(&way))?;
        }
        let shared = Arc::clone(&proxy.shared);
        proxy.spawn(move || tcp::accept(&shared, &tcp))?;
        Ok(proxy)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How long it has run, on the clock that ends the faults.
    pub fn elapsed(&self) -> Span {
        self.shared.clock.elapsed()
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        let faults = self.shared.faults.lock();
        Counts {
            asked: self.shared.asked.load(Ordering::Relaxed),
            passed: self.shared.passed.load(Ordering::Relaxed),
            faults: faults.unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn spawn(&mut self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("drill".into());
        self.threads.push(thread.spawn(work)?);
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes whoever waits for a connection.
        drop(TcpStream::connect(self.addr));
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One port for both.
fn open(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let tcp = TcpListener::bind(listen)?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
        if listen.port() != 0 {
            break;
        }
    }
    Err(last)
}
