//! BIND, Knot and NSD as followers, from Debian's packages: told by NOTIFY, fed by IXFR and AXFR,
//! signed by TSIG, through many generations; in the end every one has the same zone.
//!
//! Needs named (bind9), knotd (knot) and nsd.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{Dice, read};
use dns::message::{Message, Query};
use dns::transfer::{Progress, Transfer};
use dns::tsig::{Algorithm, Key};
use dns::update::{Edit, Update};
use dns::{Name, RRset, Rcode, Rtype, Soa, Zone};
use steadfast_serve::{Authority, Config, Follower, KeyRights, ZoneConfig};

const ZONE: &str = "example.com";
const SECRET: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBzZXJ2ZQ==";

fn apex() -> Name {
    Name::absolute(ZONE).unwrap()
}

fn key() -> Key {
    Key::from_base64(Name::absolute("key").unwrap(), Algorithm::Sha256, SECRET).unwrap()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A follower's process and folder.
struct Server {
    what: &'static str,
    child: Child,
    dir: PathBuf,
    addr: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server {
    fn start(what: &'static str, port: u16, primary: u16, way: Way) -> Server {
        let dir = std::env::temp_dir().join(format!(
            "serve-{what}-{way:?}-{port}-{}",
            std::process::id()
        ));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("db")).unwrap();
        let conf = dir.join("conf");
        let shown = dir.to_str().unwrap();
        let (program, text) = match what {
            "bind" => ("/usr/sbin/named", bind(shown, port, primary, way)),
            "knot" => ("/usr/sbin/knotd", knot(shown, port, primary)),
            _ => ("/usr/sbin/nsd", nsd(shown, port, primary, way)),
        };
        std::fs::write(&conf, text).unwrap();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(program);
        match what {
            "bind" => command.args(["-g", "-n", "1", "-c"]),
            "nsd" => command.args(["-d", "-c"]),
            _ => command.arg("-c"),
        };
        let output = log.try_clone().unwrap();
        let command = command
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(log);
        let child = command.spawn().expect("Debian: bind9, knot, nsd");
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        Server {
            what,
            child,
            dir,
            addr,
        }
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn serial(&self) -> Option<u32> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        socket.connect(self.addr).unwrap();
        socket
            .send(&Query::new(3, apex(), Rtype::SOA).to_wire())
            .ok()?;
        let mut buffer = [0; 1500];
        let len = socket.recv(&mut buffer).ok()?;
        let message = Message::parse(&buffer[..len]).ok()?;
        Some(Soa::from_wire(&message.answer.first()?.data)?.serial.0)
    }

    /// Knot fetches the whole zone.
    fn retransfer(&self) {
        let mut command = Command::new("/usr/sbin/knotc");
        let command = command.arg("-s").arg(self.dir.join("knot.sock"));
        let ended = command.args(["zone-retransfer", ZONE]).output().unwrap();
        assert!(ended.status.success(), "{ended:?}\n{}", self.log());
    }

    /// Waits until it has that serial.
    fn wait(&self, serial: u32, patience: Duration) {
        let start = Instant::now();
        while self.serial() != Some(serial) {
            let told = || {
                format!(
                    "{} has {:?}, not {serial}:\n{}",
                    self.what,
                    self.serial(),
                    self.log()
                )
            };
            assert!(start.elapsed() < patience, "{}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn bind(dir: &str, port: u16, primary: u16, way: Way) -> String {
    let ixfr = if way == Way::Changes { "yes" } else { "no" };
    format!(
        "key \"key\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n\
         options {{ directory \"{dir}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         recursion no; pid-file none; session-keyfile \"session.key\"; notify no; dnssec-validation no;\n\
         empty-zones-enable no; min-refresh-time 1; }};\ncontrols {{ }};\n\
         zone \"{ZONE}\" {{ type secondary; file \"zone\"; primaries {{ 127.0.0.1 port {primary} key \"key\"; }};\n\
         request-ixfr {ixfr}; allow-transfer {{ key \"key\"; }}; }};\n"
    )
}

fn knot(dir: &str, port: u16, primary: u16) -> String {
    format!(
        "server:\n  rundir: \"{dir}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\ncontrol:\n  listen: \"{dir}/knot.sock\"\n\
         database:\n  storage: \"{dir}/db\"\n\
         key:\n  - id: key\n    algorithm: hmac-sha256\n    secret: \"{SECRET}\"\n\
         remote:\n  - id: primary\n    address: 127.0.0.1@{primary}\n    key: key\n\
         acl:\n  - id: from\n    address: 127.0.0.1\n    action: notify\n  - id: out\n    key: key\n    action: [transfer, notify]\n\
         zone:\n  - domain: {ZONE}\n    master: primary\n    acl: [from, out]\n    zonefile-sync: -1\n"
    )
}

/// NSD backs off after a transfer that a later NOTIFY overtook; here for a second at most.
fn nsd(dir: &str, port: u16, primary: u16, way: Way) -> String {
    let whole = if way == Way::Whole { "AXFR " } else { "" };
    format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  zonesdir: \"{dir}\"\n  database: \"\"\n\
           pidfile: \"\"\n  xfrdfile: \"{dir}/xfrd.state\"\n  xfrdir: \"{dir}\"\n  zonelistfile: \"{dir}/zone.list\"\n\
           xfrd-reload-timeout: 0\n\
         remote-control:\n  control-enable: no\n\
         key:\n  name: \"key\"\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\n\
         zone:\n  name: \"{ZONE}\"\n  zonefile: \"zone\"\n  allow-notify: 127.0.0.1 NOKEY\n\
           request-xfr: {whole}127.0.0.1@{primary} key\n  provide-xfr: 127.0.0.1 key\n\
           max-refresh-time: 1\n  max-retry-time: 1\n"
    )
}

fn exchange(server: SocketAddr, octets: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let len = (octets.len() as u16).to_be_bytes();
    stream.write_all(&[&len, octets].concat()).unwrap();
    stream
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets).unwrap();
    octets
}

fn transfer(server: SocketAddr) -> Zone {
    let query = Query::new(5, apex(), Rtype::AXFR).to_wire();
    let (octets, mut sequence) = key().sign_sequence(&query, now(), 300);
    let mut stream = exchange(server, &octets);
    let mut transfer = Transfer::new(5, apex());
    loop {
        let message = receive(&mut stream);
        sequence.verify(&message, now()).unwrap();
        if transfer.feed(&message).unwrap() == Progress::Done {
            return transfer.finish().unwrap().zone;
        }
    }
}

fn random_update(dice: &mut Dice) -> Update {
    let mut update = Update::new(apex());
    for _ in 0..1 + dice.below(5) {
        let owner = Name::parse(&format!("h{}", dice.below(60)), &apex()).unwrap();
        let ttl = 60 + dice.below(3) as u32;
        let a = RRset::new(
            owner.clone(),
            Rtype::A,
            ttl,
            [[10, 0, 0, dice.below(9) as u8]],
        )
        .unwrap();
        let mx = [&[0, 1][..], &owner.to_wire()].concat();
        update = match dice.below(5) {
            0 => update.edit(Edit::DeleteName(owner)),
            1 => update.edit(Edit::DeleteRecords(a)),
            2 => update.replace(RRset::new(owner, Rtype::MX, ttl, [mx]).unwrap()),
            _ => update.edit(Edit::AddRRset(a)),
        };
    }
    update
}

fn start(state: &Path, followers: &[u16]) -> Authority {
    // So many names that a whole transfer takes many messages.
    let many: String = (0..3000)
        .map(|i| format!("many{i} TXT \"{i} {}\"\n", "x".repeat(40)))
        .collect();
    let text = peers::zone_text(ZONE, &many).replace("3600 600", "2 2");
    let follower = |port: &u16| Follower {
        address: (Ipv4Addr::LOCALHOST, *port).into(),
        key: None,
    };
    Authority::start(Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        zones: vec![ZoneConfig {
            zone: read(&text, &apex()),
            followers: followers.iter().map(follower).collect(),
        }],
        keys: vec![KeyRights::all(key())],
        state: Some(state.to_owned()),
        workers: Some(1),
        log: |_| {},
        ..Config::default()
    })
    .unwrap()
}

#[test]
fn bind_knot_and_nsd_follow_through_many_generations() {
    follow(Way::Changes);
}

/// The same by AXFR alone: BIND and NSD are told to ask for nothing else; Knot, which has no such
/// setting, is told each time to fetch the zone anew.
#[test]
fn bind_knot_and_nsd_follow_by_whole_zones_too() {
    follow(Way::Whole);
}

/// What followers ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Changes,
    Whole,
}

