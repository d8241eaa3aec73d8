//! DNS cookies (RFC 7873, RFC 9018) at the socket: with `dig`, beside BIND, against a model of the
//! option, and against the rate limit.
//!
//! Needs named (bind9) and dig (bind9-dnsutils).

#![allow(clippy::unwrap_used)]

mod common;

use common::{Dice, read};
use dns::Name;
use peers::{Kind, PeerBuilder};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;
use steadfast_serve::{Authority, Config, Limits, ZoneConfig};

const ZONE: &str = "example.com";
const WWW: &str = "www 60 A 192.0.2.1\n";
const COOKIE: u16 = 10;
const FORMERR: u8 = 1;

fn start(limits: Limits) -> Authority {
    let apex = Name::absolute(ZONE).unwrap();
    Authority::start(Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        zones: vec![ZoneConfig {
            zone: read(&peers::zone_text(ZONE, WWW), &apex),
            followers: Vec::new(),
        }],
        workers: Some(1),
        limits,
        log: |_| {},
        ..Config::default()
    })
    .unwrap()
}

/// A question for the address of `www` with these EDNS options.
fn question(options: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut octets = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    octets.extend_from_slice(b"\x03www\x07example\x03com\x00\x00\x01\x00\x01");
    let options: Vec<u8> = options.iter().flat_map(|(c, v)| option(*c, v)).collect();
    octets.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
    octets.extend_from_slice(&(options.len() as u16).to_be_bytes());
    octets.extend_from_slice(&options);
    octets
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let head = [code.to_be_bytes(), (value.len() as u16).to_be_bytes()].concat();
    [head, value.to_vec()].concat()
}

struct Client(UdpSocket);

/// What matters of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    rcode: u8,
    truncated: bool,
    records: u8,
    cookie: Option<Vec<u8>>,
}

impl Client {
    fn of(server: SocketAddr) -> Client {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let patience = Some(Duration::from_secs(2));
        socket.set_read_timeout(patience).unwrap();
        socket.connect(server).unwrap();
        Client(socket)
    }

    /// `None`: nothing came.
    fn ask(&self, options: &[(u16, Vec<u8>)]) -> Option<Answer> {
        self.0.send(&question(options)).unwrap();
        self.receive()
    }

    fn receive(&self) -> Option<Answer> {
        let mut buffer = [0; 1500];
        let len = self.0.recv(&mut buffer).ok()?;
        let octets = &buffer[..len];
        Some(Answer {
            rcode: octets[3] & 15,
            truncated: octets[2] & 2 != 0,
            records: octets[7],
            cookie: cookie_of(octets),
        })
    }
}

/// The COOKIE option of an answer, whose OPT ends it.
fn cookie_of(octets: &[u8]) -> Option<Vec<u8>> {
    let opt = octets.windows(5).rposition(|w| w[..3] == [0, 0, 41])?;
    let mut options = octets.get(opt + 11..)?;
    while let Some(([c, d, l, m], rest)) = options.split_first_chunk::<4>() {
        let (value, rest) = rest.split_at(usize::from(u16::from_be_bytes([*l, *m])));
        if u16::from_be_bytes([*c, *d]) == COOKIE {
            return Some(value.to_vec());
        }
        options = rest;
    }
    None
}

#[test]
fn an_option_is_read_as_the_rfc_has_it() {
    let server = start(Limits::default());
    let client = Client::of(server.addresses()[0]);
    let mut dice = Dice(0x00c0_ffee_7873_9018);
    for _ in 0..3_000 {
        let mut options = Vec::new();
        let mut octets = |most: usize| -> Vec<u8> {
            let len = dice.below(most);
            (0..len).map(|_| dice.below(256) as u8).collect()
        };
        let (before, cookie, second) = (octets(20), octets(50), octets(50));
        // An option that nobody knows (RFC 6891 §9: for experiments), and a second cookie.
        if dice.below(3) == 0 {
            options.push((65_001, before));
        }
        let brings = dice.below(8) > 0;
        if brings {
            options.push((COOKIE, cookie.clone()));
            if dice.below(4) == 0 {
                options.push((COOKIE, second));
            }
        }
        let answer = client.ask(&options).unwrap();
        // RFC 7873 §5.2.2: 8 octets of the client's, and 0 or 8 to 32 of the server's.
        let is_good = cookie.len() == 8 || (16..=40).contains(&cookie.len());
        match (brings, is_good) {
            (true, false) => {
                assert_eq!((answer.rcode, answer.records), (FORMERR, 0), "{options:?}")
            }
            (true, true) => {
                let given = answer.cookie.clone().unwrap();
                assert_eq!(
                    (given.len(), &given[..8]),
                    (24, &cookie[..8]),
                    "{options:?}"
                );
                assert_eq!((answer.rcode, answer.records), (0, 1), "{options:?}");
            }
            (false, _) => assert_eq!(answer.cookie, None, "{options:?}"),
        }
    }
}

