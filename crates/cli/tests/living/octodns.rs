//! A real octoDNS beside us: it deletes what it does not know.

use crate::site::{Ended, Site, ZONE, a, marker, start};
use peers::{Kind, Mode, Peer};
use std::fs;
use std::process::Command;

const FIRST: &str = "www 60 A 192.0.2.1\n";

/// Runs octoDNS over a zone of which it knows name servers and `www`.
fn sync(site: &Site, peer: &Peer, processors: &str) -> Ended {
    let dir = site.dir.join("octodns");
    fs::create_dir_all(&dir).unwrap();
    let secret = fs::read_to_string(peer.key_file()).unwrap();
    let secret = secret.split('"').nth(3).unwrap();
    let (ip, port) = (peer.addr().ip(), peer.addr().port());
    let (used, key) = (
        if processors.is_empty() {
            ""
        } else {
            "    processors: [steadfast]\n"
        },
        peer.key_name(),
    );
    let config = format!(
        "{processors}providers:\n  config:\n    class: octodns.provider.yaml.YamlProvider\n    directory: {}\n    enforce_order: false\n\
         \x20 bind:\n    class: octodns_bind.Rfc2136Provider\n    host: {ip}\n    port: {port}\n    key_name: {key}\n    key_secret: {secret}\n    key_algorithm: hmac-sha256\n\
         zones:\n  {ZONE}.:\n    sources: [config]\n    targets: [bind]\n{used}",
        dir.display()
    );
    fs::write(dir.join("config.yaml"), config).unwrap();
    let zone = format!(
        "\"\":\n  - {{type: NS, ttl: 60, value: ns.{ZONE}.}}\nns:\n  - {{type: A, ttl: 60, value: 127.0.0.1}}\nwww:\n  - {{type: A, ttl: 60, value: 192.0.2.1}}\n"
    );
    fs::write(dir.join(format!("{ZONE}.yaml")), zone).unwrap();
    let mut command = Command::new(peers::octodns().unwrap().join("octodns-sync"));
    command.args(["--config-file", "config.yaml", "--doit", "--force"]);
    site.start(command.current_dir(&dir)).ended()
}

#[test]
fn octodns_deletes_the_marker_unless_told_and_it_is_planted_again() {
    beside(Kind::Bind);
}

#[test]
fn octodns_works_with_the_builtin_server_in_the_same_way() {
    beside(Kind::Builtin);
}

fn beside(kind: Kind) {
    let peer = start(kind, Mode::Plain, FIRST);
    let site = Site::new(&peer, FIRST);
    let adopted = site.run(&["adopt", ZONE]).expect(0).said;
    let ours = marker(&peer);
    sync(&site, &peer, "").expect(0);
    assert_eq!(marker(&peer), "", "octoDNS leaves the marker alone by now");
    assert_eq!(a(&peer, "www"), ["192.0.2.1"]);
    site.apply().expect(0);
    assert!(!marker(&peer).is_empty() && marker(&peer) != ours);
    // With the lines that `adopt` prints, it stays.
    let rule = adopted
        .lines()
        .map(str::trim)
        .find(|l| l.starts_with("processors:"));
    let rule = rule
        .expect(&adopted)
        .strip_prefix("processors:")
        .unwrap()
        .trim()
        .to_owned();
    let planted = marker(&peer);
    sync(&site, &peer, &format!("processors:\n  {rule}\n")).expect(0);
    assert_eq!(marker(&peer), planted);
    site.run(&["plan", ZONE, "--exit-code"]).expect(0);
}
