//! UPDATE: the same random updates sent to BIND and to us, with the same results; the fence; the
//! deadline; and what is left after SIGKILL.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Dice, read};
use dns::message::{Message, Query};
use dns::transfer::Transfer;
use dns::tsig::{Algorithm, Key, TsigError};
use dns::update::{Edit, Prerequisite, Update};
use dns::{Name, RRset, Rcode, Rtype, Zone, zonefile};
use peers::{Kind, PeerBuilder};
use steadfast_serve::{Authority, Config, KeyRights, ZoneConfig};

const ZONE: &str = "example.com";
const SECRET: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBzZXJ2ZQ==";

fn apex() -> Name {
    Name::absolute(ZONE).unwrap()
}

fn name(relative: &str) -> Name {
    Name::parse(relative, &apex()).unwrap()
}

fn key() -> Key {
    Key::from_base64(name("key."), Algorithm::Sha256, SECRET).unwrap()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn zone_text() -> String {
    peers::zone_text(
        ZONE,
        "a A 192.0.2.1\na TXT t\n*.w A 192.0.2.2\nc CNAME a\n_steadfast TXT \"0\"\n",
    )
}

/// A folder that is removed.
struct Folder(PathBuf);

impl Folder {
    fn new(what: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("serve-{what}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn start(state: &Path) -> Authority {
    Authority::start(Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        zones: vec![ZoneConfig {
            zone: read(&zone_text(), &apex()),
            followers: Vec::new(),
        }],
        keys: vec![KeyRights::all(key())],
        state: Some(state.to_owned()),
        workers: Some(1),
        log: |_| {},
        ..Config::default()
    })
    .unwrap()
}

fn exchange(server: SocketAddr, octets: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&[&(octets.len() as u16).to_be_bytes(), octets].concat())?;
    receive(&mut stream)
}

fn receive(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

/// Sends an update decided at `time`; the answer's signature is verified.
fn send_at(
    server: SocketAddr,
    key: &Key,
    update: &Update,
    time: u64,
    fudge: u16,
) -> Result<Rcode, TsigError> {
    let octets = update.to_wire(99, Some(key)).unwrap();
    let signed = key.sign(&octets, time, fudge);
    let answer = exchange(server, &signed.octets).unwrap();
    signed.verifier.verify(&answer, now())?;
    let message = Message::parse(&answer).unwrap();
    update.matches(99, &message).unwrap();
    Ok(message.rcode)
}

fn send(server: SocketAddr, key: &Key, update: &Update) -> Rcode {
    send_at(server, key, update, now(), 300).unwrap()
}

fn transfer(server: SocketAddr, key: &Key) -> Zone {
    let query = Query::new(5, apex(), Rtype::AXFR).to_wire();
    let (octets, mut sequence) = key.sign_sequence(&query, now(), 300);
    let mut stream = TcpStream::connect(server).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
        .write_all(&[&(octets.len() as u16).to_be_bytes(), &octets[..]].concat())
        .unwrap();
    let mut transfer = Transfer::new(5, apex());
    loop {
        let message = receive(&mut stream).unwrap();
        sequence.verify(&message, now()).unwrap();
        if transfer.feed(&message).unwrap() == dns::transfer::Progress::Done {
            sequence.done().unwrap();
            return transfer.finish().unwrap().zone;
        }
    }
}

fn set(owner: &Name, rtype: Rtype, ttl: u32, data: Vec<u8>) -> RRset {
    RRset::new(owner.clone(), rtype, ttl, [data]).unwrap()
}

/// A name as BIND's `check-names` permits: `*` only in front.
fn random_name(dice: &mut Dice) -> Name {
    let relative = dice.relative();
    let (first, rest) = relative.split_at(1);
    name(&format!("{first}{}", rest.replace('*', "x")))
}

/// A random RRset at a random name; some are CNAMEs, some at the apex.
fn random_set(dice: &mut Dice) -> RRset {
    let owner = match dice.below(9) {
        0 => apex(),
        1 => name("c"),
        _ => random_name(dice),
    };
    let ttl = 60 + 60 * dice.below(2) as u32;
    let at_apex = owner == apex();
    match dice.below(6) {
        // BIND refuses an update after which a server of the zone has no address, and leaves out NS
        // at a wildcard without a word (RFC 4592 §4.2 asks to avoid it, RFC 2136 knows no such rule).
        1 if at_apex || owner.is_wildcard() => set(&owner, Rtype::TXT, ttl, vec![1, b'n']),
        0 => set(&owner, Rtype::CNAME, ttl, random_name(dice).to_wire()),
        1 => {
            let server = format!("ns{}.elsewhere.invalid.", dice.below(3));
            set(&owner, Rtype::NS, ttl, name(&server).to_wire())
        }
        2 => set(&owner, Rtype::TXT, ttl, vec![1, b'0' + dice.below(4) as u8]),
        _ => set(&owner, Rtype::A, ttl, vec![192, 0, 2, dice.below(5) as u8]),
    }
}

fn random_update(dice: &mut Dice, zone: &Zone) -> Update {
    let mut update = Update::new(apex());
    let of_server =
        |s: &&RRset| *s.name() == name("ns") || (*s.name() == apex() && s.rtype() == Rtype::NS);
    let soa = |s: &&RRset| s.rtype() == Rtype::SOA;
    let stands: Vec<&RRset> = zone.iter().filter(|s| !soa(s) && !of_server(s)).collect();
    // Half of the time something that stands, while there is something.
    let some = |dice: &mut Dice| match stands.get(dice.below(2 * stands.len() + 1)) {
        Some(set) => (*set).clone(),
        None => random_set(dice),
    };
    for _ in 0..dice.below(3) {
        let set = some(dice);
        let (owner, rtype) = (set.name().clone(), set.rtype());
        let equals = Prerequisite::RRsetEquals(set.clone());
        if update.prerequisites().contains(&equals) {
            // One record twice: BIND counts two, RFC 2136 §3.2.3 speaks of an RRset, which has it
            // once.
            continue;
        }
        update = update.require(match dice.below(9) {
            0 => Prerequisite::NameNotInUse(owner),
            1 => Prerequisite::RRsetAbsent(owner, rtype),
            2 | 3 => Prerequisite::NameInUse(owner),
            4 | 5 => Prerequisite::RRsetExists(owner, rtype),
            _ => equals,
        });
    }
    for _ in 0..1 + dice.below(4) {
        let set = some(dice);
        update = update.edit(match dice.below(8) {
            0 => Edit::DeleteName(set.name().clone()),
            1 => Edit::DeleteRRset(set.name().clone(), set.rtype()),
            2 => Edit::DeleteRecords(set),
            3 => Edit::TryRRset(set),
            _ => Edit::AddRRset(set),
        });
    }
    update
}

/// The content, serial aside.
fn content(zone: &Zone) -> Zone {
    zone.filter(|set| set.rtype() != Rtype::SOA)
}

#[test]
fn random_updates_end_as_on_bind() {
    let bind = PeerBuilder::new(Kind::Bind)
        .zone(ZONE, &zone_text())
        .start();
    let text = std::fs::read_to_string(bind.key_file()).unwrap();
    let secret = text.split('"').nth(3).unwrap();
    let theirs = Key::from_base64(
        name(&format!("{}.", bind.key_name())),
        Algorithm::Sha256,
        secret,
    )
    .unwrap();
    let folder = Folder::new("random");
    let server = start(&folder.0);
    let addr = server.addresses()[0];
    let mut dice = Dice(0x0dd_ba11_cafe_f00d);
    let mut seen = std::collections::BTreeMap::<Rcode, usize>::new();
    for round in 0..peers::rounds("updates", 4_000) {
        let zone = transfer(addr, &key());
        let update = random_update(&mut dice, &zone);
        let (ours, bind_says) = (
            send(addr, &key(), &update),
            send(bind.addr(), &theirs, &update),
        );
        assert_eq!(ours, bind_says, "round {round}: {update:?}\n{zone:?}");
        *seen.entry(ours).or_default() += 1;
        let (after, wanted) = (transfer(addr, &key()), transfer(bind.addr(), &theirs));
        assert_eq!(
            content(&after),
            content(&wanted),
            "round {round}: {update:?}\n{zone:?}"
        );
    }
    println!("{seen:?}");
    for rcode in [
        Rcode::NOERROR,
        Rcode::NXDOMAIN,
        Rcode::YXDOMAIN,
        Rcode::NXRRSET,
        Rcode::YXRRSET,
    ] {
        assert!(seen.contains_key(&rcode), "{rcode} never came: {seen:?}");
    }
}

fn marker(text: &str) -> RRset {
    let data = [&[text.len() as u8], text.as_bytes()].concat();
    set(&name("_steadfast"), Rtype::TXT, 60, data)
}

#[test]
fn of_twelve_writers_with_one_marker_one_wins() {
    let folder = Folder::new("race");
    let server = start(&folder.0);
    let addr = server.addresses()[0];
    for round in 0..20 {
        let barrier = Barrier::new(12);
        let old = if round == 0 {
            "0".to_owned()
        } else {
            read_marker(&server)
        };
        let results: Vec<Rcode> = std::thread::scope(|scope| {
            let write = |i: usize| {
                let update = Update::new(apex())
                    .require(Prerequisite::RRsetEquals(marker(&old)))
                    .replace(marker(&format!("{round}-{i}")))
                    .replace(set(&name("a"), Rtype::A, 60, vec![10, 0, round, i as u8]));
                barrier.wait();
                send(addr, &key(), &update)
            };
            let threads: Vec<_> = (0..12).map(|i| scope.spawn(move || write(i))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let won = results.iter().filter(|r| **r == Rcode::NOERROR).count();
        let lost = results.iter().filter(|r| **r == Rcode::NXRRSET).count();
        assert_eq!((won, lost), (1, 11), "{results:?}");
        let winner = results.iter().position(|r| *r == Rcode::NOERROR).unwrap();
        let catalog = server.catalog();
        let zone = catalog.zone(&apex()).unwrap();
        assert_eq!(read_marker(&server), format!("{round}-{winner}"));
        assert_eq!(
            zone.at(&name("a"))[&Rtype::A].data().next().unwrap(),
            [10, 0, round, winner as u8]
        );
        assert_eq!(
            zone.serial().0,
            2 + u32::from(round),
            "each write is one new serial"
        );
    }
}

fn read_marker(server: &Authority) -> String {
    let catalog = server.catalog();
    let sets = catalog.zone(&apex()).unwrap().at(&name("_steadfast"));
    let data = sets[&Rtype::TXT].data().next().unwrap().to_vec();
    String::from_utf8(data[1..].to_vec()).unwrap()
}

#[test]
fn time_key_and_rights_decide() {
    let folder = Folder::new("rights");
    let server = start(&folder.0);
    let addr = server.addresses()[0];
    let update =
        Update::new(apex()).edit(Edit::AddRRset(set(&name("n"), Rtype::A, 60, vec![1; 4])));
    let late = send_at(addr, &key(), &update, now() - 20, 5).unwrap_err();
    assert!(matches!(late, TsigError::BadTime { .. }), "{late}");
    let stranger = Key::from_base64(name("stranger."), Algorithm::Sha256, SECRET).unwrap();
    let error = send_at(addr, &stranger, &update, now(), 300).unwrap_err();
    assert!(matches!(error, TsigError::BadKey(_)), "{error}");
    let other = Key::from_base64(name("key."), Algorithm::Sha256, "b3RoZXI=").unwrap();
    let error = send_at(addr, &other, &update, now(), 300).unwrap_err();
    assert!(matches!(error, TsigError::BadSig(_)), "{error}");
    let elsewhere = Update::new(name("example.net."));
    assert_eq!(send(addr, &key(), &elsewhere), Rcode::NOTAUTH);
    let outside = Update::new(apex()).edit(Edit::DeleteName(name("example.net.")));
    assert_eq!(send(addr, &key(), &outside), Rcode::NOTZONE);
    let nsec = RRset::new(name("n"), Rtype::NSEC, 60, [name("a").to_wire()]).unwrap();
    let signed = Update::new(apex()).edit(Edit::AddRRset(nsec));
    assert_eq!(
        send(addr, &key(), &signed),
        Rcode::REFUSED,
        "no signed zones"
    );
    assert_eq!(
        server.catalog().zone(&apex()).unwrap().serial().0,
        1,
        "nothing was changed"
    );
    assert_eq!(
        send_at(addr, &key(), &update, now() - 4, 5),
        Ok(Rcode::NOERROR)
    );
}

#[test]
fn nsupdate_and_dig_get_along_with_it() {
    let folder = Folder::new("nsupdate");
    let server = start(&folder.0);
    let addr = server.addresses()[0];
    let mut nsupdate = Command::new("nsupdate")
        .args(["-y", &format!("hmac-sha256:key:{SECRET}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = format!(
        "server 127.0.0.1 {}\nzone {ZONE}\nprereq yxrrset _steadfast.{ZONE} TXT 0\n\
         update add new.{ZONE} 60 A 192.0.2.77\nsend\n",
        addr.port()
    );
    nsupdate
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert!(nsupdate.wait().unwrap().success());
    let key = format!("hmac-sha256:key:{SECRET}");
    let port = addr.port().to_string();
    let dig = |words: &[&str]| {
        let mut dig = Command::new("dig");
        let dig = dig
            .args(["@127.0.0.1", "-p", &port, "-y", &key])
            .args(words);
        String::from_utf8(dig.output().unwrap().stdout).unwrap()
    };
    assert_eq!(dig(&["+short", "new.example.com"]).trim(), "192.0.2.77");
    let whole = dig(&["example.com", "AXFR"]);
    assert!(
        whole.contains("192.0.2.77") && !whole.contains("Couldn't verify"),
        "{whole}"
    );
    let changed = dig(&["example.com", "IXFR=1"]);
    assert!(
        changed.contains("192.0.2.77") && !changed.contains("192.0.2.2"),
        "{changed}"
    );
}

/// Set for the process that [`Process`] starts: the folder it works in.
const FOLDER: &str = "STEADFAST_SERVE_IN";

/// Not a test of its own: what [`Process`] runs, so that there is a process to kill.
#[test]
fn serves_until_killed() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let server = start(Path::new(&folder));
        println!("\nat {}", server.addresses()[0]);
        std::thread::park();
    }
}

/// A server as a process of its own.
struct Process {
    child: Child,
    addr: SocketAddr,
}

impl Process {
    fn start(folder: &Path) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serves_until_killed", "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = lines.find_map(|line| line.unwrap().strip_prefix("at ")?.parse().ok());
        let addr = addr.expect("the server says where it is");
        Process { child, addr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A writer counts a TXT record up until the server is killed, at a random moment. What stands
/// after the restart is the last acknowledged count, or the next one: that was under way.
#[test]
fn after_sigkill_the_last_acknowledged_state_stands() {
    let folder = Folder::new("kill");
    let mut dice = Dice(now() | 1);
    let mut count = 0u32;
    let value = |count: u32| {
        set(
            &name("count"),
            Rtype::TXT,
            60,
            format!("\x0a{count:010}").into_bytes(),
        )
    };
    for round in 0..peers::rounds("kills", 120) {
        let mut server = Process::start(&folder.0);
        if count > 0 {
            let zone = transfer(server.addr, &key());
            let stands = zone.get(&name("count"), Rtype::TXT).unwrap().clone();
            assert!(
                stands == value(count) || stands == value(count + 1),
                "round {round}: {count}, {stands}"
            );
            count += u32::from(stands != value(count));
            // All names written since the beginning are there.
            let written = zone.iter().filter(|set| set.rtype() == Rtype::AAAA).count();
            assert_eq!(written, count as usize);
        }
        let addr = server.addr;
        let writer = std::thread::spawn(move || {
            loop {
                let next = count + 1;
                let filler = set(&name(&format!("f{next}")), Rtype::AAAA, 60, vec![7; 16]);
                let update = Update::new(apex())
                    .replace(value(next))
                    .edit(Edit::AddRRset(filler));
                let octets = update.to_wire(1, Some(&key())).unwrap();
                match exchange(addr, &key().sign(&octets, now(), 300).octets) {
                    Ok(answer) => {
                        assert_eq!(Message::parse(&answer).unwrap().rcode, Rcode::NOERROR)
                    }
                    Err(_) => return count,
                }
                count = next;
            }
        });
        std::thread::sleep(Duration::from_millis(20 + dice.below(200) as u64));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        count = writer.join().unwrap();
    }
    println!("{count} updates acknowledged");
    assert!(count > 50);
}

#[test]
fn a_torn_end_is_cut_off_and_damage_before_it_is_an_error() {
    let folder = Folder::new("torn");
    let server = start(&folder.0);
    for i in 0..3u8 {
        let update =
            Update::new(apex()).edit(Edit::AddRRset(set(&name("t"), Rtype::A, 60, vec![i; 4])));
        assert_eq!(send(server.addresses()[0], &key(), &update), Rcode::NOERROR);
    }
    server.stop();
    let path = folder.0.join(ZONE).join("journal");
    let whole = std::fs::read(&path).unwrap();
    let records = |server: &Authority| {
        server.catalog().zone(&apex()).unwrap().at(&name("t"))[&Rtype::A].len()
    };
    for cut in [1, 5, 30] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(records(&start(&folder.0)), 2);
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(records(&start(&folder.0)), 3);
    let mut damaged = whole.clone();
    damaged[60] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let config = Config {
        zones: vec![ZoneConfig {
            zone: read(&zone_text(), &apex()),
            followers: Vec::new(),
        }],
        state: Some(folder.0.clone()),
        ..Config::default()
    };
    let error = Authority::start(config).map(drop).unwrap_err().to_string();
    assert!(
        error.contains("journal") && error.contains("restore the folder"),
        "{error}"
    );
    assert_eq!(
        std::fs::read(&path).unwrap(),
        damaged,
        "what is damaged is left as it is"
    );
}

#[test]
fn the_text_of_a_zone_file_and_a_transfer_agree() {
    let folder = Folder::new("agree");
    let server = start(&folder.0);
    let mut text = String::new();
    zonefile::write(&transfer(server.addresses()[0], &key()), &mut text).unwrap();
    assert_eq!(read(&text, &apex()), read(&zone_text(), &apex()));
}
