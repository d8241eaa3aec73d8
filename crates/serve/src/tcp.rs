//! Streams (RFC 7766, RFC 9210): a thread for each connection, and not many of those.

use crate::answer::{Client, Outcome, Transport, answer_to};
use crate::control::control;
use crate::shared::{Limits, Shared};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Memory of a connection's thread; answering takes a few kilobytes.
const STACK: usize = 256 << 10;
/// How often a waiting connection looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(250);

/// What answers on a stream.
pub(crate) trait Service: Send + Sync + 'static {
    /// Whether the server ends.
    fn stopping(&self) -> bool;
    /// What it does not exceed.
    fn limits(&self) -> Limits;
    /// Tells the operator.
    fn note(&self, text: &str);
    /// Answers one message. An error ends the connection.
    fn serve(
        self: &Arc<Self>,
        octets: &[u8],
        from: SocketAddr,
        send: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()>;
}

impl Service for Shared {
    fn stopping(&self) -> bool {
        Shared::stopping(self)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn note(&self, text: &str) {
        Shared::note(self, text);
    }

    fn serve(
        self: &Arc<Self>,
        octets: &[u8],
        from: SocketAddr,
        mut send: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut out = Vec::new();
        let client = Client {
            cookies: &self.cookies,
            from: from.ip(),
            second: self.now() as u32,
        };
        let catalog = self.catalog();
        match answer_to(&catalog, octets, Transport::Tcp, Some(client), &mut out).0 {
            Outcome::Reply => send(&out),
            Outcome::Control => control(self, octets, from, Transport::Tcp, &mut send),
            // No request: whoever talks like that has nothing to ask.
            Outcome::Silence => Err(ErrorKind::InvalidData.into()),
        }
    }
}

/// How many connections each address has.
type Open = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// Takes connections until told to stop. The caller wakes it with a connection of its own.
pub(crate) fn accept<S: Service>(at_work: &Arc<S>, listener: &TcpListener) {
    let open: Open = Arc::default();
    for stream in listener.incoming() {
        if at_work.stopping() {
            break;
        }
        let Ok(stream) = stream else {
            // Out of descriptors, as a rule: others have to close theirs first.
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let Some(place) = Place::take(at_work.limits(), &open, &stream) else {
            continue;
        };
        let shared = Arc::clone(at_work);
        let thread = std::thread::Builder::new().name("dns-tcp".into());
        let spawned = thread.stack_size(STACK).spawn(move || {
            // Whatever goes wrong on a connection ends it, and nothing else.
            let _ = converse(&shared, stream);
            // In this order: who waits for the place wants nothing of ours to be held any more.
            drop(shared);
            drop(place);
        });
        if let Err(error) = spawned {
            at_work.note(&format!("tcp: no thread for a connection: {error}"));
        }
    }
    // Connections end within a look; nobody is cut off in mid-answer.
    let deadline = Instant::now() + at_work.limits().tcp_idle;
    while !lock(&open).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A connection's place among those that are permitted; given back on drop.
struct Place {
    open: Open,
    client: IpAddr,
}

impl Place {
    fn take(limits: Limits, open: &Open, stream: &TcpStream) -> Option<Place> {
        let client = stream.peer_addr().ok()?.ip();
        let mut count = lock(open);
        let all: usize = count.values().sum();
        let own = count.get(&client).copied().unwrap_or_default();
        let most = limits.tcp_connections;
        // One client must not take all places: half of them is for others.
        if all >= most || own >= most.div_ceil(2) {
            return None;
        }
        count.insert(client, own + 1);
        drop(count);
        Some(Place {
            open: Arc::clone(open),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

fn lock(open: &Open) -> std::sync::MutexGuard<'_, BTreeMap<IpAddr, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers request after request, in order, until the client is silent for too long.
fn converse<S: Service>(shared: &Arc<S>, mut stream: TcpStream) -> std::io::Result<()> {
    let from = stream.peer_addr()?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(shared.limits().tcp_idle))?;
    let mut octets = Vec::new();
    loop {
        let mut len = [0; 2];
        fill(shared, &mut stream, &mut len)?;
        octets.resize(usize::from(u16::from_be_bytes(len)), 0);
        fill(shared, &mut stream, &mut octets)?;
        shared.serve(&octets, from, &mut |message| send(&mut stream, message))?;
    }
}

/// Reads all of `into`, within the idle time for the whole.
fn fill<S: Service>(
    shared: &Arc<S>,
    stream: &mut TcpStream,
    into: &mut [u8],
) -> std::io::Result<()> {
    let deadline = Instant::now() + shared.limits().tcp_idle;
    let mut at = 0;
    while at < into.len() {
        match stream.read(into.get_mut(at..).unwrap_or_default()) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => at += count,
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
        if at < into.len() && (shared.stopping() || Instant::now() >= deadline) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

fn is_pause(error: &std::io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Length and message in one write, so that they travel in one segment.
fn send(stream: &mut TcpStream, message: &[u8]) -> std::io::Result<()> {
    let len = u16::try_from(message.len()).map_err(|_| ErrorKind::InvalidData)?;
    let mut framed = Vec::with_capacity(message.len() + 2);
    framed.extend_from_slice(&len.to_be_bytes());
    framed.extend_from_slice(message);
    stream.write_all(&framed)
}
