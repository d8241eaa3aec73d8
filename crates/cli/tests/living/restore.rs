//! A primary that comes back from a backup (I2).

use crate::kit::KINDS;
use crate::marker::wait_for;
use crate::site::{Site, ZONE, a, axfr, nsupdate, server, start};
use peers::{Kind, Mode, Peer};

fn records(n: u8) -> String {
    format!("www 60 A 192.0.2.{n}\napi 60 A 198.51.100.{n}\n")
}

fn serial(peer: &Peer) -> u32 {
    peer.ask(ZONE, "SOA").serial().expect("a serial")
}

/// A site whose config names the follower.
fn site(peer: &Peer, follower: &Peer) -> Site {
    let mut primary = server(peer);
    primary.more += &format!("followers = [\"{}\"]\n", follower.addr());
    let site = Site::of(peer, vec![primary], &records(1));
    site.run(&["adopt", ZONE]).expect(0);
    site
}

fn apply(site: &Site, n: u8) {
    site.wants(&records(n));
    site.apply().expect(0);
}

fn www(n: u8) -> Vec<String> {
    vec![format!("192.0.2.{n}")]
}

/// Repaired by one write whose serial the follower does not have yet; then the follower follows.
#[test]
fn a_restored_primary_is_repaired_past_every_serial() {
    for kind in KINDS {
        let mut peer = start(kind, Mode::Plain, &records(1));
        let follower = peer.follower();
        let site = site(&peer, &follower);
        apply(&site, 2);
        let backup = peer.backup();
        for n in 3..=6 {
            apply(&site, n);
        }
        wait_for(|| a(&follower, "www") == www(6));
        let highest = serial(&follower);
        peer.restore(&backup);
        assert_eq!(a(&peer, "www"), www(2), "{kind}");
        assert!(serial(&peer) < highest, "{kind}");
        site.wants(&records(7));
        site.apply()
            .expect(0)
            .says(&["restored from a backup", "older marker"]);
        assert_eq!(a(&peer, "www"), www(7), "{kind}");
        assert!(
            serial(&peer) > highest,
            "{kind}: {} after {highest}",
            serial(&peer)
        );
        wait_for(|| a(&follower, "www") == www(7) && a(&follower, "api") == ["198.51.100.7"]);
        assert_eq!(serial(&follower), serial(&peer), "{kind}");
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
        apply(&site, 8);
        wait_for(|| a(&follower, "www") == www(8));
    }
}

/// One authority whose serial is not known: the repair waits and says why.
#[test]
fn the_repair_waits_for_a_follower_that_is_down() {
    let mut peer = start(Kind::Bind, Mode::Plain, &records(1));
    let mut follower = peer.follower();
    let site = site(&peer, &follower);
    let backup = peer.backup();
    apply(&site, 2);
    wait_for(|| a(&follower, "www") == www(2));
    peer.restore(&backup);
    follower.kill();
    let before = axfr(&peer);
    site.wants(&records(3));
    let waited = site.run(&["apply", ZONE, "--yes", "--patience", "8s"]);
    let address = follower.addr().to_string();
    waited
        .expect(1)
        .says(&["every authority's serial", &address]);
    assert_eq!(axfr(&peer), before);
    follower.restart();
    site.apply().expect(0);
    wait_for(|| a(&follower, "www") == www(3));
}

/// A write that was decided before the backup, expects the marker that the backup brought back,
/// and was stalled all the time: refused after the repair.
#[test]
fn a_stalled_write_that_fits_the_backup_is_refused_after_the_repair() {
    for kind in KINDS {
        let mut peer = start(kind, Mode::Plain, &records(1));
        let mut site = Site::new(&peer, &records(1));
        site.servers[0].more += "deadline = \"60s\"\n";
        site.wants(&records(1));
        site.run(&["adopt", ZONE]).expect(0);
        let backup = peer.backup();
        site.wants(&records(66));
        let mut stalled = site.spawn(&["apply", ZONE, "--yes"], "enactor.before-write@1=stop");
        stalled.wait_stopped();
        apply(&site, 3);
        peer.restore(&backup);
        site.apply().expect(0).says(&["restored from a backup"]);
        assert_eq!(a(&peer, "www"), www(3), "{kind}");
        stalled.cont();
        stalled.ended().expect(7).says(&["refused by the server"]);
        assert_eq!(a(&peer, "www"), www(3), "{kind}");
    }
}

/// Edits that others made since the backup was taken are gone with it; ours are what the ledger
/// says, and drift among them is not overwritten.
#[test]
fn what_others_edited_in_the_backup_is_left() {
    let mut peer = start(Kind::Knot, Mode::Plain, &records(1));
    let site = Site::adopted(&peer, &records(1));
    let backup = peer.backup();
    apply(&site, 2);
    peer.restore(&backup);
    nsupdate(&peer, &["update add www 60 A 203.0.113.66"]);
    let before = a(&peer, "www");
    let apply = site.apply();
    assert_ne!(apply.code, Some(0), "{}", apply.said);
    assert_eq!(a(&peer, "www"), before, "{}", apply.said);
}
