//! Asks BIND and Knot every question about random zones, and compares each section with ours.
//!
//! Where the two differ from us is listed in [`Theirs::differs`], exactly, with the reason.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Dice, TYPES, names, random_zone, read};
use dns::message::{Message, Query, Record};
use dns::resolve::{Kind, resolve};
use dns::{Name, RRset, Rcode, Rtype, Zone};
use steadfast_serve::{Catalog, Generation, Transport, answer};

const ZONES: usize = 220;

/// Which server is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Theirs {
    Bind,
    Knot,
}

/// A server of our own, on loopback, with a folder of its own.
struct Server {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn bind_conf(dir: &str, port: u16, zones: &[(Name, String)]) -> String {
    let mut conf = format!(
        "options {{ directory \"{dir}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         recursion no; pid-file none; session-keyfile \"session.key\"; notify no; dnssec-validation no;\n\
         minimal-any yes; check-integrity no; max-udp-size 4096; check-names primary ignore;\n\
         empty-zones-enable no; }};\ncontrols {{ }};\n"
    );
    for (i, (apex, _)) in zones.iter().enumerate() {
        let _ = writeln!(
            conf,
            "zone \"{apex}\" {{ type primary; file \"{i}.zone\"; }};"
        );
    }
    conf
}

fn knot_conf(dir: &str, port: u16, zones: &[(Name, String)]) -> String {
    let mut conf = format!(
        "server:\n  rundir: \"{dir}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  udp-max-payload: 4096\n\
         log:\n  - target: stderr\n    any: info\ncontrol:\n  listen: \"{dir}/knot.sock\"\n\
         database:\n  storage: \"{dir}/db\"\nzone:\n"
    );
    for (i, (apex, _)) in zones.iter().enumerate() {
        let _ = writeln!(
            conf,
            "  - domain: {apex}\n    file: \"{dir}/{i}.zone\"\n    semantic-checks: off"
        );
    }
    conf
}

impl Theirs {
    fn start(self, zones: &[(Name, String)]) -> Server {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let name = format!("serve-vs-{self:?}-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(dir.join("db")).unwrap();
        let shown = dir.to_str().unwrap();
        for (i, (_, text)) in zones.iter().enumerate() {
            std::fs::write(dir.join(format!("{i}.zone")), text).unwrap();
        }
        let (program, conf, ready) = match self {
            Theirs::Bind => (
                "/usr/sbin/named",
                bind_conf(shown, port, zones),
                "all zones loaded",
            ),
            Theirs::Knot => (
                "/usr/sbin/knotd",
                knot_conf(shown, port, zones),
                "server started",
            ),
        };
        let file = dir.join("conf");
        std::fs::write(&file, conf).unwrap();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(program);
        if self == Theirs::Bind {
            command.args(["-g", "-n", "1"]);
        }
        command
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().expect("Debian: bind9, knot");
        let server = Server { child, dir, port };
        let start = Instant::now();
        while !server.log().contains(ready) {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Why this answer may differ from ours, if it may; else what differs.
    fn differs(
        self,
        zone: &Zone,
        name: &Name,
        rtype: Rtype,
        ours: &Message,
        theirs: &Message,
    ) -> Option<String> {
        let model = resolve(zone, name, rtype);
        if self == Theirs::Knot && knot_ways(zone, &model.kind) {
            return None;
        }
        if ours.rcode != theirs.rcode {
            return Some("rcode".into());
        }
        if set(&ours.answer) != set(&theirs.answer) {
            return Some("answer".into());
        }
        if ours.flags.authoritative != theirs.flags.authoritative {
            return Some("AA".into());
        }
        // BIND tells the zone's own NS beside data, with their addresses; we save the octets, as
        // Knot does.
        let own_ns = |r: &&Record| r.rtype == Rtype::NS && r.name == *zone.apex();
        // BIND (`zero-no-soa-ttl`) has no negative answer about SOA kept; RFC 2308 §5 knows no such
        // case.
        let kept = |mut told: Told| {
            if self == Theirs::Bind && rtype == Rtype::SOA && told.1 == Rtype::SOA {
                told.2 = 30;
            }
            told
        };
        let authority = theirs.authority.iter().filter(|r| !own_ns(r)).map(told);
        if set(&ours.authority) != authority.map(kept).collect() {
            return Some("authority".into());
        }
        let (ours, theirs) = (set(&ours.additional), set(&theirs.additional));
        // Addresses that a wildcard stands for, or that lead through it, are left to be asked for.
        let exact = |r: &&Told| zone.get(&r.0, r.1).is_some();
        let theirs: BTreeSet<Told> = theirs.iter().filter(exact).cloned().collect();
        // With a referral BIND sends glue alone, not addresses that the zone answers for itself,
        // which Knot and we do.
        let bare = self == Theirs::Bind && model.kind == Kind::Referral;
        // And what lies below a cut is no glue for it unless a server of the cut has that name.
        let is_sent = |t: &Told| {
            let at = resolve(zone, &t.0, t.1);
            match at.referral {
                Some(ns) => self == Theirs::Knot || ns.targets().any(|name| name == t.0),
                None => !bare,
            }
        };
        let ours: BTreeSet<Told> = ours.into_iter().filter(is_sent).collect();
        (ours != theirs).then(|| "additional".into())
    }
}

/// Where Knot 3.2 answers otherwise than BIND, and we as BIND.
fn knot_ways(zone: &Zone, kind: &Kind) -> bool {
    // NS and DNAME at a wildcard, which RFC 4592 §4.2 and §4.4 leave open: Knot shows the wildcard
    // as owner of the NS, and lets the DNAME stand for names that the wildcard does.
    let open = |r: &RRset| r.name().is_wildcard() && matches!(r.rtype(), Rtype::NS | Rtype::DNAME);
    // A loop: Knot sends what it has with NOERROR. A DNAME that makes too long a name: beside
    // YXDOMAIN it looks for the DNAME's own target, which nobody asked for.
    matches!(kind, Kind::Loop | Kind::TooLong) || zone.iter().any(open)
}

impl Server {
    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Asks all questions, a window of them at a time.
    fn ask(&self, queries: &[Vec<u8>]) -> Vec<Message> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let patience = Duration::from_millis(500);
        socket.set_read_timeout(Some(patience)).unwrap();
        let mut replies: Vec<Option<Message>> = vec![None; queries.len()];
        for from in (0..queries.len()).step_by(64) {
            let window = from..(from + 64).min(queries.len());
            for _ in 0..20 {
                let missing: Vec<usize> =
                    window.clone().filter(|i| replies[*i].is_none()).collect();
                if missing.is_empty() {
                    break;
                }
                for i in &missing {
                    socket.send(&queries[*i]).unwrap();
                }
                let mut buffer = [0; 65_535];
                for _ in &missing {
                    let Ok(len) = socket.recv(&mut buffer) else {
                        break;
                    };
                    let message = Message::parse(&buffer[..len]).unwrap();
                    let i = usize::from(message.id);
                    if window.contains(&i) {
                        replies[i] = Some(message);
                    }
                }
            }
        }
        replies.into_iter().map(|r| r.expect("an answer")).collect()
    }
}

type Told = (Name, Rtype, u32, String);

fn told(record: &Record) -> Told {
    let data = dns::rdata::to_text(record.rtype, &record.data);
    (record.name.clone(), record.rtype, record.ttl, data)
}

fn set(records: &[Record]) -> BTreeSet<Told> {
    records.iter().map(told).collect()
}

/// A query with this id and room for 4 kB.
fn wire(id: usize, name: &Name, rtype: Rtype) -> Vec<u8> {
    let mut octets = Query::new(id as u16, name.clone(), rtype).to_wire();
    let at = octets.len() - 8;
    octets[at..at + 2].copy_from_slice(&4096u16.to_be_bytes());
    octets
}

fn compare(peer: Theirs) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let zones: Vec<(Name, String)> = (0..ZONES)
        .map(|i| {
            (
                Name::absolute(&format!("z{i}.test")).unwrap(),
                random_zone(&mut dice),
            )
        })
        .collect();
    let server = peer.start(&zones);
    let soas: Vec<Vec<u8>> = zones
        .iter()
        .enumerate()
        .map(|(i, z)| wire(i, &z.0, Rtype::SOA))
        .collect();
    let loaded: Vec<bool> = server
        .ask(&soas)
        .iter()
        .map(|m| m.rcode == Rcode::NOERROR && m.flags.authoritative)
        .collect();
    let count = loaded.iter().filter(|l| **l).count();
    assert!(
        count * 10 >= ZONES * 7,
        "only {count} zones loaded:\n{}",
        server.log()
    );
    let (mut asked, mut differences) = (0, Vec::new());
    for ((apex, text), _) in zones.iter().zip(&loaded).filter(|(_, loaded)| **loaded) {
        let zone = read(text, apex);
        let catalog = Catalog::new(b"").with(Arc::new(Generation::new(&zone).unwrap()));
        let questions: Vec<(Name, Rtype)> = names(apex)
            .into_iter()
            .flat_map(|n| TYPES.map(|t| (n.clone(), t)))
            .collect();
        let queries: Vec<Vec<u8>> = questions
            .iter()
            .enumerate()
            .map(|(i, q)| wire(i, &q.0, q.1))
            .collect();
        for (((name, rtype), query), theirs) in
            questions.iter().zip(&queries).zip(server.ask(&queries))
        {
            asked += 1;
            let mut out = Vec::new();
            answer(&catalog, query, Transport::Tcp, &mut out);
            let ours = Message::parse(&out).unwrap();
            if let Some(what) = peer.differs(&zone, name, *rtype, &ours, &theirs) {
                differences.push(format!(
                    "{what}: {name} {rtype}\nours   {ours:?}\ntheirs {theirs:?}\n{text}"
                ));
            }
        }
    }
    let shown = differences
        .iter()
        .step_by(differences.len() / 6 + 1)
        .cloned();
    assert!(
        differences.is_empty(),
        "{} of {asked} answers differ from {peer:?}'s:\n{}",
        differences.len(),
        shown.collect::<Vec<_>>().join("\n\n")
    );
    println!("{asked} answers about {count} zones are those of {peer:?}");
}

#[test]
fn answers_are_those_of_bind() {
    compare(Theirs::Bind);
}

#[test]
fn answers_are_those_of_knot() {
    compare(Theirs::Knot);
}
