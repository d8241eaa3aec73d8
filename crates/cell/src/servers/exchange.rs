//! Octets to one server and back, over UDP and TCP, each exchange under one deadline.
//!
//! Every failure says whether the request may have reached the server. A request that changes
//! something is never sent twice: after its first octet went out, only the server can tell.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A connection that lay still longer is not used again: servers close idle ones after seconds,
/// and a request that meets the close is lost.
const KEEP: Duration = Duration::from_secs(2);
/// How often a UDP query is sent, evenly spread over the time there is.
const UDP_SENDS: u32 = 3;

/// How long things may take. Each covers all of its kind of work, not one read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Making a TCP connection.
    pub connect: Duration,
    /// One request and its answer, connecting included.
    pub exchange: Duration,
    /// Silence between two messages of a transfer.
    pub idle: Duration,
    /// A whole transfer.
    pub transfer: Duration,
}

impl Default for Timeouts {
    /// 2 s to connect, 5 s for an exchange, 10 s of silence and 10 min in all for a transfer.
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(2),
            exchange: Duration::from_secs(5),
            idle: Duration::from_secs(10),
            transfer: Duration::from_secs(600),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not one octet of the request left: the server cannot have acted on it.
    #[error("nothing was sent to {server}: {why}")]
    NotSent {
        /// The server.
        server: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// The request went out, at least in part, and no answer came in time.
    #[error("no answer from {server} within {} ms", after.as_millis())]
    Timeout {
        /// The server.
        server: SocketAddr,
        /// How long it had.
        after: Duration,
    },
    /// The request went out, at least in part, and the connection broke.
    #[error("the connection to {server} was lost after sending: {why}")]
    Lost {
        /// The server.
        server: SocketAddr,
        /// What happened.
        why: String,
    },
}

impl Failure {
    /// Whether the server may have got the request.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Failure::NotSent { .. })
    }
}

/// Whether a request may be sent again when its connection turns out to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// A query: asking twice changes nothing.
    Yes,
    /// An UPDATE: never, once an octet went out.
    No,
}

/// One server's address, and the TCP connection kept to it.
#[derive(Debug)]
pub struct Exchange {
    server: SocketAddr,
    timeouts: Timeouts,
    kept: Mutex<Option<(TcpStream, Instant)>>,
}

/// A point in time after which an exchange is given up.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    whole: Duration,
}

/// A TCP connection on which messages travel with their length before them (RFC 1035 §4.2.2).
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    server: SocketAddr,
    deadline: Deadline,
}

impl Exchange {
    /// Nothing is sent yet.
    pub fn new(server: SocketAddr, timeouts: Timeouts) -> Exchange {
        Exchange {
            server,
            timeouts,
            kept: Mutex::new(None),
        }
    }

    /// The server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The limits of time.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Sends a query over UDP from a port that the kernel draws, three times at most, and gives
    /// each answer to `judge` until that returns something.
    ///
    /// # Errors
    /// No answer that `judge` took in time.
    pub fn udp<T>(
        &self,
        request: &[u8],
        mut judge: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, Failure> {
        let not_sent = |e: io::Error| self.not_sent(&e);
        let any: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).map_err(not_sent)?;
        // Connected, so that the kernel drops what others send.
        socket.connect(self.server).map_err(not_sent)?;
        let deadline = Deadline::after(self.timeouts.exchange);
        let mut buffer = vec![0; 65_535];
        for sent in 1..=UDP_SENDS {
            socket.send(request).map_err(not_sent)?;
            let until = deadline.at - deadline.whole * (UDP_SENDS - sent) / UDP_SENDS;
            while let Some(left) = left_until(until) {
                socket.set_read_timeout(Some(left)).map_err(not_sent)?;
                match socket.recv(&mut buffer) {
                    Ok(len) => {
                        let verdict = judge(buffer.get(..len).unwrap_or_default());
                        if let Some(verdict) = verdict {
                            return Ok(verdict);
                        }
                    }
                    Err(e) if is_timeout(&e) => break,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(self.lost(e.to_string())),
                }
            }
        }
        Err(deadline.passed(self.server))
    }

    /// Sends a request over TCP and reads one answer. The connection is kept for the next.
    ///
    /// # Errors
    /// No connection, no answer in time, or a connection lost under way.
    pub fn tcp(&self, request: &[u8], again: Again) -> Result<Vec<u8>, Failure> {
        let deadline = Deadline::after(self.timeouts.exchange);
        if let Some(mut connection) = self.take_kept(deadline) {
            match connection.exchange(request) {
                Ok(answer) => {
                    self.keep(connection);
                    return Ok(answer);
                }
                Err(failure @ Failure::Timeout { .. }) => return Err(failure),
                Err(failure @ Failure::Lost { .. }) if again == Again::No => return Err(failure),
                // Closed by the server while it lay still.
                Err(_) => {}
            }
        }
        let mut connection = self.connect_by(deadline)?;
        let answer = connection.exchange(request)?;
        self.keep(connection);
        Ok(answer)
    }

    /// Closes the kept connection: what came on it made no sense, and more of it may follow.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A connection of its own, to be used within `time`.
    ///
    /// # Errors
    /// [`Failure::NotSent`].
    pub fn connect(&self, time: Duration) -> Result<Connection, Failure> {
        self.connect_by(Deadline::after(time))
    }

