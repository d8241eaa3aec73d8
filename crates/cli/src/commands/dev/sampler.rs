//! Somebody who asks for a name all the time, and counts.

use dns::message::Message;
use dns::{Name, Query, Rtype};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one question to the next: a thousand a second where the machine keeps up.
const PAUSE: Duration = Duration::from_millis(1);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Answers that came.
    pub(super) answers: u64,
    /// Those without an address.
    pub(super) empty: u64,
    /// Questions without an answer.
    pub(super) lost: u64,
    /// From the first empty answer to the next full one, all such spans together.
    pub(super) without: Duration,
    /// How long it asked.
    pub(super) asked_for: Duration,
}

/// Asks until it is stopped.
pub(super) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Count>,
}

impl Sampler {
    /// Asks this server for the addresses of `name`.
    pub(super) fn start(server: SocketAddr, name: Name) -> std::io::Result<Sampler> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = std::thread::Builder::new().name("sampler".into());
        let thread = thread.spawn(move || sample(&socket, &name, &flag))?;
        Ok(Sampler { stop, thread })
    }

    /// Ends it. What it counted.
    pub(super) fn stop(self) -> Count {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn sample(socket: &UdpSocket, name: &Name, stop: &AtomicBool) -> Count {
    let began = Instant::now();
    let mut count = Count::default();
    let mut empty_since: Option<Instant> = None;
    let mut id = 0u16;
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        id = id.wrapping_add(1);
        match ask(socket, &question(id, name)) {
            None => count.lost += 1,
            Some(addresses) if !addresses.is_empty() => {
                count.answers += 1;
                count.without += empty_since.take().map_or(Duration::ZERO, |s| s.elapsed());
            }
            Some(_) => {
                count.answers += 1;
                count.empty += 1;
                empty_since.get_or_insert(asked);
            }
        }
        std::thread::sleep(PAUSE.saturating_sub(asked.elapsed()));
    }
    count.without += empty_since.map_or(Duration::ZERO, |s| s.elapsed());
    count.asked_for = began.elapsed();
    count
}

/// The addresses that this server answers for `name` now; `None`: no answer.
pub(super) fn addresses(server: SocketAddr, name: &Name) -> Option<BTreeSet<IpAddr>> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.connect(server).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    ask(&socket, &question(1, name))
}

/// As clients ask: resolvers answer no other questions, and servers take no notice.
fn question(id: u16, name: &Name) -> Query {
    Query {
        recursion_desired: true,
        ..Query::new(id, name.clone(), Rtype::A)
    }
}

/// The addresses in the answer; `None`: there is none.
fn ask(socket: &UdpSocket, query: &Query) -> Option<BTreeSet<IpAddr>> {
    socket.send(&query.to_wire()).ok()?;
    let mut buffer = [0; 1500];
    loop {
        let len = socket.recv(&mut buffer).ok()?;
        let Ok(answer) = Message::parse(buffer.get(..len)?) else {
            continue;
        };
        // One that is late belongs to a question before.
        if query.matches(&answer).is_ok() {
            let v4 = answer.answer.iter().filter(|r| r.rtype == Rtype::A);
            let octets = v4.filter_map(|r| <[u8; 4]>::try_from(r.data.as_slice()).ok());
            return Some(octets.map(IpAddr::from).collect());
        }
    }
}
