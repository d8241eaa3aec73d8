//! The client of the blackout: each name once, evenly spread, and what came back when.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::faulty::{NEW, OLD, ZONE};

/// Names that are asked for.
pub(super) const NAMES: usize = 100;
/// How far questions are apart, and how long the last one is waited for.
const GAP: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(3);

/// What a pass showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Pass {
    /// Names that got the old or the new address.
    pub(super) right: usize,
    /// Of these: the new one.
    pub(super) new: usize,
    /// Milliseconds of the right ones.
    times: Vec<f64>,
}

impl Pass {
    /// Per cent of all names.
    pub(super) fn share(&self) -> usize {
        self.right * 100 / NAMES
    }

    /// What ninety-nine in a hundred of the right answers took at most, in milliseconds.
    pub(super) fn p99(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        let at = (times.len() * 99).div_ceil(100).saturating_sub(1);
        times.get(at).copied().unwrap_or_default()
    }
}

/// A question for the name of this number, with EDNS.
pub(super) fn question(number: usize) -> Vec<u8> {
    let label = format!("n{number}");
    let mut octets = (number as u16).to_be_bytes().to_vec();
    octets.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1, label.len() as u8]);
    octets.extend(label.as_bytes());
    octets.extend(ZONE);
    octets.extend([0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    octets
}

/// Asks for each name once, however long answers take.
pub(super) fn pass(server: SocketAddr) -> io::Result<Pass> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    let (mut pass, begin) = (Pass::default(), Instant::now());
    let mut sent: Vec<Option<Instant>> = Vec::new();
    let mut buffer = [0; 1500];
    loop {
        let next = begin + GAP * sent.len() as u32;
        let all = sent.len() == NAMES;
        let end = if all { next + PATIENCE } else { next };
        let left = end.saturating_duration_since(Instant::now());
        if all && (left.is_zero() || sent.iter().all(Option::is_none)) {
            return Ok(pass);
        }
        if left < Duration::from_micros(50) {
            let octets = question(sent.len());
            sent.push(Some(Instant::now()));
            // To a port that is closed (yet) nothing can be sent: no answer, and counted so.
            let _ = socket.send(&octets);
            continue;
        }
        socket.set_read_timeout(Some(left))?;
        let Ok(len) = socket.recv(&mut buffer) else {
            continue;
        };
        let number = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
        let Some(at) = sent.get_mut(number).and_then(Option::take) else {
            continue;
        };
        let octets = buffer.get(..len).unwrap_or_default();
        if let Some(new) = judge(octets, number) {
            pass.right += 1;
            pass.new += usize::from(new);
            pass.times.push(at.elapsed().as_secs_f64() * 1e3);
        }
    }
}

/// Whether an answer is right, and if so, whether it has the new address: NOERROR, our question, and
/// one record behind it whose data is the address.
fn judge(octets: &[u8], number: usize) -> Option<bool> {
    let asked = question(number);
    let question = 12..asked.len() - 11;
    let same = octets.get(question.clone())? == asked.get(question.clone())?;
    let (rcode, answers) = (octets.get(3)? & 15, octets.get(6..8)?);
    if !same || rcode != 0 || answers != [0, 1] {
        return None;
    }
    // The owner as a pointer or in full, then type, class, TTL and length.
    let mut at = question.end;
    at += match octets.get(at)? {
        0xc0.. => 2,
        _ => question.len() - 4,
    };
    let data = octets.get(at + 10..at + 14)?;
    (data == OLD || data == NEW).then_some(data == NEW)
}
