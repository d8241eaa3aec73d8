//! The proxy on real sockets, in front of a real BIND.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::{Message, Name, Query, Rcode, Rtype};
use fault::OnWire;
use peers::{Kind, Peer, PeerBuilder, zone_text};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use steadfast_drill::{Drill, Proxy, StartError};

const ZONE: &str = "example.com";

fn bind() -> Peer {
    let text = zone_text(
        ZONE,
        "api 60 A 192.0.2.1\napi 60 AAAA 2001:db8::1\nwww 60 A 192.0.2.2\n",
    );
    PeerBuilder::new(Kind::Bind).zone(ZONE, &text).start()
}

fn proxy(upstream: SocketAddr, faults: &[&str]) -> Proxy {
    Proxy::start("127.0.0.1:0".parse().unwrap(), upstream, drill(faults)).unwrap()
}

fn drill(faults: &[&str]) -> Drill {
    let faults: Vec<OnWire> = faults.iter().map(|text| text.parse().unwrap()).collect();
    Drill::new(&faults, &[]).unwrap()
}

fn query(name: &str, rtype: Rtype) -> Query {
    Query {
        recursion_desired: true,
        ..Query::new(0x1d2e, Name::absolute(name).unwrap(), rtype)
    }
}

/// Asks over UDP; `None` when nothing comes within the time.
fn ask_for(to: SocketAddr, name: &str, rtype: Rtype, wait: Duration) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(wait)).unwrap();
    socket.connect(to).unwrap();
    let query = query(name, rtype);
    socket.send(&query.to_wire()).unwrap();
    let mut octets = [0; 1500];
    let len = socket.recv(&mut octets).ok()?;
    let message = Message::parse(&octets[..len]).unwrap();
    query.matches(&message).unwrap();
    Some(message)
}

fn ask(to: SocketAddr, name: &str, rtype: Rtype) -> Message {
    ask_for(to, name, rtype, Duration::from_secs(5)).expect("an answer")
}

/// Asks over TCP, on one connection, one after the other.
fn ask_tcp(to: SocketAddr, names: &[&str]) -> Vec<Message> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let answers = names.iter().map(|name| {
        let query = query(name, Rtype::A);
        let octets = query.to_wire();
        let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
        stream.write_all(&[&len[..], &octets].concat()).unwrap();
        let mut len = [0; 2];
        stream.read_exact(&mut len).unwrap();
        let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut octets).unwrap();
        let message = Message::parse(&octets).unwrap();
        query.matches(&message).unwrap();
        message
    });
    answers.collect()
}

fn address(message: &Message) -> Vec<u8> {
    message
        .answer
        .first()
        .map(|record| record.data.clone())
        .unwrap_or_default()
}

#[test]
fn what_is_hit_gets_the_fault_and_what_is_not_gets_bind_s_answer_over_udp_and_tcp() {
    let bind = bind();
    let proxy = proxy(bind.addr(), &["nodata name=api.example.com type=A for=1m"]);
    let to = proxy.addr();
    let held = ask(to, "api.example.com", Rtype::A);
    assert!(held.rcode == Rcode::NOERROR && held.answer.is_empty());
    assert_eq!(held.authority[0].rtype, Rtype::SOA);
    let text = &held.edns.unwrap().errors[0].text;
    assert!(text.starts_with("steadfast drill: nodata"), "{text}");
    assert_eq!(
        address(&ask(to, "www.example.com", Rtype::A)),
        [192, 0, 2, 2]
    );
    assert_eq!(ask(to, "api.example.com", Rtype::AAAA).answer.len(), 1);
    assert_eq!(
        ask(to, "nothing.example.com", Rtype::A).rcode,
        Rcode::NXDOMAIN
    );
    let answers = ask_tcp(
        to,
        &["www.example.com", "api.example.com", "www.example.com"],
    );
    let seen: Vec<Vec<u8>> = answers.iter().map(address).collect();
    assert_eq!(seen, [vec![192, 0, 2, 2], vec![], vec![192, 0, 2, 2]]);
    let counts = proxy.counts();
    assert_eq!((counts.asked, counts.passed), (7, 5));
    assert_eq!((counts.faults[0].about, counts.faults[0].hit), (2, 2));
}

