//! The kit against the real servers: what it promises, on each of them.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use steadfast_peers::{Kind, Mode, Peer, PeerBuilder, ask_signed, nsupdate, try_ask, zone_text};

const ZONE: &str = "example.com";
const WWW: &str = "www.example.com";

fn start(kind: Kind) -> Peer {
    start_as(kind, Mode::Plain)
}

fn start_as(kind: Kind, mode: Mode) -> Peer {
    let text = zone_text(ZONE, "www IN A 192.0.2.1\n");
    PeerBuilder::new(kind).mode(mode).zone(ZONE, &text).start()
}

/// Real `nsupdate` with a key file.
fn nsupdate_with(peer: &Peer, key: &Path, lines: &str) -> Output {
    let lines = format!("zone {ZONE}\n{lines}");
    nsupdate(peer.addr(), &["-v", "-t", "5"], key, &lines)
}

/// What replaces the address of `www`.
fn www_edit(address: &str) -> String {
    format!("update delete {WWW} A\nupdate add {WWW} 60 A {address}")
}

fn set_www(peer: &Peer, address: &str) -> Output {
    nsupdate_with(peer, peer.key_file(), &www_edit(address))
}

#[track_caller]
fn set_www_ok(peer: &Peer, address: &str) {
    peer.nsupdate(&www_edit(address));
    eventually(
        || peer.ask(WWW, "A").data("A") == [address],
        "the new address",
        peer,
    );
}

