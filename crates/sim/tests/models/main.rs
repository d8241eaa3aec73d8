//! The server models against the servers: random UPDATEs to both, the same answer and the same
//! content afterwards, or the model is wrong. `STEADFAST_SOAK=1` sends twenty times as many.
//!
//! Needs BIND, Knot and PowerDNS. They run on loopback, each with a folder of its own.
// A test is a shell: it may have sockets, files and a clock.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    missing_docs
)]

mod random;
mod wire;

use peers::{Kind, Mode, Peer, PeerBuilder, zone_text};
use random::Random;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use steadfast_sim::naive::{self, End};
use steadfast_sim::server::{Habit, Records, update};
use wire::Talk;

const ZONE: &str = "example.com";
const RECORDS: &str = "\
a 60 A 192.0.2.1
a 60 A 192.0.2.2
b 60 CNAME a
*.w 60 A 192.0.2.3
x.y 60 TXT \"one\"
d 60 NS ns.d
ns.d 60 A 192.0.2.9
";

fn peer(habit: Habit) -> Peer {
    let (kind, mode) = match habit {
        Habit::Bind => (Kind::Bind, Mode::Plain),
        Habit::BindSigned => (Kind::Bind, Mode::Signed),
        Habit::BindInline => (Kind::Bind, Mode::InlineSigned),
        Habit::Knot => (Kind::Knot, Mode::Plain),
        Habit::KnotSigned => (Kind::Knot, Mode::Signed),
        Habit::PowerDns => (Kind::PowerDns, Mode::Plain),
    };
    let text = zone_text(ZONE, RECORDS);
    let builder = PeerBuilder::new(kind).mode(mode).zone(ZONE, &text);
    let peer = builder
        .open_transfer()
        .ready_within(Duration::from_secs(60))
        .start();
    if kind == Kind::PowerDns {
        // It writes the notified serial once, and answers SERVFAIL to who comes between.
        let deadline = Instant::now() + Duration::from_secs(5);
        while !peer.log_tail().contains("Request to queue notification")
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    peer
}

/// How many updates, of so many in CI.
fn rounds(ci: u32) -> u32 {
    match std::env::var_os("STEADFAST_SOAK") {
        Some(_) => ci * 20,
        None => ci,
    }
}

/// Waits until the server shows what the model says; signers show it a little later.
fn settle(talk: &Talk, model: &Records, habit: Habit) -> Records {
    let patience = if habit == Habit::BindInline {
        1_000
    } else {
        100
    };
    let deadline = Instant::now() + Duration::from_millis(patience);
    loop {
        let shown = talk.records();
        if same(&shown, model, habit) || Instant::now() > deadline {
            return shown;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Equal, but for what signers do to the serial and their own.
fn same(shown: &Records, model: &Records, habit: Habit) -> bool {
    differences(shown, model, habit).is_empty()
}

fn differences(shown: &Records, model: &Records, habit: Habit) -> String {
    let mut out = String::new();
    let keys: std::collections::BTreeSet<_> = shown.keys().chain(model.keys()).collect();
    for key in keys {
        let (is, should) = (shown.get(key), model.get(key));
        let signed = key.1 == dns::Rtype::SOA && habit.signs();
        let dated = habit == Habit::PowerDns && is_of_another_day(is, should);
        if signed || dated {
            continue;
        }
        if is != should {
            let text = |s: Option<&dns::RRset>| {
                s.map_or("nothing".into(), |s| format!("{} {:?}", s.ttl(), s.texts()))
            };
            let _ = writeln!(
                out,
                "    {} {}: server {}, model {}",
                key.0,
                key.1,
                text(is),
                text(should)
            );
        }
    }
    out
}

/// PowerDNS makes the serial of a day's first update from the date, which the model does not know.
fn is_of_another_day(is: Option<&dns::RRset>, should: Option<&dns::RRset>) -> bool {
    let day = |set: Option<&dns::RRset>| Some(dns::Soa::from_rrset(set?).ok()?.serial.0 / 100);
    day(is) > day(should) && day(is) > Some(20_000_000)
}

/// What the model does not know: BIND that signs its dynamic zone fails at times, and changes
/// nothing, where a delegation goes whose names below held data.
fn unmodelled(habit: Habit, rcode: dns::Rcode, edits: &[dns::Edit]) -> bool {
    let undelegates = edits
        .iter()
        .any(|edit| matches!(edit, dns::Edit::DeleteRRset(_, rtype) if *rtype == dns::Rtype::NS));
    habit == Habit::BindSigned && rcode == dns::Rcode::SERVFAIL && undelegates
}

/// Asks for addresses; says what the oracle's resolver thinks otherwise.
fn resolves(peer: &Peer, zone: &Records, apex: &dns::Name, random: &mut Random) -> Option<String> {
    let (name, family) = random.question();
    let answer = peer.ask(&name.to_string(), &family.to_string());
    let end = naive::end(zone, apex, &name, family);
    let (some, refers) = (
        answer.serves(&name.to_string(), &family.to_string()),
        !answer.authoritative,
    );
    let agrees = match end {
        End::Address => some,
        End::Nothing => !some && !refers,
        // A delegation at the end of an alias leaves the AA bit of the alias.
        End::Elsewhere => !some && (refers || !answer.records.is_empty()) && answer.rcode == 0,
    };
    (!agrees).then(|| format!("{name} {family}: {end:?}, the server {answer:?}\n{zone:#?}"))
}

/// An UPDATE and the zone that it met, for people.
fn told(require: &[dns::Prerequisite], edits: &[dns::Edit], records: &Records) -> String {
    let mut text = String::new();
    for one in require {
        let _ = writeln!(text, "    if {}", random::prerequisite(one));
    }
    for one in edits {
        let _ = writeln!(text, "    do {}", random::edit(one));
    }
    for ((name, rtype), set) in records {
        let few: Vec<String> = set.texts().into_iter().take(5).collect();
        let _ = writeln!(text, "    was {name} {} {rtype} {few:?}", set.ttl());
    }
    text
}

fn compare(habit: Habit, ci: u32, seed: u64) {
    let peer = peer(habit);
    let talk = Talk::new(&peer, ZONE);
    let mut records = settle(&talk, &Records::new(), habit);
    let mut random = Random::new(seed, ZONE, habit);
    let (mut agreed, mut refused, mut strange, mut wrong) = (0, 0, 0, Vec::new());
    let mut answers = Vec::new();
    let mut last = String::new();
    let rounds = rounds(ci);
    for round in 0..rounds {
        let (require, edits) = random.update(&records);
        let expected = update(&records, talk.apex(), habit, &require, &edits);
        let rcode = talk.update(&require, &edits);
        let (should, next) = match expected {
            Ok(next) => (dns::Rcode::NOERROR, next),
            Err(rcode) => (rcode, records.clone()),
        };
        refused += u32::from(should != dns::Rcode::NOERROR);
        let shown = settle(&talk, &next, habit);
        if unmodelled(habit, rcode, &edits) {
            strange += 1;
        } else if rcode == should && same(&shown, &next, habit) {
            agreed += 1;
        } else {
            let mut text = format!(
                "round {round}: server {rcode}, model {should}\n{}{last}",
                differences(&shown, &next, habit)
            );
            text.push_str(&told(&require, &edits, &records));
            wrong.push(text);
        }
        records = shown;
        last = String::new();
        for one in &edits {
            let _ = writeln!(last, "    before did {}", random::edit(one));
        }
        if habit == Habit::Bind {
            answers.extend((0..3).map(|_| resolves(&peer, &records, talk.apex(), &mut random)));
        }
        if wrong.len() >= 30 {
            break;
        }
    }
    let asked = answers.len();
    wrong.extend(answers.into_iter().flatten());
    println!(
        "{}: {asked} questions answered as the naive resolver says",
        habit.name()
    );
    println!(
        "{}: {agreed} of {rounds} agreed, {refused} of them refused, {strange} not modelled",
        habit.name()
    );
    wrong.sort_by_key(String::len);
    assert!(
        wrong.is_empty(),
        "{}: {} differ\n{}",
        habit.name(),
        wrong.len(),
        wrong.iter().take(4).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn bind() {
    compare(Habit::Bind, 300, 1);
}

#[test]
fn bind_signed() {
    compare(Habit::BindSigned, 300, 2);
}

#[test]
fn bind_inline() {
    compare(Habit::BindInline, 150, 3);
}

#[test]
fn knot() {
    compare(Habit::Knot, 300, 4);
}

#[test]
fn knot_signed() {
    compare(Habit::KnotSigned, 300, 5);
}

#[test]
fn powerdns() {
    compare(Habit::PowerDns, 300, 6);
}

/// What no random UPDATE shows: whose clock counts, and whose key.
#[test]
fn a_time_and_a_key_are_compared_by_every_server() {
    for habit in Habit::ALL {
        let peer = peer(habit);
        let talk = Talk::new(&peer, ZONE);
        let mut random = Random::new(7, ZONE, habit);
        let edits = vec![random.address("late")];
        // Whole seconds: at the edge of the fudge it is in time.
        for (ahead, fudge, in_time) in [
            (-20, 5, false),
            (20, 5, false),
            (-3, 10, true),
            (3, 10, true),
        ] {
            let rcode = talk.update_at(&[], &edits, ahead, fudge);
            let expected = match (in_time, habit) {
                (true, _) => dns::Rcode::NOERROR,
                (false, Habit::PowerDns) => dns::Rcode::REFUSED,
                (false, _) => dns::Rcode::NOTAUTH,
            };
            assert_eq!(rcode, expected, "{} {ahead} {fudge}", habit.name());
        }
        for file in [peer.wrong_secret_key_file(), peer.unknown_key_file()] {
            let rcode = talk.with_key(&file).update(&[], &edits);
            let expected = if habit == Habit::PowerDns {
                dns::Rcode::REFUSED
            } else {
                dns::Rcode::NOTAUTH
            };
            assert_eq!(rcode, expected, "{}", habit.name());
        }
    }
}
