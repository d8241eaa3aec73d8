//! What one client can take from the others: answers, transfers; and that all of it holds over IPv6.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::read;
use dns::message::{Message, Query};
use dns::transfer::{Progress, Transfer};
use dns::tsig::{Algorithm, Key};
use dns::{Name, Rcode, Rtype, Zone};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};
use steadfast_serve::{Authority, Config, KeyRights, Limits, ZoneConfig};

const SECRET: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBzZXJ2ZQ==";
const PATIENCE: Duration = Duration::from_secs(10);

fn apex() -> Name {
    Name::absolute("example.com").unwrap()
}

fn key() -> Key {
    Key::from_base64(Name::absolute("key").unwrap(), Algorithm::Sha256, SECRET).unwrap()
}

fn config(listen: IpAddr, limits: Limits) -> Config {
    let many: String = (0..300).map(|i| format!("h{i} A 192.0.2.1\n")).collect();
    let text = format!("$TTL 60\n@ SOA ns a 7 60 60 60 30\n@ NS ns\nns A 192.0.2.1\n{many}");
    Config {
        listen: vec![(listen, 0).into()],
        zones: vec![ZoneConfig {
            zone: read(&text, &apex()),
            followers: Vec::new(),
        }],
        keys: vec![KeyRights::all(key())],
        workers: Some(1),
        limits,
        ..Config::default()
    }
}

fn query(id: u16, relative: &str) -> Vec<u8> {
    Query::new(id, Name::parse(relative, &apex()).unwrap(), Rtype::A).to_wire()
}

/// A connection from an address of this machine.
fn from(client: IpAddr, server: SocketAddr) -> TcpStream {
    let family = match client {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let fd: OwnedFd = socket(family, SockType::Stream, SockFlag::empty(), None).unwrap();
    let at = SockaddrStorage::from(SocketAddr::from((client, 0)));
    bind(fd.as_raw_fd(), &at).unwrap();
    connect(fd.as_raw_fd(), &SockaddrStorage::from(server)).unwrap();
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send(stream: &mut TcpStream, octets: &[u8]) {
    let len = (octets.len() as u16).to_be_bytes();
    stream.write_all(&[&len, octets].concat()).unwrap();
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets).unwrap();
    octets
}

/// A whole transfer over this connection.
fn transfer(stream: &mut TcpStream) -> Zone {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = since.as_secs();
    let query = Query::new(5, apex(), Rtype::AXFR).to_wire();
    let (octets, mut sequence) = key().sign_sequence(&query, now, 300);
    send(stream, &octets);
    let mut transfer = Transfer::new(5, apex());
    loop {
        let message = receive(stream);
        sequence.verify(&message, now).unwrap();
        if transfer.feed(&message).unwrap() == Progress::Done {
            return transfer.finish().unwrap().zone;
        }
    }
}

/// A thousand questions in one go from one network: its rate is answered, half of the rest is told
/// to come over TCP in no more octets than it sent, and over TCP it is served.
#[test]
fn answers_to_one_network_are_limited_and_never_amplified() {
    let limits = Limits {
        answers_per_network: Some(100),
        spare_loopback: false,
        ..Limits::default()
    };
    let server = Authority::start(config(Ipv4Addr::LOCALHOST.into(), limits)).unwrap();
    let addr = server.addresses()[0];
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.connect(addr).unwrap();
    let pause = Duration::from_millis(500);
    client.set_read_timeout(Some(pause)).unwrap();
    let began = Instant::now();
    // Beside the reading and in small batches, so that no buffer runs over.
    let asking = client.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        for id in 0..1000 {
            asking.send(&query(id, "h1")).unwrap();
            if id % 20 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let (mut full, mut slips) = (0, 0);
    let mut buffer = [0; 1500];
    while let Ok(len) = client.recv(&mut buffer) {
        let answer = Message::parse(&buffer[..len]).unwrap();
        match answer.flags.truncated {
            true => {
                assert!(len <= query(0, "h1").len(), "{len} octets");
                slips += 1;
            }
            false => full += 1,
        }
    }
    asking.join().unwrap();
    // The second may have changed while they came.
    let seconds = 1 + (began.elapsed() - pause).as_secs() as usize + 1;
    assert!((100..=100 * seconds).contains(&full), "{full}");
    assert!(slips > 300 && full + slips < 700, "{full} {slips}");
    let mut stream = from(Ipv4Addr::LOCALHOST.into(), addr);
    send(&mut stream, &query(1, "h1"));
    let answer = Message::parse(&receive(&mut stream)).unwrap();
    assert_eq!(answer.answer.len(), 1);
}

/// One follower asks for the whole zone without end, on as many connections as it gets. Another one
/// gets the zone meanwhile, and whoever only asks is answered.
#[test]
fn a_follower_that_asks_without_end_starves_nobody() {
    let greedy_at = IpAddr::from([127, 0, 0, 1]);
    let server = Authority::start(config(greedy_at, Limits::default())).unwrap();
    let addr = server.addresses()[0];
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let greedy = (0..16).map(|_| {
        let (stop, count) = (stop.clone(), count.clone());
        std::thread::spawn(move || {
            let mut stream = from(greedy_at, addr);
            while !stop.load(Ordering::Relaxed) {
                transfer(&mut stream);
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let greedy: Vec<_> = greedy.collect();
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.connect(addr).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut neighbour = from(IpAddr::from([127, 0, 0, 2]), addr);
    while began.elapsed() < Duration::from_secs(2) || count.load(Ordering::Relaxed) < 1_000 {
        let asked = Instant::now();
        client.send(&query(7, "h7")).unwrap();
        client.recv(&mut [0; 1500]).unwrap();
        assert_eq!(transfer(&mut neighbour).len(), 303);
        slowest = slowest.max(asked.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    stop.store(true, Ordering::Relaxed);
    greedy.into_iter().for_each(|thread| thread.join().unwrap());
    // An answer and a whole zone, together.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
}

#[test]
fn ipv6_is_served_like_ipv4() {
    let listen = IpAddr::from(Ipv6Addr::LOCALHOST);
    let server = Authority::start(config(listen, Limits::default())).unwrap();
    let addr = server.addresses()[0];
    let client = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    client.connect(addr).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send(&query(9, "h9")).unwrap();
    let mut buffer = [0; 1500];
    let len = client.recv(&mut buffer).unwrap();
    let answer = Message::parse(&buffer[..len]).unwrap();
    assert_eq!((answer.rcode, answer.answer.len()), (Rcode::NOERROR, 1));
    let mut stream = from(listen, addr);
    assert_eq!(transfer(&mut stream).len(), 303);
}