/// Signed zones show an update a little later.
#[track_caller]
fn eventually(check: impl Fn() -> bool, what: &str, peer: &Peer) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !check() {
        assert!(
            Instant::now() < deadline,
            "never saw {what}:\n{}",
            peer.log_tail()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn on_each(test: impl Fn(Kind)) {
    for kind in Kind::ALL {
        println!("{kind}");
        test(kind);
    }
}

#[test]
fn updates_with_the_key_apply_and_survive_restart_and_kill() {
    on_each(|kind| {
        let mut peer = start(kind);
        set_www_ok(&peer, "192.0.2.2");
        peer.restart();
        assert_eq!(peer.ask(WWW, "A").data("A"), ["192.0.2.2"]);
        set_www_ok(&peer, "192.0.2.3");
        peer.kill();
        assert!(try_ask(peer.addr(), WWW, "A", Duration::from_millis(200)).is_err());
        peer.restart();
        assert_eq!(peer.ask(WWW, "A").data("A"), ["192.0.2.3"]);
    });
}

#[test]
fn wrong_keys_are_refused_as_each_server_words_it() {
    on_each(|kind| {
        let peer = start(kind);
        let said = |key: &Path| {
            let output = nsupdate_with(&peer, key, &format!("update add x.{ZONE} 60 A 192.0.2.9"));
            assert!(
                !output.status.success(),
                "{kind} took an update with {}",
                key.display()
            );
            String::from_utf8(output.stderr).unwrap()
        };
        let (badsig, badkey) = (
            said(&peer.wrong_secret_key_file()),
            said(&peer.unknown_key_file()),
        );
        if kind == Kind::PowerDns {
            assert!(
                badsig.contains("REFUSED") && badkey.contains("REFUSED"),
                "{badsig}{badkey}"
            );
        } else {
            assert!(badsig.contains("BADSIG"), "{kind}: {badsig}");
            assert!(badkey.contains("BADKEY"), "{kind}: {badkey}");
        }
        assert_eq!(peer.ask(&format!("x.{ZONE}"), "A").rcode, 3);
    });
}

#[test]
fn transfers_need_the_key_unless_opened() {
    let dig = |peer: &Peer, more: &[&str]| {
        let port = peer.addr().port().to_string();
        let mut command = Command::new("dig");
        command
            .args([
                "@127.0.0.1",
                "-p",
                &port,
                ZONE,
                "AXFR",
                "+tries=1",
                "+time=5",
            ])
            .args(more);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    on_each(|kind| {
        let text = zone_text(ZONE, "www IN A 192.0.2.1\n");
        let closed = PeerBuilder::new(kind).zone(ZONE, &text).start();
        let key = closed.key_file().to_str().unwrap();
        assert!(
            !dig(&closed, &[]).contains("192.0.2.1"),
            "{kind} gave its zone to anybody"
        );
        assert!(
            dig(&closed, &["-k", key]).contains("192.0.2.1"),
            "{kind}:\n{}",
            closed.log_tail()
        );
        let open = PeerBuilder::new(kind)
            .open_transfer()
            .zone(ZONE, &text)
            .start();
        assert!(
            dig(&open, &[]).contains("192.0.2.1"),
            "{kind}:\n{}",
            open.log_tail()
        );
    });
}

#[test]
fn a_frozen_zone_takes_no_updates() {
    for kind in [Kind::Bind, Kind::Knot] {
        let peer = start(kind);
        peer.freeze(ZONE);
        let refused = set_www(&peer, "192.0.2.2");
        assert!(
            String::from_utf8_lossy(&refused.stderr).contains("REFUSED"),
            "{kind}: {refused:?}"
        );
        peer.thaw(ZONE);
        set_www_ok(&peer, "192.0.2.3");
    }
}

#[test]
fn a_reload_wipes_what_updates_wrote() {
    on_each(|kind| {
        let mode = [Mode::Plain, Mode::Signed];
        for mode in mode
            .into_iter()
            .chain((kind == Kind::Bind).then_some(Mode::InlineSigned))
        {
            let peer = start_as(kind, mode);
            set_www_ok(&peer, "192.0.2.2");
            let added = nsupdate_with(
                &peer,
                peer.key_file(),
                &format!("update add x.{ZONE} 60 TXT marker"),
            );
            assert!(added.status.success());
            let regenerated =
                zone_text(ZONE, "www IN A 192.0.2.7\n").replace("hostmaster 1 ", "hostmaster 50 ");
            peer.reload_from(ZONE, &regenerated);
            eventually(
                || peer.ask(WWW, "A").data("A") == ["192.0.2.7"],
                "the file's address",
                &peer,
            );
            eventually(
                || peer.ask(&format!("x.{ZONE}"), "TXT").rcode == 3,
                "the marker gone",
                &peer,
            );
            set_www_ok(&peer, "192.0.2.8");
        }
    });
}

#[test]
fn a_restored_backup_is_what_was_then() {
    on_each(|kind| {
        let mut peer = start(kind);
        set_www_ok(&peer, "192.0.2.2");
        let serial = peer.ask(ZONE, "SOA").serial();
        let backup = peer.backup();
        set_www_ok(&peer, "192.0.2.3");
        assert_ne!(peer.ask(ZONE, "SOA").serial(), serial);
        peer.restore(&backup);
        assert_eq!(peer.ask(WWW, "A").data("A"), ["192.0.2.2"]);
        assert_eq!(peer.ask(ZONE, "SOA").serial(), serial);
        set_www_ok(&peer, "192.0.2.4");
    });
}

#[test]
fn followers_get_what_the_primary_takes() {
    on_each(|kind| {
        let mut primary = start(kind);
        let follower = primary.follower();
        assert_eq!(follower.ask(WWW, "A").data("A"), ["192.0.2.1"]);
        set_www_ok(&primary, "192.0.2.2");
        eventually(
            || follower.ask(WWW, "A").data("A") == ["192.0.2.2"],
            "the follower's new address",
            &follower,
        );
        assert!(
            !set_www(&follower, "192.0.2.3").status.success(),
            "a follower took an update"
        );
    });
}

#[test]
fn followers_of_a_signed_zone_serve_its_signatures() {
    for mode in [Mode::Signed, Mode::InlineSigned] {
        let mut primary = start_as(Kind::Bind, mode);
        let follower = primary.follower();
        set_www_ok(&primary, "192.0.2.2");
        let seen = || ask_signed(follower.addr(), WWW, "A");
        eventually(
            || seen().data("A") == ["192.0.2.2"],
            "the follower's new address",
            &follower,
        );
        assert_eq!(seen().data("RRSIG").len(), 1);
    }
}

#[test]
fn the_usual_notify_delay_can_be_had() {
    let text = zone_text(ZONE, "www IN A 192.0.2.1\n");
    let mut primary = PeerBuilder::new(Kind::Bind)
        .default_notify_delay()
        .zone(ZONE, &text)
        .start();
    let follower = primary.follower();
    // The first NOTIFY after an idle time may go at once; the one right after it waits.
    set_www_ok(&primary, "192.0.2.2");
    eventually(
        || follower.ask(WWW, "A").data("A") == ["192.0.2.2"],
        "the first change",
        &follower,
    );
    let started = Instant::now();
    set_www_ok(&primary, "192.0.2.3");
    eventually(
        || follower.ask(WWW, "A").data("A") == ["192.0.2.3"],
        "the second change",
        &follower,
    );
    assert!(
        started.elapsed() > Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn signed_zones_are_signed_and_take_updates() {
    on_each(|kind| {
        for mode in [Mode::Signed, Mode::InlineSigned] {
            if mode == Mode::InlineSigned && kind != Kind::Bind {
                continue;
            }
            let mut peer = start_as(kind, mode);
            set_www_ok(&peer, "192.0.2.2");
            let answer = ask_signed(peer.addr(), WWW, "A");
            assert_eq!(answer.data("RRSIG").len(), 1, "{kind} {mode:?}: {answer:?}");
            peer.restart();
            assert_eq!(
                peer.ask(WWW, "A").data("A"),
                ["192.0.2.2"],
                "{kind} {mode:?}"
            );
        }
    });
}

#[test]
fn several_zones_on_one_server() {
    on_each(|kind| {
        let plain = zone_text("a.example", "x IN A 192.0.2.1\n");
        let signed = zone_text("b.example", "x IN A 192.0.2.2\n");
        let builder = PeerBuilder::new(kind).zone("a.example", &plain);
        let peer = builder
            .mode(Mode::Signed)
            .zone("b.example.", &signed)
            .start();
        assert_eq!(peer.ask("x.a.example", "A").data("A"), ["192.0.2.1"]);
        assert_eq!(peer.ask("x.b.example", "A").data("A"), ["192.0.2.2"]);
        assert!(
            ask_signed(peer.addr(), "x.a.example", "A")
                .data("RRSIG")
                .is_empty()
        );
        assert_eq!(
            ask_signed(peer.addr(), "x.b.example", "A")
                .data("RRSIG")
                .len(),
            1
        );
    });
}
