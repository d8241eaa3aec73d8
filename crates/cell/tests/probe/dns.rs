//! DNS targets.

use crate::kit::*;
use peers::Port;
use std::net::{SocketAddr, UdpSocket};
use steadfast_cell::probe::Trust;
use steadfast_core::health::{Check, Outcome};

/// A target that answers each question with what this makes of it.
fn answers(mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            if let Some(octets) = answer(&buffer[..len]) {
                socket.send_to(&octets, from).unwrap();
            }
        }
    });
    at
}

/// The question as an answer with this rcode and nothing in it.
fn with(question: &[u8], rcode: u8) -> Vec<u8> {
    let mut octets = question.to_vec();
    octets[2] |= 0x80;
    octets[3] = rcode;
    octets
}

fn ask(at: SocketAddr) -> Result<steadfast_cell::probe::Finding, steadfast_cell::probe::Unasked> {
    once(Trust::System, at, Check::Dns { port: at.port() })
}

#[test]
fn any_answer_passes_but_a_failure_and_a_refusal() {
    for (rcode, outcome, why) in [
        (0, Outcome::Pass, "NOERROR"),
        (3, Outcome::Pass, "NXDOMAIN"),
        (2, Outcome::Wrong, "SERVFAIL"),
        (5, Outcome::Wrong, "REFUSED"),
    ] {
        is(&ask(answers(move |q| Some(with(q, rcode)))), outcome, why);
    }
}

#[test]
fn the_endpoints_name_is_asked_for() {
    let at = answers(|question| {
        let named = question.windows(10).any(|w| w == b"\x03api\x04test\0");
        Some(with(question, if named { 0 } else { 2 }))
    });
    is(&ask(at), Outcome::Pass, "NOERROR");
}

#[test]
fn one_lost_datagram_is_no_failure() {
    let mut lost = false;
    let at = answers(move |q| std::mem::replace(&mut lost, true).then(|| with(q, 0)));
    is(&ask(at), Outcome::Pass, "NOERROR");
}

#[test]
fn garbage_is_wrong_and_does_not_end_the_wait() {
    is(
        &ask(answers(|_| Some(b"garbage".to_vec()))),
        Outcome::Wrong,
        "no message",
    );
    let forged = |q: &[u8]| {
        let mut octets = with(q, 0);
        octets[0] ^= 1;
        octets
    };
    is(
        &ask(answers(move |q| Some(forged(q)))),
        Outcome::Wrong,
        "id",
    );
    let mut first = true;
    let at = answers(move |q| match std::mem::take(&mut first) {
        true => Some(forged(q)),
        false => Some(with(q, 0)),
    });
    is(&ask(at), Outcome::Pass, "NOERROR");
}

#[test]
fn silence_is_nothing_and_a_closed_port_an_answer() {
    is(
        &ask(answers(|_| None)),
        Outcome::Nothing,
        "no answer in 400ms",
    );
    let closed = Port::reserve();
    is(&ask(closed.addr()), Outcome::Wrong, "connection refused");
}
