//! Golden conversations: what an operator types and reads, with the real binary and a real BIND.
//!
//! `INSTA_UPDATE=always cargo test -p steadfast --test conversations` writes them anew; read every
//! line of the difference as somebody who was just woken up.
#![allow(clippy::unwrap_used)]

mod approval;
mod audit;
mod checkpoints;
mod first_contact;
mod glass;
mod held_wrong;
mod living;
mod past;
mod repairs;
mod rollout;
mod stages;
mod stalled;
mod talk;

use peers::{Kind, Peer, PeerBuilder, zone_text};
use talk::Talk;

/// The records of the zone that most conversations are about.
const RECORDS: &str = "@ A 192.0.2.10\nwww A 192.0.2.10\nwww A 192.0.2.11\napi A 192.0.2.20\nmail MX 10 www\n_acme-challenge.www TXT \"token\"\nold A 192.0.2.99\n";

/// A BIND that has the zone.
fn bind() -> Peer {
    let text = zone_text("example.com", RECORDS);
    PeerBuilder::new(Kind::Bind)
        .zone("example.com", &text)
        .start()
}

/// A folder with a config for that BIND; the content is written by `adopt`.
fn site(name: &str, peer: &Peer) -> Talk {
    let mut talk = Talk::new(name);
    talk.hide(&peer.addr().to_string(), "127.0.0.1:PORT");
    std::fs::copy(peer.key_file(), talk.folder().join("ns1.key")).unwrap();
    talk.write("steadfast.toml", &config(&peer.addr().to_string()));
    talk
}

fn config(address: &str) -> String {
    format!(
        r#"[cell]
name  = "eu-1"
state = "state"

[zone."example.com"]
content   = "example.com.zone"
servers   = ["ns1"]
own       = ["**"]
ignore    = ["_acme-challenge.www"]
critical  = ["@", "api", "www"]
min-fence = "server"

[zone."example.com".limits]
delete = {{ count = 1 }}
change = {{ count = 5 }}
create = {{ count = 5 }}

[server.ns1]
type     = "rfc2136"
address  = "{address}"
key-file = "ns1.key"
deadline = "5s"
"#
    )
}

/// Replaces text in the zone's content.
fn edit(talk: &Talk, from: &str, to: &str) {
    let path = talk.folder().join("example.com.zone");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from:?} is not in:\n{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}
