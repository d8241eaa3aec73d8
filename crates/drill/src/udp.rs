//! Datagrams: from clients, from the upstream, and those that wait.

use crate::proxy::{Fate, LOOK, Shared};
use fault::Span;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most requests that wait for the upstream, and the most that are held back. A request that
/// finds no room among those held back passes at once.
const MOST: usize = 4096;
/// How long a request waits for the upstream, in milliseconds.
const PATIENCE: u64 = 10_000;
/// The largest datagram.
const LARGEST: usize = 65_535;

/// What the datagram threads share.
pub(crate) struct Way {
    shared: Arc<Shared>,
    clients: UdpSocket,
    upstream: UdpSocket,
    /// By the id that the upstream sees.
    waiting: Mutex<BTreeMap<u16, Waiting>>,
    /// By the time that they are due, in milliseconds since the start, and their number.
    held: Mutex<BTreeMap<(u64, u64), Held>>,
    more: Condvar,
}

/// A request, and who sent it.
type Held = (Vec<u8>, SocketAddr);

struct Waiting {
    from: SocketAddr,
    id: [u8; 2],
    /// The question, whose letters the answer has to repeat.
    question: Vec<u8>,
    since: u64,
}

impl Way {
    pub(crate) fn new(shared: Arc<Shared>, clients: UdpSocket) -> io::Result<Arc<Way>> {
        let any: SocketAddr = match shared.upstream {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let upstream = UdpSocket::bind(any)?;
        // The kernel drops what comes from elsewhere.
        upstream.connect(shared.upstream)?;
        upstream.set_read_timeout(Some(LOOK))?;
        clients.set_read_timeout(Some(LOOK))?;
        Ok(Arc::new(Way {
            shared,
            clients,
            upstream,
            waiting: Mutex::default(),
            held: Mutex::default(),
            more: Condvar::new(),
        }))
    }

    fn pass(&self, request: &[u8], from: SocketAddr) {
        let Some(id) = request.first_chunk::<2>() else {
            return;
        };
        let now = self.shared.clock.elapsed().0;
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MOST {
            waiting.retain(|_, one| now.saturating_sub(one.since) < PATIENCE);
        }
        let drawn = getrandom::u64().unwrap_or_default().to_ne_bytes();
        let ids = drawn
            .chunks_exact(2)
            .map(|two| u16::from_ne_bytes([two[0], two[1]]));
        let free = ids.into_iter().find(|id| !waiting.contains_key(id));
        let Some(own) = free.filter(|_| waiting.len() < MOST) else {
            return;
        };
        let mut octets = request.to_vec();
        octets[..2].copy_from_slice(&own.to_be_bytes());
        let one = Waiting {
            from,
            id: *id,
            question: question(request),
            since: now,
        };
        waiting.insert(own, one);
        drop(waiting);
        // An upstream that is gone is silence for the client.
        let _ = self.upstream.send(&octets);
    }

    fn hold(&self, request: &[u8], from: SocketAddr, due: Span) {
        let mut held = lock(&self.held);
        if held.len() >= MOST {
            drop(held);
            return self.pass(request, from);
        }
        let number = self.shared.asked.load(Ordering::Relaxed);
        let mut key = (due.0, number);
        while held.contains_key(&key) {
            key.1 += 1;
        }
        held.insert(key, (request.to_vec(), from));
        self.more.notify_one();
    }
}

/// Takes requests from clients.
pub(crate) fn clients(way: &Way) {
    let mut buffer = vec![0; LARGEST];
    while !way.shared.stopping() {
        let Ok((len, from)) = way.clients.recv_from(&mut buffer) else {
            continue;
        };
        let request = buffer.get(..len).unwrap_or_default();
        // An answer, or no message at all: not to be passed on.
        if request.len() < 12 || request.get(2).is_some_and(|flags| flags & 0x80 != 0) {
            continue;
        }
        match way.shared.fate(request) {
            Fate::Pass => way.pass(request, from),
            Fate::Silence => {}
            Fate::Later(due) => way.hold(request, from, due),
            Fate::Forged(octets) => {
                let _ = way.clients.send_to(&octets, from);
            }
        }
    }
}

/// Takes answers from the upstream.
pub(crate) fn upstream(way: &Way) {
    let mut buffer = vec![0; LARGEST];
    while !way.shared.stopping() {
        let Ok(len) = way.upstream.recv(&mut buffer) else {
            continue;
        };
        let Some(answer) = buffer.get_mut(..len).filter(|octets| octets.len() >= 12) else {
            continue;
        };
        let own = u16::from_be_bytes([answer[0], answer[1]]);
        let mut waiting = lock(&way.waiting);
        let mine = waiting.get(&own).is_some_and(|one| {
            let end = 12 + one.question.len();
            answer[2] & 0x80 != 0 && answer.get(12..end).is_none_or(|q| q == one.question)
        });
        let Some(one) = mine.then(|| waiting.remove(&own)).flatten() else {
            continue;
        };
        drop(waiting);
        answer[..2].copy_from_slice(&one.id);
        way.shared.passed.fetch_add(1, Ordering::Relaxed);
        let _ = way.clients.send_to(answer, one.from);
    }
}

/// Passes on what was held back long enough.
pub(crate) fn late(way: &Way) {
    while !way.shared.stopping() {
        let now = way.shared.clock.elapsed().0;
        let mut held = lock(&way.held);
        let next = held.first_key_value().map(|((due, _), _)| *due);
        if next.is_some_and(|due| due <= now) {
            if let Some((_, (request, from))) = held.pop_first() {
                drop(held);
                way.pass(&request, from);
            }
            continue;
        }
        let wait = next.map_or(LOOK, |due| Duration::from_millis(due - now).min(LOOK));
        let waited = way.more.wait_timeout(held, wait);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// The octets of a request's question; none where there is none.
fn question(request: &[u8]) -> Vec<u8> {
    let mut at = 12;
    while let Some(label @ 1..=63) = request.get(at).copied() {
        at += usize::from(label) + 1;
    }
    request.get(12..at + 5).unwrap_or_default().to_vec()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
