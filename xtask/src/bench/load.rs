//! Questions by the batch: a generator that costs less than any server, and a bare echo as floor.

use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Datagrams per call.
const BATCH: usize = 64;
/// Sockets, and what each has out. All together must fit into the receive buffer that a server has
/// which asks for none (the system's 208 KiB hold some 250 short datagrams): with more, what is
/// measured is who asked for a larger buffer, because a longer queue makes fuller batches, and not
/// what an answer costs.
const SOCKETS: usize = 3;
const WINDOW: usize = 64;
/// The longest answer that is counted.
const ANSWER: usize = 1500;

/// What came of a load.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Answers with NOERROR and data.
    pub(crate) good: u64,
    /// Any others.
    pub(crate) bad: u64,
    /// Questions that nobody answered in time.
    pub(crate) lost: u64,
}

/// One socket, its questions and buffers.
struct Asker {
    socket: UdpSocket,
    send: MultiHeaders<SockaddrStorage>,
    receive: MultiHeaders<SockaddrStorage>,
    buffers: Vec<u8>,
    out: usize,
    heard: Instant,
}

/// In which order questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// At random, again and again.
    Random,
    /// Each once; it ends when all were asked.
    Once,
}

/// Asks these questions in random order for this long.
pub(crate) fn ask(
    server: SocketAddr,
    questions: &[Vec<u8>],
    time: Duration,
) -> std::io::Result<Counts> {
    ask_in(Order::Random, server, questions, time)
}

/// Asks these questions for this long.
pub(crate) fn ask_in(
    order: Order,
    server: SocketAddr,
    questions: &[Vec<u8>],
    time: Duration,
) -> std::io::Result<Counts> {
    let mut next = 0;
    let mut askers = (0..SOCKETS)
        .map(|_| Asker::new(server))
        .collect::<std::io::Result<Vec<_>>>()?;
    let (mut counts, mut dice) = (Counts::default(), 0x9e37_79b9_7f4a_7c15u64);
    let start = Instant::now();
    while start.elapsed() < time {
        for asker in &mut askers {
            let mut pick = || {
                let at = match order {
                    Order::Once => next,
                    Order::Random => {
                        dice ^= dice << 13;
                        dice ^= dice >> 7;
                        dice ^= dice << 17;
                        (dice % questions.len() as u64) as usize
                    }
                };
                next += 1;
                questions.get(at).map_or(&[][..], Vec::as_slice)
            };
            asker.turn(&mut pick, &mut counts)?;
        }
        if order == Order::Once && next + BATCH * SOCKETS > questions.len() {
            break;
        }
    }
    // What is still on its way is waited for.
    let deadline = Instant::now() + Duration::from_millis(500);
    while askers.iter().any(|asker| asker.out > 0) && Instant::now() < deadline {
        for asker in &mut askers {
            asker.take(&mut counts);
        }
    }
    Ok(counts)
}

impl Asker {
    fn new(server: SocketAddr) -> std::io::Result<Asker> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        setsockopt(&socket, sockopt::RcvBuf, &(4 << 20))?;
        socket.connect(server)?;
        Ok(Asker {
            socket,
            send: MultiHeaders::preallocate(BATCH, None),
            receive: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![0; BATCH * ANSWER],
            out: 0,
            heard: Instant::now(),
        })
    }

    /// Sends a batch if the window permits, and takes what has come.
    fn turn<'q>(
        &mut self,
        pick: &mut dyn FnMut() -> &'q [u8],
        counts: &mut Counts,
    ) -> std::io::Result<()> {
        let fd = self.socket.as_raw_fd();
        if self.out + BATCH <= WINDOW {
            let slices: Vec<[IoSlice<'_>; 1]> =
                (0..BATCH).map(|_| [IoSlice::new(pick())]).collect();
            let to = [None; BATCH];
            let flags = MsgFlags::empty();
            let sent = sendmmsg(fd, &mut self.send, slices.iter(), to, [], flags);
            self.out += sent.map_or(0, Iterator::count);
        }
        self.take(counts);
        if self.out > 0 && self.heard.elapsed() > Duration::from_millis(200) {
            counts.lost += self.out as u64;
            self.out = 0;
            self.heard = Instant::now();
        }
        Ok(())
    }

    /// Takes what has come.
    fn take(&mut self, counts: &mut Counts) {
        let fd = self.socket.as_raw_fd();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .buffers
            .chunks_exact_mut(ANSWER)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        if let Ok(came) = recvmmsg(fd, &mut self.receive, slices.iter_mut(), flags, None) {
            for message in came {
                let octets = message.iovs().next().unwrap_or_default();
                let flags = octets.get(2..8);
                let good = flags.is_some_and(|f| f[0] & 0x80 != 0 && f[1] & 15 == 0 && f[5] > 0);
                *(if good {
                    &mut counts.good
                } else {
                    &mut counts.bad
                }) += 1;
                self.out = self.out.saturating_sub(1);
                self.heard = Instant::now();
            }
        }
    }
}

/// Answers everything with one address, without looking, until `stop`. Gives the seconds on the
/// processor that it took.
pub(crate) fn echo(socket: &UdpSocket, stop: &AtomicBool) -> f64 {
    let mut receive = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut send = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut buffers = vec![0; BATCH * ANSWER];
    let mut answers: Vec<Vec<u8>> = vec![Vec::new(); BATCH];
    let mut to = Vec::with_capacity(BATCH);
    let fd = socket.as_raw_fd();
    let before = own_cpu();
    while !stop.load(Ordering::Relaxed) {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers
            .chunks_exact_mut(ANSWER)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        to.clear();
        let Ok(came) = recvmmsg(fd, &mut receive, slices.iter_mut(), flags, None) else {
            continue;
        };
        for (message, out) in came.zip(&mut answers) {
            out.clear();
            out.extend_from_slice(message.iovs().next().unwrap_or_default());
            if let Some(head) = out.get_mut(2..8) {
                head.copy_from_slice(&[0x84, 0, 0, 1, 0, 1]);
            }
            out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
            to.push(message.address);
        }
        let slices: Vec<[IoSlice<'_>; 1]> = answers.iter().map(|a| [IoSlice::new(a)]).collect();
        let slices = slices.iter().take(to.len());
        let _ = sendmmsg(fd, &mut send, slices, &to, [], MsgFlags::empty());
    }
    own_cpu() - before
}

/// Seconds on the processor of this thread.
fn own_cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text
        .split_whitespace()
        .next()
        .and_then(|n| n.parse::<f64>().ok());
    spent.unwrap_or_default() / 1e9
}
