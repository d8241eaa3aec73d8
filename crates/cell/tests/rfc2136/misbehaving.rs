//! A server that does everything wrong, one thing at a time.

use dns::tsig::{Algorithm, Key};
use dns::{Message, Name, Rtype, Update};
use peers::Port;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::fixture::{name, now, step};
use steadfast_cell::servers::rfc2136::TransferError;
use steadfast_cell::servers::{AskError, Failure, Outcome, Rfc2136, Timeouts};

/// What the server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// An unsigned answer with that result.
    Rcode(u8),
    /// 40 octets without sense.
    Garbage,
    /// The answer's first 20 octets, as a whole message.
    Short,
    /// The length of a whole answer, half of it, and the end.
    Half,
    /// Another message id.
    OtherId,
    /// Another name in the question.
    OtherQuestion,
    /// The request itself.
    Echo,
    /// NOERROR with a signature that is no such thing.
    BadlySigned,
    Nothing,
    /// Reads the request and closes.
    Close,
    /// One octet each 50 ms.
    Drip,
    /// Closes after each good-looking answer.
    OneEach,
}

struct Fake {
    addr: SocketAddr,
    /// Requests that came over TCP.
    requests: Arc<AtomicUsize>,
}

/// Listens on one port over TCP and UDP. Its threads end with the test process.
fn fake(way: Way) -> Fake {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (tcp, udp);
        }
    };
    let addr = tcp.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    std::thread::spawn(move || {
        for stream in tcp.incoming() {
            let count = count.clone();
            std::thread::spawn(move || serve(stream.unwrap(), way, &count));
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            if let Some(answer) = answer(way, &buffer[..len]) {
                let _ = udp.send_to(&answer, from);
            }
        }
    });
    Fake { addr, requests }
}

