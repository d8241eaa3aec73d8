//! The misbehaving server: what each behaviour looks like to a client.
#![allow(clippy::unwrap_used)]

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use steadfast_peers::{Behaviour, Kind, Peer, PeerBuilder, Proxy, nsupdate, try_ask, zone_text};

const WWW: &str = "www.a.example";
const SOON: Duration = Duration::from_millis(600);

fn peer() -> Peer {
    let text = zone_text("a.example", "www IN A 192.0.2.1\n");
    PeerBuilder::new(Kind::Bind)
        .open_transfer()
        .zone("a.example", &text)
        .start()
}

/// `nsupdate` through the proxy; `tcp` is its `-v`.
fn update(peer: &Peer, through: SocketAddr, tcp: bool, address: &str) -> Output {
    let options = ["-t", "2", "-u", "1", "-r", "0", "-v"];
    let lines = format!("zone a.example\nupdate delete {WWW} A\nupdate add {WWW} 60 A {address}");
    let options = options.get(..if tcp { 7 } else { 6 }).unwrap();
    nsupdate(through, options, peer.key_file(), &lines)
}

fn dig(server: SocketAddr, words: &[&str]) -> String {
    let port = server.port().to_string();
    let mut command = Command::new("dig");
    command
        .args(["@127.0.0.1", "-p", &port, "+tries=1", "+time=2"])
        .args(words);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn canned_answers_over_udp() {
    let ask = |behaviour| {
        let proxy = Proxy::alone(behaviour);
        try_ask(proxy.addr(), WWW, "A", SOON)
    };
    for rcode in [2, 4, 5] {
        assert_eq!(ask(Behaviour::Rcode(rcode)).unwrap().rcode, rcode);
    }
    for behaviour in [
        Behaviour::Silent,
        Behaviour::Garbage,
        Behaviour::OtherQuestion,
        Behaviour::Half,
    ] {
        let kind = ask(behaviour).unwrap_err().kind();
        assert_eq!(
            kind,
            io::ErrorKind::TimedOut,
            "{behaviour:?} is no answer to the question"
        );
    }
}

#[test]
fn canned_answers_over_tcp() {
    let dig = |behaviour| {
        let proxy = Proxy::alone(behaviour);
        dig(proxy.addr(), &["+tcp", WWW])
    };
    assert!(dig(Behaviour::Rcode(4)).contains("NOTIMP"));
    assert!(dig(Behaviour::OtherQuestion).contains("Question section mismatch"));
    assert!(dig(Behaviour::Half).contains("end of file"));
    for behaviour in [Behaviour::Silent, Behaviour::Garbage] {
        assert!(!dig(behaviour).contains("status: "), "{behaviour:?}");
    }
}

#[test]
fn everything_passes_until_told_otherwise() {
    let peer = peer();
    let proxy = Proxy::before(peer.addr());
    assert!(
        update(&peer, proxy.addr(), true, "192.0.2.2")
            .status
            .success()
    );
    assert!(
        update(&peer, proxy.addr(), false, "192.0.2.3")
            .status
            .success()
    );
    assert_eq!(proxy.updates(), 2);
    assert_eq!(
        try_ask(proxy.addr(), WWW, "A", SOON).unwrap().data("A"),
        ["192.0.2.3"]
    );
    let transfer = dig(proxy.addr(), &["a.example", "AXFR"]);
    assert!(
        transfer.contains("192.0.2.3") && transfer.contains("XFR size"),
        "{transfer}"
    );
    proxy.set(Behaviour::Rcode(5));
    assert_eq!(try_ask(proxy.addr(), WWW, "A", SOON).unwrap().rcode, 5);
    proxy.set(Behaviour::Forward);
    assert_eq!(try_ask(proxy.addr(), WWW, "A", SOON).unwrap().rcode, 0);
}

#[test]
fn updates_get_lost_on_either_way_and_come_late() {
    let peer = peer();
    let proxy = Proxy::before(peer.addr());
    let address = || peer.ask(WWW, "A").data("A").join(" ");
    for tcp in [true, false] {
        let (lost, applied, late) = (
            "192.0.2.9",
            format!("192.0.2.{}", 10 + u8::from(tcp)),
            "192.0.2.20",
        );
        let before = address();
        proxy.set(Behaviour::LoseUpdates);
        assert!(!update(&peer, proxy.addr(), tcp, lost).status.success());
        assert_eq!(address(), before, "a lost update was applied");

        proxy.set(Behaviour::LoseUpdateAnswers);
        assert!(!update(&peer, proxy.addr(), tcp, &applied).status.success());
        assert_eq!(address(), applied, "applied, and nobody said so");

        let started = Instant::now();
        proxy.set(Behaviour::DelayUpdates(Duration::from_millis(500)));
        assert!(update(&peer, proxy.addr(), tcp, late).status.success());
        assert!(started.elapsed() >= Duration::from_millis(500));
        assert_eq!(address(), late);
    }
}