    /// Several requests on one connection, for questions only: on the kept one if there is one,
    /// and when that turns out to be closed, everything again on a new one. `ask` keeps the
    /// connection for the next when it succeeds, so it has read every answer then.
    ///
    /// # Errors
    /// No connection, or what `ask` returns.
    pub fn converse<T, E: From<Failure>>(
        &self,
        ask: impl Fn(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let deadline = Deadline::after(self.timeouts.exchange);
        if let Some(mut connection) = self.take_kept(deadline) {
            match ask(&mut connection) {
                Ok(answers) => {
                    self.keep(connection);
                    return Ok(answers);
                }
                Err(error) if deadline.left().is_zero() => return Err(error),
                Err(_) => {}
            }
        }
        let mut connection = self.connect_by(deadline)?;
        let answers = ask(&mut connection)?;
        self.keep(connection);
        Ok(answers)
    }

    fn connect_by(&self, deadline: Deadline) -> Result<Connection, Failure> {
        let time = self.timeouts.connect.min(deadline.left());
        if time.is_zero() {
            return Err(self.not_sent(&io::ErrorKind::TimedOut.into()));
        }
        let stream =
            TcpStream::connect_timeout(&self.server, time).map_err(|e| self.not_sent(&e))?;
        stream.set_nodelay(true).map_err(|e| self.not_sent(&e))?;
        Ok(Connection {
            stream,
            server: self.server,
            deadline,
        })
    }

    fn take_kept(&self, deadline: Deadline) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (stream, since) = kept.take()?;
        (since.elapsed() < KEEP && is_quiet(&stream)).then_some(Connection {
            stream,
            server: self.server,
            deadline,
        })
    }

    fn keep(&self, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((connection.stream, Instant::now()));
    }

    fn not_sent(&self, error: &io::Error) -> Failure {
        Failure::NotSent {
            server: self.server,
            why: error.to_string(),
        }
    }

    fn lost(&self, why: String) -> Failure {
        let server = self.server;
        Failure::Lost { server, why }
    }
}

impl Connection {
    /// Sends one message.
    ///
    /// # Errors
    /// [`Failure::NotSent`] only when not one octet was taken by the system.
    pub fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        let server = self.server;
        let not_sent = |why: String| Failure::NotSent { server, why };
        let Ok(len) = u16::try_from(message.len()) else {
            return Err(not_sent(format!(
                "{} octets do not fit into one message",
                message.len()
            )));
        };
        // In one write: length and message must not travel in two packets (RFC 7766 §8).
        let mut framed = Vec::with_capacity(message.len() + 2);
        framed.extend_from_slice(&len.to_be_bytes());
        framed.extend_from_slice(message);
        let mut rest = framed.as_slice();
        while !rest.is_empty() {
            let untouched = rest.len() == framed.len();
            let written = self.deadline.time_left().and_then(|left| {
                self.stream.set_write_timeout(Some(left))?;
                self.stream.write(rest)
            });
            match written {
                Ok(n) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if untouched => return Err(not_sent(e.to_string())),
                Err(e) if is_timeout(&e) => return Err(self.deadline.passed(server)),
                Err(e) => return Err(self.lost(e.to_string())),
                Ok(_) => return Err(self.lost("it takes no more".into())),
            }
        }
        Ok(())
    }

    /// Reads one message.
    ///
    /// # Errors
    /// The deadline passed, or the connection ended.
    pub fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let mut head = [0; 2];
        match self.fill(&mut head)? {
            2 => {}
            0 => return Err(self.lost("the server closed it without an answer".into())),
            _ => return Err(self.lost("the server closed it inside of an answer's length".into())),
        }
        let len = usize::from(u16::from_be_bytes(head));
        let mut message = vec![0; len];
        match self.fill(&mut message)? {
            got if got < len => Err(self.lost(format!(
                "half a message: the server closed it after {got} of {len} octets"
            ))),
            _ => Ok(message),
        }
    }

    /// Gives the next reads at most `time` from now, but not more than the whole had.
    pub fn narrow(&mut self, whole: Instant, time: Duration) {
        let at = (Instant::now() + time).min(whole);
        self.deadline = Deadline { at, whole: time };
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        self.send(request)?;
        self.receive()
    }

    /// Reads until `buffer` is full or the connection ends; gives how much came.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            // The time left shrinks with each read: a server that drips cannot stretch it.
            let read = self.deadline.time_left().and_then(|left| {
                self.stream.set_read_timeout(Some(left))?;
                acknowledge_at_once(&self.stream);
                self.stream.read(rest)
            });
            match read {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) => return Err(self.deadline.passed(self.server)),
                Err(e) => return Err(self.lost(e.to_string())),
            }
        }
        Ok(filled)
    }

    fn lost(&self, why: String) -> Failure {
        let server = self.server;
        Failure::Lost { server, why }
    }
}

impl Deadline {
    fn after(whole: Duration) -> Deadline {
        let at = Instant::now() + whole;
        Deadline { at, whole }
    }

    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    fn time_left(self) -> io::Result<Duration> {
        left_until(self.at).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn passed(self, server: SocketAddr) -> Failure {
        let after = self.whole;
        Failure::Timeout { server, after }
    }
}

/// BIND sends an answer's length and the answer in two packets, the second, when answers follow each
/// other, only after an acknowledgement, which the system holds back for 40 ms to send it with data.
/// The option has to be set again and again. Without it things are slower, and that is all.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) {
    use std::os::linux::net::TcpStreamExt;
    let _ = stream.set_quickack(true);
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_: &TcpStream) {}

/// `None` when it has passed: a zero time-out would mean "for ever" to the system.
fn left_until(at: Instant) -> Option<Duration> {
    let left = at.saturating_duration_since(Instant::now());
    (left >= Duration::from_micros(1)).then_some(left)
}

/// Whether nothing waits to be read: neither an end nor octets that nobody asked for.
fn is_quiet(stream: &TcpStream) -> bool {
    let peeked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut [0]));
    let blocking = stream.set_nonblocking(false).is_ok();
    blocking && peeked.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