#[test]
fn each_fault_on_the_wire() {
    let bind = bind();
    for (fault, rcode, data) in [
        ("servfail for=1m", Rcode::SERVFAIL, vec![]),
        ("refused for=1m", Rcode::REFUSED, vec![]),
        ("nxdomain for=1m", Rcode::NXDOMAIN, vec![]),
        ("nodata soa=no for=1m", Rcode::NOERROR, vec![]),
        (
            "wrong-address to=10.0.0.1 for=1m",
            Rcode::NOERROR,
            vec![10, 0, 0, 1],
        ),
    ] {
        let proxy = proxy(bind.addr(), &[fault]);
        let answers = [
            vec![ask(proxy.addr(), "api.example.com", Rtype::A)],
            ask_tcp(proxy.addr(), &["api.example.com"]),
        ];
        for answer in answers.concat() {
            assert_eq!(
                (answer.rcode, address(&answer)),
                (rcode, data.clone()),
                "{fault}"
            );
            assert!(
                answer.authority.is_empty() || rcode == Rcode::NXDOMAIN,
                "{fault}"
            );
        }
    }
    let silent = proxy(bind.addr(), &["timeout name=api.example.com for=1m"]);
    let short = Duration::from_millis(400);
    assert_eq!(
        ask_for(silent.addr(), "api.example.com", Rtype::A, short),
        None
    );
    assert_eq!(
        address(&ask(silent.addr(), "www.example.com", Rtype::A)),
        [192, 0, 2, 2]
    );
    let late = proxy(
        bind.addr(),
        &["delay by=1500ms name=api.example.com for=1m"],
    );
    let began = Instant::now();
    assert_eq!(
        address(&ask(late.addr(), "www.example.com", Rtype::A)),
        [192, 0, 2, 2]
    );
    let quick = began.elapsed();
    assert_eq!(
        address(&ask(late.addr(), "api.example.com", Rtype::A)),
        [192, 0, 2, 1]
    );
    let udp = began.elapsed() - quick;
    assert_eq!(
        address(&ask_tcp(late.addr(), &["api.example.com"])[0]),
        [192, 0, 2, 1]
    );
    let tcp = began.elapsed() - quick - udp;
    assert!(
        udp >= Duration::from_millis(1500) && tcp >= Duration::from_millis(1500),
        "{udp:?} {tcp:?}"
    );
    assert!(quick < Duration::from_millis(1500), "{quick:?}");
}

/// D1: nobody tells the data path that it is over.
#[test]
fn it_ends_by_itself_and_a_delay_does_not_outlast_it() {
    let bind = bind();
    let proxy = proxy(
        bind.addr(),
        &[
            "nodata name=api.example.com for=2s",
            "delay by=1m name=www.example.com for=2s",
        ],
    );
    let began = Instant::now();
    assert!(
        ask(proxy.addr(), "api.example.com", Rtype::A)
            .answer
            .is_empty()
    );
    let held = ask(proxy.addr(), "www.example.com", Rtype::A);
    assert_eq!(address(&held), [192, 0, 2, 2]);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert!(
        began.elapsed() >= Duration::from_millis(1_500),
        "it was held back"
    );
    assert_eq!(
        address(&ask(proxy.addr(), "api.example.com", Rtype::A)),
        [192, 0, 2, 1]
    );
    let hits = proxy.counts().faults;
    assert_eq!((hits[0].about, hits[0].hit, hits[1].hit), (1, 1, 1));
}

#[test]
fn half_of_them_is_about_half() {
    let bind = bind();
    let proxy = proxy(bind.addr(), &["nodata share=50% for=1m"]);
    let empty = (0..400).filter(|_| {
        ask(proxy.addr(), "api.example.com", Rtype::A)
            .answer
            .is_empty()
    });
    let empty = empty.count();
    assert_eq!(proxy.counts().faults[0].hit, empty as u64);
    // Further from the middle than 80 of 400 is once in 10^15 runs.
    assert!((120..=280).contains(&empty), "{empty} of 400");
}

#[test]
fn where_it_must_not_listen_it_does_not() {
    let upstream: SocketAddr = "127.0.0.1:5300".parse().unwrap();
    let refused = |listen: &str| {
        let started = Proxy::start(listen.parse().unwrap(), upstream, drill(&["nodata for=1m"]));
        started
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for listen in ["0.0.0.0:5398", "[::]:5398", "192.0.2.1:5398", "10.0.0.1:53"] {
        assert!(
            refused(listen).contains("this machine only: 127.0.0.1:"),
            "{}",
            refused(listen)
        );
    }
    for listen in ["127.0.0.1:53", "127.0.0.53:53", "[::1]:53"] {
        assert!(refused(listen).contains("port 53"), "{}", refused(listen));
    }
    assert!(refused("127.0.0.1:5300").contains("is this proxy itself"));
    let other = proxy(upstream, &["nodata for=1m"]);
    let taken = Proxy::start(other.addr(), upstream, drill(&["nodata for=1m"]));
    assert!(matches!(taken, Err(StartError::Listen(..))));
}

#[test]
fn a_dead_upstream_and_octets_of_all_kinds_do_not_end_it() {
    let mut bind = bind();
    let proxy = proxy(bind.addr(), &["servfail name=api.example.com for=1m"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut seed, good) = (7u64, query("www.example.com", Rtype::A).to_wire());
    for _ in 0..5_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut octets = good.clone();
        for k in 0..3 {
            let at = (seed >> (8 * k)) as usize % octets.len();
            octets[at] = (seed >> (20 + 8 * k)) as u8;
        }
        let len = octets.len().min((seed >> 50) as usize % 60);
        let _ = socket.send_to(&octets[..len], proxy.addr());
    }
    bind.kill();
    let short = Duration::from_millis(300);
    assert_eq!(
        ask_for(proxy.addr(), "www.example.com", Rtype::A, short),
        None
    );
    assert_eq!(
        ask(proxy.addr(), "api.example.com", Rtype::A).rcode,
        Rcode::SERVFAIL
    );
    bind.restart();
    assert_eq!(
        address(&ask(proxy.addr(), "www.example.com", Rtype::A)),
        [192, 0, 2, 2]
    );
    let addr = proxy.addr();
    drop(proxy);
    assert!(
        TcpStream::connect(addr).is_err(),
        "the diversion ends with it"
    );
}
