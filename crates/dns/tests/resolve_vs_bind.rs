//! Asks BIND every question about random zones and compares each answer with ours.
//!
//! Needs `named` (Debian: bind9). It runs on loopback with a folder of its own.

// A test is a shell: it may have sockets, files and a clock.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use steadfast_dns::resolve::{Answer, Kind, resolve};
use steadfast_dns::{Name, RRset, Rtype, Zone, zonefile};

const ZONES: usize = 260;
const TYPES: [Rtype; 8] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::CNAME,
    Rtype::TXT,
    Rtype::NS,
    Rtype::MX,
    Rtype::DS,
    Rtype::DNAME,
];

/// A small generator of numbers (xorshift), so that each run asks the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn relative(&mut self) -> String {
        let depth = 1 + self.below(3);
        let labels: Vec<&str> = (0..depth)
            .map(|_| self.pick(&["a", "b", "*", "w"]))
            .collect();
        labels.join(".")
    }

    fn target(&mut self) -> String {
        match self.below(8) {
            0 => "x.elsewhere.invalid.".into(),
            1 => "@".into(),
            _ => self.relative(),
        }
    }
}

fn random_zone(dice: &mut Dice) -> String {
    let mut text =
        "$TTL 60\n@ SOA ns.invalid. admin.invalid. 1 60 60 60 60\n@ NS ns.invalid.\n".to_owned();
    if dice.below(8) == 0 {
        let _ = writeln!(text, "@ DNAME {}", dice.target());
    }
    let mut taken = BTreeSet::new();
    for _ in 0..1 + dice.below(12) {
        let owner = dice.relative();
        if !taken.insert(owner.clone()) {
            continue;
        }
        match dice.below(9) {
            0..=2 => {
                let _ = writeln!(text, "{owner} CNAME {}", dice.target());
                continue;
            }
            3 => {
                // Some so long that what they make is too long (YXDOMAIN).
                let label = "l".repeat(63);
                let target = match dice.below(4) {
                    0 => format!("{label}.{label}.{label}.{}", "m".repeat(46 + dice.below(5))),
                    _ => dice.target(),
                };
                let _ = writeln!(text, "{owner} DNAME {target}");
            }
            4 => {
                let _ = writeln!(
                    text,
                    "{owner} NS ns.elsewhere.invalid.\n{owner} NS {}",
                    dice.target()
                );
                if dice.below(2) == 0 {
                    let _ = writeln!(text, "{owner} DS 1 8 2 {}", "ab".repeat(32));
                }
            }
            _ => {}
        }
        if dice.below(2) == 0 {
            let _ = writeln!(text, "{owner} A 192.0.2.{}", dice.below(9));
            let _ = writeln!(text, "{owner} MX 1 {}", dice.target());
        }
        if dice.below(3) == 0 {
            let _ = writeln!(text, "{owner} AAAA 2001:db8::{}", dice.below(9));
            let _ = writeln!(text, "{owner} TXT \"{}\"", dice.below(9));
        }
    }
    text
}

/// All names over the alphabet down to three labels, one label more than the zones use.
fn names(apex: &Name) -> Vec<Name> {
    let mut all = vec![apex.clone()];
    let mut last = all.clone();
    for _ in 0..3 {
        let with =
            |name: &Name| ["a", "b", "*", "w", "c"].map(|l| name.child(l.as_bytes()).unwrap());
        last = last.iter().flat_map(with).collect();
        all.extend(last.iter().cloned());
    }
    all
}