fn follow(way: Way) {
    let state = std::env::temp_dir().join(format!("serve-{way:?}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&state);
    let ports = [free_port(), free_port(), free_port()];
    let primary = start(&state, &ports);
    let addr = primary.addresses()[0];
    let whats = ["bind", "knot", "nsd"];
    let followers: Vec<Server> = whats
        .iter()
        .zip(ports)
        .map(|(what, port)| Server::start(what, port, addr.port(), way))
        .collect();
    let serial = || primary.catalog().zone(&apex()).unwrap().serial().0;
    // The whole zone first.
    for follower in &followers {
        follower.wait(serial(), Duration::from_secs(30));
    }
    let mut dice = Dice(0x00c0_ffee_1234_5679);
    let generations = peers::rounds(&format!("generations, {way:?}"), 2_500);
    let mut sent = 0_usize;
    while serial() < generations {
        let update = random_update(&mut dice).to_wire(1, Some(&key())).unwrap();
        let signed = key().sign(&update, now(), 300);
        let answer = receive(&mut exchange(addr, &signed.octets));
        assert_eq!(Message::parse(&answer).unwrap().rcode, Rcode::NOERROR);
        sent += 1;
        if sent.is_multiple_of(50) {
            // Now and then all catch up, so that there are many transfers.
            if way == Way::Whole {
                followers[1].retransfer();
            }
            for follower in &followers {
                follower.wait(serial(), Duration::from_secs(30));
            }
        }
    }
    let last = transfer(addr);
    assert_eq!(
        last,
        primary.catalog().zone(&apex()).unwrap().to_zone().unwrap()
    );
    for follower in &followers {
        follower.wait(serial(), Duration::from_secs(30));
        assert_eq!(transfer(follower.addr), last, "{}", follower.what);
    }
    // Where they say so, they came in that way.
    let log = |i: usize| std::fs::read_to_string(followers[i].dir.join("log")).unwrap();
    let words = match way {
        Way::Changes => "IXFR, incoming",
        Way::Whole => "AXFR, incoming",
    };
    assert!(log(1).matches(words).count() >= sent / 50, "{}", log(1));
    if way == Way::Whole {
        assert!(!log(0).contains("IXFR"), "{}", log(0));
    }
    drop(followers);
    primary.stop();
    // A follower that was away longer than the server can tell gets the whole zone.
    let again = start(&state, &[]);
    let late = Server::start("knot", free_port(), again.addresses()[0].port(), way);
    late.wait(
        again.catalog().zone(&apex()).unwrap().serial().0,
        Duration::from_secs(30),
    );
    assert_eq!(transfer(late.addr), last);
    let _ = std::fs::remove_dir_all(&state);
}