#[test]
fn what_is_malformed_is_so_for_bind_too() {
    let server = start(Limits::default());
    let text = peers::zone_text(ZONE, WWW);
    let bind = PeerBuilder::new(Kind::Bind).zone(ZONE, &text).start();
    let (ours, theirs) = (Client::of(server.addresses()[0]), Client::of(bind.addr()));
    for len in 0..=48 {
        let options = [(COOKIE, vec![7; len])];
        let (ours, theirs) = (ours.ask(&options).unwrap(), theirs.ask(&options).unwrap());
        let told = |a: &Answer| (a.rcode, a.records, a.cookie.as_ref().map(Vec::len));
        assert_eq!(told(&ours), told(&theirs), "{len} octets");
    }
}

#[test]
fn dig_knows_the_cookie_again() {
    let server = start(Limits::default());
    let port = server.addresses()[0].port().to_string();
    let dig = |more: &[&str]| {
        let mut command = Command::new("dig");
        let command = command.args(["@127.0.0.1", "-p", &port, "+qr", "www.example.com", "A"]);
        let output = command.args(more).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for transport in ["+notcp", "+tcp"] {
        let first = dig(&[transport, "+cookie=0123456789abcdef"]);
        let line = first.lines().find(|l| l.contains("(good)")).expect(&first);
        let cookie = line.split_whitespace().nth(2).unwrap();
        assert!(
            cookie.starts_with("0123456789abcdef") && cookie.len() == 48,
            "{first}"
        );
        let again = dig(&[transport, &format!("+cookie={cookie}")]);
        assert!(
            again.contains("(good)") && again.contains("192.0.2.1"),
            "{again}"
        );
        // One that somebody made up is told the right one; no answer waits for it.
        let made_up = dig(&[
            transport,
            &format!("+cookie=0123456789abcdef{}", "00".repeat(16)),
        ]);
        assert!(
            made_up.contains("(good)") && made_up.contains("192.0.2.1"),
            "{made_up}"
        );
    }
    let none = dig(&["+nocookie"]);
    assert!(
        none.contains("192.0.2.1") && !none.contains("COOKIE"),
        "{none}"
    );
}

#[test]
fn who_brings_a_cookie_back_is_not_slowed_down() {
    const RATE: u32 = 5;
    let server = start(Limits {
        answers_per_network: Some(RATE),
        spare_loopback: false,
        ..Limits::default()
    });
    let client = Client::of(server.addresses()[0]);
    let given = client.ask(&[(COOKIE, vec![7; 8])]).unwrap().cookie.unwrap();
    let whole = |cookie: &[u8]| {
        let answers: Vec<Answer> = (0..100)
            .filter_map(|_| {
                client
                    .0
                    .send(&question(&[(COOKIE, cookie.to_vec())]))
                    .unwrap();
                client
                    .0
                    .set_read_timeout(Some(Duration::from_millis(20)))
                    .unwrap();
                client.receive()
            })
            .collect();
        answers
            .iter()
            .filter(|a| !a.truncated && a.records == 1)
            .count()
    };
    assert_eq!(whole(&given), 100);
    // Its client's part alone, another's server part, and none: as everybody.
    let mut wrong = given.clone();
    wrong[20] ^= 1;
    for cookie in [&given[..8], &wrong] {
        let began = std::time::Instant::now();
        let got = whole(cookie);
        let seconds = began.elapsed().as_secs() as usize + 2;
        assert!(got <= seconds * RATE as usize, "{got} in {seconds} s");
    }
    assert_eq!(whole(&given), 100);
}