struct Named {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Named {
    fn start(zones: &[(Name, String)]) -> Named {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dir = std::env::temp_dir().join(format!("resolve-vs-bind-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut conf = format!(
            "options {{ directory \"{}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
             recursion no; pid-file none; session-keyfile \"session.key\"; notify no; dnssec-validation no;\n\
             minimal-responses no; check-integrity no; max-udp-size 4096; check-names primary ignore; empty-zones-enable no; }};\n\
             controls {{ }};\n",
            dir.display()
        );
        for (i, (apex, text)) in zones.iter().enumerate() {
            std::fs::write(dir.join(format!("{i}.zone")), text).unwrap();
            let _ = writeln!(
                conf,
                "zone \"{apex}\" {{ type primary; file \"{i}.zone\"; }};"
            );
        }
        std::fs::write(dir.join("named.conf"), conf).unwrap();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let child = Command::new("/usr/sbin/named")
            .args(["-g", "-n", "1", "-c"])
            .arg(dir.join("named.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("named is needed to compare with (Debian: bind9)");
        let named = Named { child, dir, port };
        let start = Instant::now();
        let running = || {
            std::fs::read_to_string(named.dir.join("log"))
                .unwrap_or_default()
                .contains(" running")
        };
        while !running() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{}",
                std::fs::read_to_string(named.dir.join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        named
    }

    /// Asks all questions, a window of them at a time.
    fn ask(&self, questions: &[(Name, Rtype)]) -> Vec<Reply> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let mut replies: Vec<Option<Reply>> = questions.iter().map(|_| None).collect();
        for window in (0..questions.len()).collect::<Vec<_>>().chunks(64) {
            for _ in 0..20 {
                let missing: Vec<usize> = window
                    .iter()
                    .copied()
                    .filter(|i| replies[*i].is_none())
                    .collect();
                if missing.is_empty() {
                    break;
                }
                for i in &missing {
                    let (name, rtype) = &questions[*i];
                    let mut query = (*i as u16).to_be_bytes().to_vec();
                    query.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
                    name.write_wire(&mut query);
                    query.extend(rtype.0.to_be_bytes());
                    // Class IN, and EDNS with room for 4 kB.
                    query.extend([0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
                    socket.send(&query).unwrap();
                }
                let mut buffer = [0; 65_535];
                for _ in &missing {
                    let Ok(len) = socket.recv(&mut buffer) else {
                        break;
                    };
                    let id = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
                    if let Some(i) = window.iter().find(|i| **i % 65_536 == id) {
                        replies[*i] = Some(Reply::read(&buffer[..len]));
                    }
                }
            }
        }
        replies
            .into_iter()
            .map(|r| r.expect("named answers"))
            .collect()
    }
}

type Record = (Name, Rtype, String);

#[derive(Debug)]
struct Reply {
    rcode: u8,
    authoritative: bool,
    answer: BTreeSet<Record>,
    authority: BTreeSet<Record>,
}

impl Reply {
    fn read(message: &[u8]) -> Reply {
        let count = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
        assert_eq!(message[2] & 2, 0, "truncated");
        let (_, at) = read_name(message, 12);
        let mut at = at + 4;
        let mut section = |n: usize| (0..n).map(|_| read_record(message, &mut at)).collect();
        let answer = section(count(6));
        let authority = section(count(8));
        Reply {
            rcode: message[3] & 15,
            authoritative: message[2] & 4 != 0,
            answer,
            authority,
        }
    }
}

fn read_name(message: &[u8], mut at: usize) -> (Name, usize) {
    let mut labels: Vec<&[u8]> = Vec::new();
    let mut end = None;
    loop {
        let len = usize::from(message[at]);
        if len >= 0xc0 {
            end = end.or(Some(at + 2));
            at = (len & 0x3f) << 8 | usize::from(message[at + 1]);
        } else if len == 0 {
            return (Name::from_labels(labels).unwrap(), end.unwrap_or(at + 1));
        } else {
            labels.push(&message[at + 1..at + 1 + len]);
            at += 1 + len;
        }
    }
}

fn read_record(message: &[u8], at: &mut usize) -> Record {
    let (name, front) = read_name(message, *at);
    let u16_at = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    let rtype = Rtype(u16_at(front));
    let (start, len) = (front + 10, usize::from(u16_at(front + 8)));
    *at = start + len;
    let names_at = match rtype {
        Rtype::CNAME | Rtype::NS | Rtype::DNAME => Some(0),
        Rtype::MX => Some(2),
        Rtype::SOA => return (name, rtype, String::new()),
        _ => None,
    };
    let mut data = message[start..start + names_at.unwrap_or(len)].to_vec();
    if let Some(skip) = names_at {
        read_name(message, start + skip).0.write_wire(&mut data);
    }
    (name, rtype, steadfast_dns::rdata::to_text(rtype, &data))
}

fn records<'a>(sets: impl IntoIterator<Item = &'a RRset>) -> BTreeSet<Record> {
    let one = |set: &RRset| {
        let (name, rtype) = (set.name().clone(), set.rtype());
        set.texts()
            .into_iter()
            .map(move |t| (name.clone(), rtype, t))
            .collect::<Vec<_>>()
    };
    sets.into_iter().flat_map(one).collect()
}

/// What BIND and we answer differently, if anything.
fn difference(apex: &Name, ours: &Answer, theirs: &Reply) -> Option<&'static str> {
    if ours.rcode.0 != u16::from(theirs.rcode) {
        return Some("rcode");
    }
    if records(&ours.chain) != theirs.answer {
        return Some("answer");
    }
    let delegates = |(name, rtype, _): &&Record| *rtype == Rtype::NS && name != apex;
    let ns: BTreeSet<Record> = theirs.authority.iter().filter(delegates).cloned().collect();
    if records(&ours.referral) != ns {
        return Some("referral");
    }
    let authoritative = !ours.chain.is_empty() || ours.kind != Kind::Referral;
    (authoritative != theirs.authoritative).then_some("AA")
}

fn read(text: &str, apex: &Name) -> Zone {
    let options = zonefile::Options::default();
    zonefile::parse(
        text.as_bytes(),
        "random",
        apex,
        &options,
        &mut zonefile::no_includes,
    )
    .unwrap()
    .zone
}

#[test]
fn answers_are_those_of_bind() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let zones: Vec<(Name, String)> = (0..ZONES)
        .map(|i| {
            (
                Name::absolute(&format!("z{i}.test")).unwrap(),
                random_zone(&mut dice),
            )
        })
        .collect();
    let named = Named::start(&zones);
    let soas: Vec<(Name, Rtype)> = zones
        .iter()
        .map(|(apex, _)| (apex.clone(), Rtype::SOA))
        .collect();
    let loaded: Vec<bool> = named
        .ask(&soas)
        .iter()
        .map(|r| r.rcode == 0 && r.authoritative)
        .collect();
    let count = loaded.iter().filter(|l| **l).count();
    let log = std::fs::read_to_string(named.dir.join("log")).unwrap();
    assert!(count >= 200, "only {count} zones loaded:\n{log}");
    let (mut asked, mut differences) = (0, Vec::new());
    let mut seen = BTreeSet::new();
    for ((apex, text), _) in zones.iter().zip(&loaded).filter(|(_, loaded)| **loaded) {
        let zone = read(text, apex);
        let questions: Vec<(Name, Rtype)> = names(apex)
            .into_iter()
            .flat_map(|n| TYPES.map(|t| (n.clone(), t)))
            .collect();
        for ((name, rtype), theirs) in questions.iter().zip(named.ask(&questions)) {
            asked += 1;
            let ours = resolve(&zone, name, *rtype);
            seen.insert(format!("{:?}", ours.kind));
            if let Some(what) = difference(apex, &ours, &theirs) {
                differences.push(format!(
                    "{what}: {name} {rtype}\nours   {ours:?}\ntheirs {theirs:?}\n{text}"
                ));
            }
        }
    }
    assert_eq!(
        seen.len(),
        7,
        "a kind of answer was never asked for: {seen:?}"
    );
    let kinds: std::collections::BTreeMap<&str, usize> =
        differences.iter().fold(Default::default(), |mut m, d| {
            *m.entry(d.split(':').next().unwrap()).or_default() += 1;
            m
        });
    assert!(
        differences.is_empty(),
        "{} of {asked} answers differ {kinds:?}:\n{}",
        differences.len(),
        differences
            .iter()
            .step_by(differences.len() / 6 + 1)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
    println!("{asked} answers about {count} zones are those of BIND");
}
