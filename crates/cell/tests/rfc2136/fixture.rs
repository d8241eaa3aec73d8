//! A server with one zone, and short ways to say things.

use dns::tsig::Key;
use dns::{Edit, Name, Prerequisite, RRset, Rtype, Update, rdata};
use peers::{Kind, Mode, Peer, PeerBuilder, zone_text};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use steadfast_cell::servers::{Outcome, Rfc2136, Timeouts, UpdateReply};

pub(crate) const ZONE: &str = "example.com";

/// What every test's zone holds.
const RECORDS: &str = "\
www 60 A 192.0.2.1
www 60 A 192.0.2.2
alias 60 CNAME WWW.Example.COM.
_steadfast 60 TXT \"one\"
";

/// Servers, and how each can sign.
pub(crate) const WAYS: [(Kind, Mode); 7] = [
    (Kind::Bind, Mode::Plain),
    (Kind::Bind, Mode::Signed),
    (Kind::Bind, Mode::InlineSigned),
    (Kind::Knot, Mode::Plain),
    (Kind::Knot, Mode::Signed),
    (Kind::PowerDns, Mode::Plain),
    (Kind::PowerDns, Mode::Signed),
];

pub(crate) struct Fixture {
    pub(crate) peer: Peer,
    pub(crate) server: Rfc2136,
}

pub(crate) fn start(kind: Kind) -> Fixture {
    start_with(kind, Mode::Plain, "")
}

pub(crate) fn start_with(kind: Kind, mode: Mode, more: &str) -> Fixture {
    let text = zone_text(ZONE, &format!("{RECORDS}{more}"));
    let builder = PeerBuilder::new(kind).mode(mode).zone(ZONE, &text);
    let peer = builder.ready_within(Duration::from_secs(60)).start();
    let server = connect(&peer, &key(peer.key_file()));
    Fixture { peer, server }
}

pub(crate) fn connect(peer: &Peer, key: &Key) -> Rfc2136 {
    let timeouts = Timeouts {
        exchange: Duration::from_secs(20),
        ..Timeouts::default()
    };
    Rfc2136::new(name("@"), peer.addr(), key.clone(), timeouts)
}

/// Reads a key file as `tsig-keygen` writes it.
pub(crate) fn key(file: &Path) -> Key {
    let text = std::fs::read_to_string(file).unwrap();
    let fields: Vec<&str> = text.split('"').collect();
    let algorithm = text.split("algorithm ").nth(1).unwrap();
    let algorithm = algorithm.split(';').next().unwrap().parse().unwrap();
    Key::from_base64(Name::absolute(fields[1]).unwrap(), algorithm, fields[3]).unwrap()
}

/// A name relative to the zone.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &Name::absolute(ZONE).unwrap()).unwrap()
}

pub(crate) fn rrset(owner: &str, ttl: u32, rtype: Rtype, data: &[&str]) -> RRset {
    let one = |text: &&str| {
        let tokens: Vec<&str> = text.split(' ').collect();
        rdata::from_text(rtype, &tokens, &name("@")).unwrap()
    };
    RRset::new(name(owner), rtype, ttl, data.iter().map(one)).unwrap()
}

pub(crate) fn a(owner: &str, data: &[&str]) -> RRset {
    rrset(owner, 60, Rtype::A, data)
}

pub(crate) fn cname(owner: &str, target: &str) -> RRset {
    rrset(owner, 60, Rtype::CNAME, &[target])
}

pub(crate) fn marker(text: &str) -> RRset {
    rrset("_steadfast", 60, Rtype::TXT, &[text])
}

pub(crate) fn update() -> Update {
    Update::new(name("@"))
}

/// An update that moves the marker, if it stands at `from`.
pub(crate) fn step(from: &str, to: &str) -> Update {
    update()
        .require(Prerequisite::RRsetEquals(marker(from)))
        .replace(marker(to))
}

pub(crate) fn delete(owner: &str, rtype: Rtype) -> Edit {
    Edit::DeleteRRset(name(owner), rtype)
}

pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

impl Fixture {
    pub(crate) fn kind(&self) -> Kind {
        self.peer.kind()
    }

    pub(crate) fn send(&self, update: &Update) -> UpdateReply {
        self.server.update(update, now(), 10)
    }

    #[track_caller]
    pub(crate) fn accepted(&self, update: &Update) {
        self.expect(update, Outcome::Accepted);
    }

    #[track_caller]
    pub(crate) fn expect(&self, update: &Update, outcome: Outcome) {
        let reply = self.send(update);
        let log = self.peer.log_tail();
        assert_eq!(reply.outcome, outcome, "{}: {reply}\n{log}", self.kind());
    }

    /// What the server says about an RRset now.
    #[track_caller]
    pub(crate) fn rrset(&self, owner: &str, rtype: Rtype) -> Option<RRset> {
        self.server.ask(&name(owner), rtype).unwrap().rrset
    }

    /// The marker's text, or nothing.
    #[track_caller]
    pub(crate) fn marker(&self) -> String {
        let marker = self.rrset("_steadfast", Rtype::TXT);
        marker.map_or(String::new(), |m| m.texts().concat().replace('"', ""))
    }

    /// Waits until the marker stands at `text`: signing servers answer from the old version for a
    /// moment.
    #[track_caller]
    pub(crate) fn wait_for_marker(&self, text: &str) {
        for _ in 0..500 {
            if self.marker() == text {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!(
            "{}: the marker stands at {:?}, not at {text:?}",
            self.kind(),
            self.marker()
        );
    }
}
