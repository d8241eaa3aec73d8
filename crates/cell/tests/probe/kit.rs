//! Targets, and one probe of each.

use dns::Name;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use steadfast_cell::probe::{Finding, Probed, Probes, Trust, Unasked};
use steadfast_core::health::{Cadence, Check, Outcome, Watched};
use steadfast_core::time::Millis;

/// A probe may take as long as this.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(400);
/// What a busy machine may add. What has no limit lasts longer.
pub(crate) const SLACK: Duration = Duration::from_secs(5);

pub(crate) fn watched(at: SocketAddr, check: Check) -> Watched {
    Watched {
        endpoint: Name::absolute("api.test").unwrap(),
        target: at.ip(),
        check,
        cadence: Cadence {
            interval: Millis(500),
            timeout: Millis(TIMEOUT.as_millis() as u64),
            fall: 3,
            rise: 10,
        },
    }
}

pub(crate) fn start(trust: Trust, wanted: Vec<Watched>) -> (Probes, Receiver<Probed>) {
    let (send, probed) = channel();
    let probes = Probes::start(trust, move |p| drop(send.send(p))).unwrap();
    probes.watch(wanted);
    (probes, probed)
}

/// The first probe of a target.
pub(crate) fn once(trust: Trust, at: SocketAddr, check: Check) -> Result<Finding, Unasked> {
    let (_probes, probed) = start(trust, vec![watched(at, check)]);
    let probed = probed.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(probed.took < TIMEOUT + SLACK, "{probed:?}");
    probed.found
}

pub(crate) fn http(at: SocketAddr) -> Check {
    let (port, path) = (at.port(), "/healthz".to_owned());
    Check::Http { port, path }
}

/// Whether it counts as that, for that reason.
#[track_caller]
pub(crate) fn is(found: &Result<Finding, Unasked>, outcome: Outcome, why: &str) {
    let found = found.as_ref().unwrap();
    assert_eq!(found.outcome, outcome, "{found:?}");
    assert!(found.why.contains(why), "{found:?}");
}

/// A target that does this with each connection.
pub(crate) fn target(mut talk: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            talk(stream.unwrap());
        }
    });
    at
}

/// A target that reads the request and answers these octets.
pub(crate) fn says(answer: &'static [u8]) -> SocketAddr {
    target(move |mut stream| {
        request_of(&mut stream);
        let _ = stream.write_all(answer);
    })
}

/// The request's head.
pub(crate) fn request_of(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).is_ok_and(|n| n == 1) {
        head.push(octet[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A port that the kernel drops connections to: what a dead machine looks like. It stays so as long
/// as what is returned.
pub(crate) fn dead() -> (SocketAddr, impl Sized) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    });
    let at = listener.local_addr().unwrap();
    let wait = Duration::from_millis(200);
    let filled: Vec<TcpStream> = std::iter::from_fn(|| TcpStream::connect_timeout(&at, wait).ok())
        .take(64)
        .collect();
    assert!(filled.len() < 64, "connections are still taken");
    (at, (runtime, listener, filled))
}
