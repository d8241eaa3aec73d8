//! A client, and a resolver to ask.

use dns::{Message, Name, Query, Rtype};
use peers::{Kind, Peer, PeerBuilder, zone_text};
use resolver::{Config, PinRule};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use steadfast_serve::{ResolverConfig, ResolverServer};

/// A server of `example.com` with these records.
pub(crate) fn authority(records: &str) -> Peer {
    PeerBuilder::new(Kind::Bind)
        .zone("example.com", &zone_text("example.com", records))
        .start()
}

/// A resolver on a port of its own before these upstreams, with these pins.
pub(crate) fn resolver(upstreams: &[SocketAddr], pins: &[&str]) -> ResolverServer {
    start(config(upstreams, pins))
}

pub(crate) fn config(upstreams: &[SocketAddr], pins: &[&str]) -> ResolverConfig {
    ResolverConfig {
        engine: Config {
            upstreams: upstreams.to_vec(),
            pins: pins
                .iter()
                .map(|text| PinRule::new(text).unwrap())
                .collect(),
            ..Config::default()
        },
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        ..ResolverConfig::default()
    }
}

pub(crate) fn start(config: ResolverConfig) -> ResolverServer {
    ResolverServer::start(config).unwrap()
}

/// Asks over UDP.
pub(crate) fn ask(server: &ResolverServer, name: &str, rtype: Rtype) -> Message {
    let query = question(name, rtype);
    let octets = exchange(server.addresses()[0], &query.to_wire()).expect("an answer");
    let message = Message::parse(&octets).unwrap();
    query.matches(&message).unwrap();
    message
}

/// Asks over TCP.
pub(crate) fn ask_tcp(server: &ResolverServer, name: &str, rtype: Rtype) -> Message {
    let query = question(name, rtype);
    let mut stream = TcpStream::connect(server.addresses()[0]).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let octets = query.to_wire();
    let len = u16::try_from(octets.len()).unwrap();
    stream.write_all(&len.to_be_bytes()).unwrap();
    stream.write_all(&octets).unwrap();
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets).unwrap();
    let message = Message::parse(&octets).unwrap();
    query.matches(&message).unwrap();
    message
}

fn question(name: &str, rtype: Rtype) -> Query {
    Query {
        recursion_desired: true,
        ..Query::new(0x1d2e, Name::absolute(name).unwrap(), rtype)
    }
}

/// Sends octets, and gives what comes back within five seconds.
pub(crate) fn exchange(server: SocketAddr, octets: &[u8]) -> Option<Vec<u8>> {
    exchange_within(Duration::from_secs(5), server, octets)
}

/// Sends octets, and gives what comes back in time.
pub(crate) fn exchange_within(
    wait: Duration,
    server: SocketAddr,
    octets: &[u8],
) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(wait)).unwrap();
    socket.connect(server).unwrap();
    socket.send(octets).unwrap();
    let mut answer = vec![0; 65_535];
    let len = socket.recv(&mut answer).ok()?;
    answer.truncate(len);
    Some(answer)
}

/// The IPv4 addresses in an answer, sorted.
pub(crate) fn addresses(message: &Message) -> Vec<String> {
    let of = message.answer.iter().filter(|r| r.rtype == Rtype::A);
    let mut all: Vec<String> = of
        .map(|r| std::net::Ipv4Addr::from(*r.data.first_chunk::<4>().unwrap()).to_string())
        .collect();
    all.sort();
    all
}

/// The codes of the extended errors in an answer.
pub(crate) fn errors(message: &Message) -> Vec<u16> {
    let errors = message.edns.iter().flat_map(|edns| &edns.errors);
    errors.map(|error| error.code).collect()
}

/// Waits until something holds, five seconds at most.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 5 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
