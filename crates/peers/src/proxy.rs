//! A server that misbehaves, alone or in front of a real one.
//!
//! What a client must survive and no real server does on demand: an answer that never comes, half
//! of one, one to another question; an UPDATE that is applied and not acknowledged, or arrives
//! late.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::port::Port;
use crate::scratch::must;
use crate::wire;

/// How long an answer of the real server is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// RFC 2136 section 2.2.
const OPCODE_UPDATE: u8 = 5;

/// What a [`Proxy`] does with messages, over UDP and TCP alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Passes everything through to the real server. Without one: silence.
    Forward,
    /// Takes messages and says nothing.
    Silent,
    /// Answers each with this response code (2 SERVFAIL, 4 NOTIMP, 5 REFUSED), unsigned.
    Rcode(u8),
    /// Answers with bytes that are no DNS message.
    Garbage,
    /// Answers with half a message; over TCP it announces the whole and hangs up.
    Half,
    /// Answers with the right id and another question.
    OtherQuestion,
    /// Passes through, but the answers to UPDATEs get lost: applied, not acknowledged.
    LoseUpdateAnswers,
    /// Passes through, but UPDATEs never arrive.
    LoseUpdates,
    /// Passes through, but UPDATEs are held for this long first.
    DelayUpdates(Duration),
}

/// A running proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstreams: Vec<SocketAddr>,
    /// Whose turn it is.
    turn: AtomicUsize,
    behaviour: Mutex<Behaviour>,
    updates: AtomicU64,
    stopped: AtomicBool,
}

impl Proxy {
    /// A server of its own that only misbehaves.
    #[track_caller]
    pub fn alone(behaviour: Behaviour) -> Self {
        Self::start(&[], behaviour)
    }

    /// In front of a real server; passes everything through until told otherwise.
    #[track_caller]
    pub fn before(upstream: SocketAddr) -> Self {
        Self::start(&[upstream], Behaviour::Forward)
    }

    /// One address for several real servers, as a load balancer: each connection, and each message
    /// over UDP, goes to the next of them.
    #[track_caller]
    pub fn among(upstreams: &[SocketAddr]) -> Self {
        Self::start(upstreams, Behaviour::Forward)
    }