fn serve(mut stream: TcpStream, way: Way, count: &AtomicUsize) {
    let mut head = [0; 2];
    while stream.read_exact(&mut head).is_ok() {
        let mut request = vec![0; usize::from(u16::from_be_bytes(head))];
        stream.read_exact(&mut request).unwrap();
        count.fetch_add(1, Ordering::SeqCst);
        let Some(answer) = answer(way, &request) else {
            match way {
                Way::Close => return,
                _ => std::thread::sleep(Duration::from_secs(30)),
            }
            continue;
        };
        let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        match way {
            Way::Half => {
                let _ = stream.write_all(&framed[..framed.len() / 2]);
                return;
            }
            Way::Drip => {
                for octet in framed {
                    if stream.write_all(&[octet]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            _ => stream.write_all(&framed).unwrap(),
        }
        if way == Way::OneEach {
            return;
        }
    }
}

fn answer(way: Way, request: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::parse(request).unwrap();
    let mut plain = request[..12].to_vec();
    plain[2] |= 0x80;
    plain[6..12].fill(0);
    let question = asked.question.unwrap();
    question.name.write_wire(&mut plain);
    plain.extend_from_slice(&question.rtype.0.to_be_bytes());
    plain.extend_from_slice(&[0, 1]);
    match way {
        Way::Rcode(rcode) => plain[3] = rcode,
        Way::Garbage => {
            plain.truncate(2);
            plain.extend((0..38).map(|i: u8| i.wrapping_mul(67) | 0x80));
        }
        Way::Short => plain.truncate(20),
        Way::OtherId => plain[1] ^= 1,
        Way::OtherQuestion => plain[13] ^= 1,
        Way::Echo => return Some(request.to_vec()),
        Way::BadlySigned => {
            let other = key().sign(&plain, now(), 300);
            return Some(other.octets);
        }
        Way::Nothing | Way::Close => return None,
        Way::Half | Way::Drip | Way::OneEach => {}
    }
    Some(plain)
}

fn key() -> Key {
    Key::new(Name::absolute("k").unwrap(), Algorithm::Sha256, b"secret").unwrap()
}

fn connect(addr: SocketAddr) -> Rfc2136 {
    let timeouts = Timeouts {
        connect: Duration::from_millis(300),
        exchange: Duration::from_millis(600),
        idle: Duration::from_millis(300),
        transfer: Duration::from_secs(2),
    };
    Rfc2136::new(name("@"), addr, key(), timeouts)
}

fn change() -> Update {
    step("one", "two")
}

#[track_caller]
fn expect(way: Way, outcome: Outcome, says: &str) {
    let server = fake(way);
    let started = Instant::now();
    let reply = connect(server.addr).update(&change(), now(), 10);
    assert_eq!(reply.outcome, outcome, "{way:?}: {reply}");
    assert!(reply.detail.contains(says), "{way:?}: {reply}");
    assert_eq!(
        server.requests.load(Ordering::SeqCst),
        1,
        "{way:?}: sent again"
    );
    // Bounded, though the machine may be busy.
    assert!(started.elapsed() < Duration::from_secs(10), "{way:?}");
}

#[test]
fn refusals_count_without_a_signature() {
    expect(Way::Rcode(4), Outcome::NotImp, "NOTIMP");
    expect(Way::Rcode(5), Outcome::Refused, "four causes");
    expect(Way::Rcode(9), Outcome::NotAuth, "NOTAUTH");
    expect(Way::Rcode(1), Outcome::FormErr, "FORMERR");
}

#[test]
fn everything_else_without_a_signature_is_unknown() {
    expect(Way::Rcode(0), Outcome::Unknown, "not signed");
    expect(Way::Rcode(2), Outcome::Unknown, "SERVFAIL");
    expect(Way::Rcode(3), Outcome::Unknown, "NXDOMAIN");
    expect(Way::Rcode(8), Outcome::Unknown, "NXRRSET");
    expect(Way::Rcode(13), Outcome::Unknown, "RCODE13");
}

#[test]
fn a_wrong_signature_is_unknown() {
    expect(Way::BadlySigned, Outcome::Unknown, "signature is wrong");
}

#[test]
fn answers_that_are_none_are_unknown_and_say_why() {
    expect(Way::Garbage, Outcome::Unknown, "no message");
    expect(Way::Short, Outcome::Unknown, "half a message");
    expect(Way::Half, Outcome::Unknown, "half a message");
    expect(Way::OtherId, Outcome::Unknown, "another question's answer");
    expect(
        Way::OtherQuestion,
        Outcome::Unknown,
        "another question's answer",
    );
    expect(
        Way::Echo,
        Outcome::Unknown,
        "a request where an answer must be",
    );
    expect(Way::Close, Outcome::Unknown, "closed it without an answer");
}

#[test]
fn silence_and_dripping_end_at_the_deadline() {
    expect(Way::Nothing, Outcome::Unknown, "no answer from");
    expect(Way::Drip, Outcome::Unknown, "no answer from");
}

#[test]
fn an_update_that_found_no_server_was_not_sent() {
    let free = Port::reserve();
    let reply = connect(free.addr()).update(&change(), now(), 10);
    assert_eq!(reply.outcome, Outcome::NotSent, "{reply}");
}

/// Whatever is kept or closed in between: each update arrives once.
#[test]
fn no_update_is_sent_twice() {
    let server = fake(Way::OneEach);
    let client = connect(server.addr);
    for sent in 1..=20 {
        let reply = client.update(&change(), now(), 10);
        assert_eq!(reply.outcome, Outcome::Unknown, "{reply}");
        let came = server.requests.load(Ordering::SeqCst);
        assert!(came <= sent, "{came} requests for {sent} updates");
    }
}

#[test]
fn questions_get_an_error_and_never_an_absence() {
    let ask = |way| {
        let server = fake(way);
        let client = connect(server.addr);
        let asked = client.ask(&name("www"), Rtype::A).unwrap_err();
        let read = client.read(&name("_steadfast"), &[(name("www"), Rtype::A)]);
        assert!(read.is_err(), "{way:?}");
        let transferred = client.transfer();
        assert!(transferred.is_err(), "{way:?}");
        (asked, transferred.unwrap_err())
    };
    for rcode in [2, 4, 5] {
        let (asked, transferred) = ask(Way::Rcode(rcode));
        assert!(matches!(asked, AskError::Rcode(..)), "{asked}");
        assert!(
            matches!(transferred, TransferError::Broken(_)),
            "{transferred}"
        );
    }
    assert!(matches!(ask(Way::Rcode(0)).0, AskError::Tsig(_)));
    assert!(matches!(ask(Way::Rcode(3)).0, AskError::Tsig(_)));
    assert!(matches!(ask(Way::BadlySigned).0, AskError::Tsig(_)));
    assert!(matches!(ask(Way::Garbage).0, AskError::Message(_)));
    assert!(matches!(ask(Way::Short).0, AskError::Message(_)));
    for way in [Way::OtherId, Way::OtherQuestion, Way::Echo] {
        assert!(matches!(ask(way).0, AskError::Mismatch(_)), "{way:?}");
    }
    let (asked, transferred) = ask(Way::Nothing);
    assert!(
        matches!(asked, AskError::Exchange(Failure::Timeout { .. })),
        "{asked}"
    );
    assert!(
        matches!(
            transferred,
            TransferError::Exchange(Failure::Timeout { .. })
        ),
        "{transferred}"
    );
}

#[test]
fn a_serial_needs_an_authoritative_soa() {
    let server = fake(Way::Rcode(0));
    let client = connect(server.addr);
    let asked = client.serial(server.addr);
    assert!(matches!(asked, Err(AskError::NoSoa(_))), "{asked:?}");
}
