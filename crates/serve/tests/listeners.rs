//! Sockets: the same answers over UDP and TCP, bounds on both, a clean stop.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use common::read;
use dns::message::{Message, Query};
use dns::{Name, Rcode, Rtype};
use steadfast_serve::{Authority, Config, Limits, StartError, ZoneConfig};

fn config(records: &str) -> Config {
    let apex = Name::absolute("example.com").unwrap();
    let text = format!("$TTL 60\n@ SOA ns a 7 60 60 60 30\n@ NS ns\nns A 192.0.2.1\n{records}");
    let zone = read(&text, &apex);
    Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        zones: vec![ZoneConfig {
            zone,
            followers: Vec::new(),
        }],
        workers: Some(2),
        ..Config::default()
    }
}

fn query(relative: &str, rtype: Rtype) -> Query {
    let apex = Name::absolute("example.com").unwrap();
    Query::new(4711, Name::parse(relative, &apex).unwrap(), rtype)
}

fn udp(server: SocketAddr, octets: &[u8]) -> Message {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(server).unwrap();
    let patience = Duration::from_secs(5);
    socket.set_read_timeout(Some(patience)).unwrap();
    socket.send(octets).unwrap();
    let mut buffer = [0; 65_535];
    let len = socket.recv(&mut buffer).unwrap();
    Message::parse(&buffer[..len]).unwrap()
}

fn send(stream: &mut TcpStream, octets: &[u8]) {
    let len = octets.len() as u16;
    stream
        .write_all(&[&len.to_be_bytes(), octets].concat())
        .unwrap();
}

fn receive(stream: &mut TcpStream) -> std::io::Result<Message> {
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets)?;
    Ok(Message::parse(&octets).unwrap())
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    let patience = Duration::from_secs(10);
    stream.set_read_timeout(Some(patience)).unwrap();
    stream
}

#[test]
fn both_transports_answer_and_what_udp_cuts_tcp_has() {
    let many: String = (0..90).map(|i| format!("many A 192.0.2.{i}\n")).collect();
    let server = Authority::start(config(&many)).unwrap();
    let addr = server.addresses()[0];
    let cut = udp(addr, &query("many", Rtype::A).to_wire());
    assert!(cut.flags.truncated && cut.answer.is_empty());
    let mut stream = connect(addr);
    // Several questions in one go, answered in order (RFC 7766 §6.2.1.1).
    for name in ["many", "ns", "nothing"] {
        send(&mut stream, &query(name, Rtype::A).to_wire());
    }
    assert_eq!(receive(&mut stream).unwrap().answer.len(), 90);
    assert_eq!(receive(&mut stream).unwrap().answer.len(), 1);
    assert_eq!(receive(&mut stream).unwrap().rcode, Rcode::NXDOMAIN);
    // A transfer or an update without a key.
    send(&mut stream, &query("@", Rtype::AXFR).to_wire());
    assert_eq!(receive(&mut stream).unwrap().rcode, Rcode::REFUSED);
    let update = dns::Update::new(Name::absolute("example.com").unwrap());
    let update = update.to_wire(1, None).unwrap();
    assert_eq!(udp(addr, &update).rcode, Rcode::REFUSED);
}

#[test]
fn a_new_generation_is_served_whole_at_once() {
    let server = Authority::start(config("a A 192.0.2.1\nb A 192.0.2.1\n")).unwrap();
    let addr = server.addresses()[0];
    let other = config("a A 192.0.2.2\nb A 192.0.2.2\n")
        .zones
        .remove(0)
        .zone;
    server.replace(&other).unwrap();
    for name in ["a", "b"] {
        let answer = udp(addr, &query(name, Rtype::A).to_wire());
        assert_eq!(answer.answer[0].data, [192, 0, 2, 2]);
    }
    let serial = || server.catalog().zones().next().unwrap().serial().0;
    assert_eq!(
        serial(),
        8,
        "the content has the old serial: the next one is taken"
    );
    server.replace(&other).unwrap();
    assert_eq!(serial(), 8, "the same content again is no change");
}

#[test]
fn connections_and_their_time_are_bounded() {
    let limits = Limits {
        tcp_connections: 8,
        tcp_idle: Duration::from_millis(600),
        ..Limits::default()
    };
    let server = Authority::start(Config {
        limits,
        ..config("")
    })
    .unwrap();
    let addr = server.addresses()[0];
    // One client may have half of the places; the others it opens are closed at once.
    let mut streams: Vec<TcpStream> = (0..6).map(|_| connect(addr)).collect();
    let served = streams.iter_mut().filter_map(|stream| {
        let octets = query("ns", Rtype::A).to_wire();
        let framed = [&(octets.len() as u16).to_be_bytes(), &octets[..]].concat();
        stream.write_all(&framed).ok()?;
        receive(stream).ok()
    });
    assert_eq!(served.count(), 4);
    // Silence, and a message that does not come to its end, last so long and no longer.
    let start = Instant::now();
    for stream in &mut streams[..4] {
        let _ = stream.write_all(&[0, 9, 1]);
        assert!(receive(stream).is_err());
    }
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(400) && took < Duration::from_secs(4),
        "{took:?}"
    );
    let mut again = connect(addr);
    send(&mut again, &query("ns", Rtype::A).to_wire());
    assert_eq!(receive(&mut again).unwrap().answer.len(), 1);
}

#[test]
fn it_stops_soon_and_leaves_its_port() {
    let server = Authority::start(config("")).unwrap();
    let addr = server.addresses()[0];
    let taken = Config {
        listen: vec![addr],
        ..config("")
    };
    match Authority::start(taken.clone()) {
        Err(StartError::Listen(at, _)) => assert_eq!(at, addr),
        other => panic!("a port that is taken: {:?}", other.map(drop)),
    }
    let _idle = connect(addr);
    let start = Instant::now();
    server.stop();
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    Authority::start(taken).unwrap();
}

#[test]
fn a_wildcard_address_is_refused() {
    let config = Config {
        listen: vec![(Ipv4Addr::UNSPECIFIED, 0).into()],
        ..config("")
    };
    let error = Authority::start(config).map(drop).unwrap_err().to_string();
    assert!(error.contains("name each address"), "{error}");
}
