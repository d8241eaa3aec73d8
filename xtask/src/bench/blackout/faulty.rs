//! The upstream of the blackout: one thread, one UDP socket, and a fault that comes and goes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Seconds that an answer may be kept, positive or negative. Knot Resolver keeps none for less.
pub(super) const TTL: u8 = 5;
/// What the names have before the fault, and after it.
pub(super) const OLD: [u8; 4] = [192, 0, 2, 1];
pub(super) const NEW: [u8; 4] = [192, 0, 2, 2];
/// The last labels of every name that is asked for.
pub(super) const ZONE: &[u8] = b"\x05stale\x03lab\0";

/// What the upstream does with questions for the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Does {
    Answer,
    Silent,
    Closed,
    ServFail,
    Refused,
    NoData,
    NoDataBare,
    NxDomain,
    Private,
    /// Answers again, with the new address.
    Healed,
}

impl Does {
    const ALL: [Does; 10] = [
        Does::Answer,
        Does::Silent,
        Does::Closed,
        Does::ServFail,
        Does::Refused,
        Does::NoData,
        Does::NoDataBare,
        Does::NxDomain,
        Does::Private,
        Does::Healed,
    ];

    fn of(number: u8) -> Does {
        let found = Does::ALL.into_iter().find(|does| *does as u8 == number);
        found.unwrap_or(Does::Silent)
    }
}

/// A running upstream. It ends when this is dropped.
pub(super) struct Faulty {
    pub(super) addr: SocketAddr,
    does: Arc<AtomicU8>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Faulty {
    pub(super) fn start() -> io::Result<Faulty> {
        let socket = open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = socket.local_addr()?;
        let does = Arc::new(AtomicU8::new(Does::Answer as u8));
        let end = Arc::new(AtomicBool::new(false));
        let (told, ended) = (Arc::clone(&does), Arc::clone(&end));
        let thread = thread::spawn(move || serve(Some(socket), addr, &told, &ended));
        Ok(Faulty {
            addr,
            does,
            end,
            thread: Some(thread),
        })
    }

    pub(super) fn does(&self, does: Does) {
        self.does.store(does as u8, Ordering::Relaxed);
    }
}

fn open(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    Ok(socket)
}

fn serve(mut socket: Option<UdpSocket>, addr: SocketAddr, does: &AtomicU8, end: &AtomicBool) {
    let mut octets = [0; 1500];
    while !end.load(Ordering::Relaxed) {
        let does = Does::of(does.load(Ordering::Relaxed));
        if does == Does::Closed {
            // Whoever asks now hears from the kernel that nobody listens.
            socket = None;
            thread::sleep(Duration::from_millis(20));
            continue;
        }
        let Some(open) = &socket else {
            socket = open(addr).ok();
            continue;
        };
        if let Ok((len, from)) = open.recv_from(&mut octets)
            && let Some(answer) = octets.get(..len).and_then(|asked| answer(asked, does))
        {
            let _ = open.send_to(&answer, from);
        }
    }
}

/// The answer to a question; `None` is silence.
fn answer(asked: &[u8], does: Does) -> Option<Vec<u8>> {
    if does == Does::Silent || asked.get(2)? & 0x80 != 0 {
        return None;
    }
    let mut end = 12;
    while let label @ 1.. = *asked.get(end)? {
        end += usize::from(label) + 1;
    }
    let name = asked.get(12..=end)?;
    let wanted = asked.get(end + 1..end + 5)?;
    let mut out = asked.get(..end + 5)?.to_vec();
    out[2] |= 0x84;
    out[3] = 0x80;
    out[6..12].fill(0);
    let soa = |out: &mut Vec<u8>| {
        out[9] = 1;
        out.extend(ZONE);
        out.extend([0, 6, 0, 1, 0, 0, 0, TTL, 0, 22, 0, 0]);
        out.extend([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, TTL]);
    };
    let address = |out: &mut Vec<u8>, octets: [u8; 4]| {
        if *wanted != [0, 1, 0, 1] {
            return soa(out);
        }
        out[7] = 1;
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, TTL, 0, 4]);
        out.extend(octets);
    };
    if !name.to_ascii_lowercase().ends_with(ZONE) {
        out[3] |= 3;
        return Some(out);
    }
    match does {
        Does::Silent | Does::Closed => return None,
        Does::ServFail => out[3] |= 2,
        Does::Refused => out[3] |= 5,
        Does::NoData => soa(&mut out),
        Does::NoDataBare => {}
        Does::NxDomain => {
            out[3] |= 3;
            soa(&mut out);
        }
        Does::Private => address(&mut out, [10, 0, 0, 1]),
        Does::Answer => address(&mut out, OLD),
        Does::Healed => address(&mut out, NEW),
    }
    Some(out)
}