    #[track_caller]
    fn start(upstreams: &[SocketAddr], behaviour: Behaviour) -> Self {
        let port = Port::reserve();
        let what = std::path::PathBuf::from(port.addr().to_string());
        let udp = Arc::new(must(UdpSocket::bind(port.addr()), "listen on", &what));
        let tcp = must(TcpListener::bind(port.addr()), "listen on", &what);
        let shared = Arc::new(Shared {
            upstreams: upstreams.to_vec(),
            turn: AtomicUsize::new(0),
            behaviour: Mutex::new(behaviour),
            updates: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let of_udp = Arc::clone(&shared);
        thread::spawn(move || of_udp.serve_udp(&udp));
        let of_tcp = Arc::clone(&shared);
        thread::spawn(move || of_tcp.serve_tcp(&tcp));
        Self { port, shared }
    }

    /// Where it answers, over UDP and TCP.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// What it does from now on, with answers still under way as well.
    pub fn set(&self, behaviour: Behaviour) {
        *self
            .shared
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// How many UPDATEs came, whatever became of them.
    pub fn updates(&self) -> u64 {
        self.shared.updates.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Each listener looks at the flag when something comes.
        if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
            let _ = socket.send_to(&[], self.addr());
        }
        let _ = TcpStream::connect(self.addr());
    }
}

/// What becomes of one message of a client.
enum Verdict {
    Forward,
    Drop,
    Answer(Vec<u8>),
}

impl Shared {
    fn behaviour(&self) -> Behaviour {
        *self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The real server whose turn it is.
    fn upstream(&self) -> io::Result<SocketAddr> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let at = turn.checked_rem(self.upstreams.len());
        let upstream = at.and_then(|at| self.upstreams.get(at)).copied();
        upstream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn serve_udp(self: &Arc<Self>, socket: &Arc<UdpSocket>) {
        let mut buffer = [0; 65_535];
        while !self.stopped() {
            let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let message = buffer.get(..length).unwrap_or_default().to_vec();
            let (shared, socket) = (Arc::clone(self), Arc::clone(socket));
            // A thread each: one that waits must not hold up the next.
            thread::spawn(move || {
                let answer = match shared.judge(&message) {
                    Verdict::Drop => None,
                    Verdict::Answer(answer) if shared.behaviour() == Behaviour::Half => {
                        Some(half(&answer).to_vec())
                    }
                    Verdict::Answer(answer) => Some(answer),
                    Verdict::Forward => shared
                        .ask_upstream(&message)
                        .ok()
                        .filter(|answer| shared.passes(answer)),
                };
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, client);
                }
            });
        }
    }

    fn ask_upstream(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let upstream = self.upstream()?;
        let socket = UdpSocket::bind((upstream.ip(), 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(upstream)?;
        socket.send(message)?;
        let mut buffer = vec![0; 65_535];
        let length = socket.recv(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    fn serve_tcp(self: &Arc<Self>, listener: &TcpListener) {
        while !self.stopped() {
            let Ok((client, _)) = listener.accept() else {
                continue;
            };
            let shared = Arc::clone(self);
            thread::spawn(move || shared.serve_connection(client));
        }
    }

    /// Messages of the client, until it hangs up or an answer is cut short.
    fn serve_connection(self: &Arc<Self>, mut client: TcpStream) -> io::Result<()> {
        let mut upstream: Option<TcpStream> = None;
        while let Ok(message) = read_message(&mut client) {
            match self.judge(&message) {
                Verdict::Drop => {}
                Verdict::Answer(answer) if self.behaviour() == Behaviour::Half => {
                    let framed = frame(&answer)?;
                    client.write_all(half(&framed))?;
                    break;
                }
                Verdict::Answer(answer) => client.write_all(&frame(&answer)?)?,
                Verdict::Forward => {
                    let mut stream = match upstream.take() {
                        Some(stream) => stream,
                        None => self.connect_upstream(&client)?,
                    };
                    stream.write_all(&frame(&message)?)?;
                    upstream = Some(stream);
                }
            }
        }
        if let Some(upstream) = upstream {
            let _ = upstream.shutdown(Shutdown::Both);
        }
        client.shutdown(Shutdown::Both)
    }

    /// A connection to the real server, whose answers a thread passes on as they come: a transfer
    /// has many.
    fn connect_upstream(self: &Arc<Self>, client: &TcpStream) -> io::Result<TcpStream> {
        let upstream = self.upstream()?;
        let stream = TcpStream::connect_timeout(&upstream, PATIENCE)?;
        let (mut answers, mut client) = (stream.try_clone()?, client.try_clone()?);
        let shared = Arc::clone(self);
        thread::spawn(move || {
            while let Ok(answer) = read_message(&mut answers) {
                if shared.passes(&answer)
                    && client
                        .write_all(&frame(&answer).unwrap_or_default())
                        .is_err()
                {
                    return;
                }
            }
        });
        Ok(stream)
    }

    /// Decides over a message of a client; may wait.
    fn judge(&self, message: &[u8]) -> Verdict {
        let update = is_update(message);
        if update {
            self.updates.fetch_add(1, Ordering::Relaxed);
        }
        match self.behaviour() {
            Behaviour::Silent => Verdict::Drop,
            Behaviour::LoseUpdates if update => Verdict::Drop,
            Behaviour::DelayUpdates(delay) if update => {
                thread::sleep(delay);
                Verdict::Forward
            }
            Behaviour::Rcode(rcode) => Verdict::Answer(bare_answer(message, rcode)),
            Behaviour::Half => Verdict::Answer(bare_answer(message, 0)),
            Behaviour::Garbage => Verdict::Answer(
                (0..64_u8)
                    .map(|byte| byte.wrapping_mul(151) ^ 0x5a)
                    .collect(),
            ),
            Behaviour::OtherQuestion => Verdict::Answer(other_answer(message)),
            Behaviour::Forward
            | Behaviour::LoseUpdateAnswers
            | Behaviour::LoseUpdates
            | Behaviour::DelayUpdates(_) => Verdict::Forward,
        }
    }

    /// Whether an answer of the real server reaches the client.
    fn passes(&self, answer: &[u8]) -> bool {
        self.behaviour() != Behaviour::LoseUpdateAnswers || !is_update(answer)
    }
}

fn is_update(message: &[u8]) -> bool {
    message
        .get(2)
        .is_some_and(|flags| flags >> 3 & 15 == OPCODE_UPDATE)
}

/// Header and first question (or zone) of the message, as an answer without records.
fn bare_answer(message: &[u8], rcode: u8) -> Vec<u8> {
    let end = wire::question_end(message).unwrap_or(message.len());
    let mut answer = message.get(..end).unwrap_or_default().to_vec();
    for (at, byte) in answer.iter_mut().enumerate().take(12) {
        *byte = match at {
            2 => *byte | 0x80,
            3 => rcode & 15,
            6.. => 0,
            _ => *byte,
        };
    }
    answer
}

/// An answer with the message's id and opcode, to a question that nobody asked.
fn other_answer(message: &[u8]) -> Vec<u8> {
    let mut answer = bare_answer(&wire::question("nobody.asked.invalid", "A", 0, false), 0);
    for at in [0, 1, 2] {
        if let (Some(byte), Some(asked)) = (answer.get_mut(at), message.get(at)) {
            *byte = if at == 2 { *asked | 0x80 } else { *asked };
        }
    }
    answer
}

fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}

/// A message with its length before it (RFC 1035 section 4.2.2).
fn frame(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes(), message].concat())
}

fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}
