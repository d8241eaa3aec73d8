//! Answers of the index compared with the plain model in `dns::resolve`, on random zones before and
//! after random changes; and that no octets make it panic.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{Dice, TYPES, names, random_zone, read};
use dns::message::{Message, Query, Record};
use dns::resolve::{Kind, resolve};
use dns::{Change, Name, RRset, Rcode, Rtype, Zone};
use steadfast_serve::{Catalog, Generation, Outcome, Transport, answer};

fn ask(catalog: &Catalog, query: &[u8], transport: Transport) -> Message {
    let mut out = Vec::new();
    assert_eq!(answer(catalog, query, transport, &mut out), Outcome::Reply);
    Message::parse(&out).unwrap_or_else(|e| panic!("{e}: {out:x?}"))
}

/// The RRsets of a section, sorted.
fn rrsets(records: &[Record]) -> Vec<RRset> {
    type Data = (u32, Vec<Vec<u8>>);
    let mut sets: BTreeMap<(Name, Rtype), Data> = BTreeMap::new();
    for record in records {
        let set = sets.entry((record.name.clone(), record.rtype)).or_default();
        set.0 = record.ttl;
        assert!(!set.1.contains(&record.data), "{record:?} is there twice");
        set.1.push(record.data.clone());
    }
    sets.into_iter()
        .map(|((name, rtype), (ttl, data))| RRset::new(name, rtype, ttl, data).unwrap())
        .collect()
}

fn sorted(sets: impl IntoIterator<Item = RRset>) -> Vec<RRset> {
    let mut sets: Vec<RRset> = sets.into_iter().collect();
    sets.sort();
    sets
}

/// Every question about the zone, answered by both.
fn compare(zone: &Zone, catalog: &Catalog) -> usize {
    let soa = zone.get(zone.apex(), Rtype::SOA).unwrap();
    let negative = soa.with_ttl(30).unwrap();
    let mut asked = 0;
    for name in names(zone.apex()) {
        for rtype in TYPES {
            asked += 1;
            let query = Query::new(7, name.clone(), rtype);
            let message = ask(catalog, &query.to_wire(), Transport::Tcp);
            let told = format!("{name} {rtype}\n{message:?}\n{zone:?}");
            query.matches(&message).unwrap();
            let model = resolve(zone, &name, rtype);
            assert_eq!(message.rcode, model.rcode, "{told}");
            assert_eq!(
                rrsets(&message.answer),
                sorted(model.chain.clone()),
                "{told}"
            );
            let authority = match model.kind {
                Kind::Referral => model.referral.clone(),
                Kind::NoData | Kind::NxDomain => Some(negative.clone()),
                Kind::Data | Kind::LeavesZone | Kind::TooLong | Kind::Loop => None,
            };
            assert_eq!(rrsets(&message.authority), sorted(authority), "{told}");
            let authoritative = model.kind != Kind::Referral || !model.chain.is_empty();
            assert_eq!(message.flags.authoritative, authoritative, "{told}");
            assert!(!message.flags.truncated, "{told}");
        }
    }
    asked
}

fn catalog(generation: Generation) -> Catalog {
    Catalog::new(b"here").with(generation.into())
}

#[test]
fn answers_are_those_of_the_model_before_and_after_changes() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let apex = Name::absolute("z.test").unwrap();
    let mut asked = 0;
    for _ in 0..peers::rounds("zones that change", 600) {
        let mut zone = read(&random_zone(&mut dice), &apex);
        let mut generation = Generation::new(&zone).unwrap();
        for _ in 0..3 {
            assert_eq!(generation.to_zone().unwrap(), zone);
            asked += compare(&zone, &catalog(generation.clone()));
            let other = read(&random_zone(&mut dice), &apex);
            // Some of the way to another random zone: owners whole, so that no CNAME is beside data.
            let changes: Vec<Change> = zone.diff(&other);
            let mut owners: Vec<Name> = changes.iter().map(|c| c.name().clone()).collect();
            owners.dedup();
            owners.retain(|_| dice.below(2) == 0);
            let some: Vec<Change> = changes
                .into_iter()
                .filter(|c| owners.contains(c.name()))
                .collect();
            zone = zone.apply(&some).unwrap();
            generation = generation.apply(&some).unwrap();
            assert_eq!(generation.names(), Generation::new(&zone).unwrap().names());
        }
    }
    println!("{asked} answers are those of the model");
}

#[test]
fn a_zone_that_grows_and_shrinks_keeps_every_name() {
    let apex = Name::absolute("z.test").unwrap();
    let mut zone = read("@ 60 SOA ns a 1 1 1 1 1\n@ 60 NS ns\n", &apex);
    let mut generation = Generation::new(&zone).unwrap();
    let host = |i: u32| {
        let name = Name::parse(&format!("h{i}.s{}", i % 7), &apex).unwrap();
        RRset::new(name, Rtype::A, 60, [i.to_be_bytes()]).unwrap()
    };
    for step in 0..40u32 {
        let all = (step * 100..(step + 1) * 100).map(host);
        let changes: Vec<Change> = all
            .map(|set| Change::new(None, Some(set)).unwrap())
            .collect();
        zone = zone.apply(&changes).unwrap();
        generation = generation.apply(&changes).unwrap();
    }
    assert_eq!(generation.to_zone().unwrap(), zone);
    assert_eq!(generation.names(), 1 + 7 + 4000);
    let gone: Vec<Change> = (0..4000)
        .map(|i| Change::new(Some(host(i)), None).unwrap())
        .collect();
    let before = generation.clone();
    generation = generation.apply(&gone).unwrap();
    assert_eq!(generation.names(), 1);
    assert_eq!(
        before.to_zone().unwrap(),
        zone,
        "an older generation stays as it was"
    );
    let twice = generation.apply(&gone).unwrap_err().to_string();
    assert!(twice.contains("is not what the change expects"), "{twice}");
}

fn example(records: &str) -> Catalog {
    let apex = Name::absolute("example.com").unwrap();
    let text =
        format!("$TTL 60\n@ SOA ns hostmaster 77 60 60 60 30\n@ NS ns\nns A 192.0.2.1\n{records}");
    catalog(Generation::new(&read(&text, &apex)).unwrap())
}

fn query(name: &str, rtype: Rtype) -> Query {
    Query::new(9, Name::absolute(name).unwrap(), rtype)
}

/// A query with these EDNS version, size and options.
fn with_options(query: &Query, version: u8, size: u16, options: &[u8]) -> Vec<u8> {
    let mut octets = query.to_wire();
    octets.truncate(octets.len() - 11);
    let [s0, s1] = size.to_be_bytes();
    octets.extend([0, 0, 41, s0, s1, 0, version, 0, 0, 0, options.len() as u8]);
    octets.extend(options);
    octets
}

#[test]
fn what_is_not_ours_is_refused_and_what_is_malformed_is_said_to_be() {
    let catalog = example("");
    let rcode = |octets: &[u8]| ask(&catalog, octets, Transport::Udp).rcode;
    let plain = query("ns.example.com", Rtype::A);
    assert_eq!(
        rcode(&query("example.net", Rtype::A).to_wire()),
        Rcode::REFUSED
    );
    assert_eq!(
        rcode(&query("xexample.com", Rtype::A).to_wire()),
        Rcode::REFUSED
    );
    assert_eq!(
        rcode(&query("example.com", Rtype(253)).to_wire()),
        Rcode::NOTIMP
    );
    assert_eq!(rcode(&with_options(&plain, 1, 1232, &[])), Rcode::BADVERS);
    assert_eq!(
        rcode(&with_options(&plain, 0, 1232, &[0, 3, 0, 9])),
        Rcode::FORMERR
    );
    let mut chaos = plain.to_wire();
    let class = 12 + plain.name.wire_len() + 3;
    chaos[class] = 3;
    assert_eq!(rcode(&chaos), Rcode::REFUSED);
    let mut opcode = plain.to_wire();
    opcode[2] |= 2 << 3;
    assert_eq!(rcode(&opcode), Rcode::NOTIMP);
    let mut two = plain.to_wire();
    two[5] = 2;
    assert_eq!(rcode(&two), Rcode::FORMERR);
    let mut tail = plain.to_wire();
    tail.push(0);
    assert_eq!(rcode(&tail), Rcode::FORMERR);
    let mut out = Vec::new();
    let mut reply = plain.to_wire();
    reply[2] |= 0x80;
    let silent = |octets: &[u8], out: &mut Vec<u8>| answer(&catalog, octets, Transport::Udp, out);
    assert_eq!(silent(&reply, &mut out), Outcome::Silence);
    assert_eq!(silent(&reply[..11], &mut out), Outcome::Silence);
}

#[test]
fn flags_case_nsid_and_zone_version_come_back() {
    let catalog = example("");
    let mut plain = query("ns.example.com", Rtype::A);
    plain.recursion_desired = true;
    plain.dnssec_ok = true;
    plain.nsid = true;
    let mut octets = plain.to_wire();
    octets[13] = b'N';
    let mut out = Vec::new();
    answer(&catalog, &octets, Transport::Udp, &mut out);
    assert_eq!(out[13], b'N', "the question comes back as it was asked");
    let message = Message::parse(&out).unwrap();
    assert!(message.flags.recursion_desired && !message.flags.recursion_available);
    let edns = message.edns.unwrap();
    assert!(edns.dnssec_ok && edns.udp_size == 1232);
    assert_eq!(edns.nsid.as_deref(), Some(&b"here"[..]));
    // RFC 9660: two labels, type 0, the serial.
    let octets = with_options(&query("x.example.com", Rtype::A), 0, 1232, &[0, 19, 0, 0]);
    answer(&catalog, &octets, Transport::Udp, &mut out);
    assert!(out.ends_with(&[0, 19, 0, 6, 2, 0, 0, 0, 0, 77]), "{out:x?}");
    let octets = with_options(&query("x.example.net", Rtype::A), 0, 1232, &[0, 19, 0, 0]);
    answer(&catalog, &octets, Transport::Udp, &mut out);
    assert!(
        out.ends_with(&[0, 0]),
        "no version of a zone that is not ours"
    );
}

#[test]
fn nothing_over_udp_is_longer_than_permitted() {
    let many: String = (0..70).map(|i| format!("many A 192.0.2.{i}\n")).collect();
    let delegation: String = (0..12)
        .map(|i| format!("sub NS n{i}.sub\nn{i}.sub A 192.0.2.{i}\nn{i}.sub AAAA 2001:db8::{i}\n"))
        .collect();
    let catalog = example(&format!("{many}{delegation}mx MX 1 many\n"));
    let at = |name: &str, rtype, size: u16, transport| {
        let octets = with_options(&query(name, rtype), 0, size, &[]);
        let mut out = Vec::new();
        answer(&catalog, &octets, transport, &mut out);
        (Message::parse(&out).unwrap(), out.len())
    };
    for size in [0, 300, 512, 600, 1232, 4096, 65_535] {
        let limit = usize::from(size.clamp(512, 1232));
        for name in ["many.example.com", "mx.example.com", "x.sub.example.com"] {
            let rtype = if name.starts_with("mx") {
                Rtype::MX
            } else {
                Rtype::A
            };
            let (message, len) = at(name, rtype, size, Transport::Udp);
            assert!(len <= limit, "{name}: {len} octets, {limit} permitted");
            let whole = at(name, rtype, size, Transport::Tcp).0;
            assert!(!whole.flags.truncated);
            if !message.flags.truncated {
                assert_eq!(message.answer, whole.answer);
                assert_eq!(message.authority, whole.authority);
            }
        }
    }
    let (short, _) = at("many.example.com", Rtype::A, 512, Transport::Udp);
    assert!(short.flags.truncated && short.answer.is_empty());
    let (whole, _) = at("many.example.com", Rtype::A, 512, Transport::Tcp);
    assert_eq!(whole.answer.len(), 70);
    // RFC 9471: glue that does not fit makes the referral truncated.
    let (referral, _) = at("x.sub.example.com", Rtype::A, 512, Transport::Udp);
    assert!(referral.flags.truncated && referral.authority.len() == 12);
    // Addresses of an MX are a courtesy.
    let (mx, _) = at("mx.example.com", Rtype::MX, 512, Transport::Udp);
    assert!(!mx.flags.truncated && mx.answer.len() == 1 && mx.additional.is_empty());
}

#[test]
fn any_is_answered_with_one_rrset() {
    let catalog = example("both A 192.0.2.9\nboth TXT t\nalias CNAME both\n");
    let any = |name: &str| ask(&catalog, &query(name, Rtype::ANY).to_wire(), Transport::Tcp);
    assert_eq!(any("both.example.com").answer.len(), 1);
    assert_eq!(any("alias.example.com").answer[0].rtype, Rtype::CNAME);
    assert_eq!(any("none.example.com").rcode, Rcode::NXDOMAIN);
}

#[test]
fn ds_at_a_cut_between_our_zones_is_the_parents() {
    let child = Name::absolute("sub.example.com").unwrap();
    let text = "$TTL 60\n@ SOA ns hostmaster 5 60 60 60 30\n@ NS ns\nns A 192.0.2.2\n";
    let child = Generation::new(&read(text, &child)).unwrap();
    let both = example("sub NS ns.sub\nsub DS 1 8 2 00\n").with(child.into());
    let ds = ask(
        &both,
        &query("sub.example.com", Rtype::DS).to_wire(),
        Transport::Udp,
    );
    assert_eq!(ds.answer.len(), 1);
    let ns = ask(
        &both,
        &query("sub.example.com", Rtype::NS).to_wire(),
        Transport::Udp,
    );
    assert!(ns.flags.authoritative && ns.answer.len() == 1);
}

#[test]
fn zones_that_cannot_be_served_are_refused_by_name() {
    let apex = Name::absolute("example.com").unwrap();
    let refused = |text: &str| Generation::new(&read(text, &apex)).unwrap_err().to_string();
    let soa = "@ 60 SOA ns a 1 1 1 1 1\n";
    let none = Generation::new(&Zone::empty(apex.clone())).unwrap_err();
    assert_eq!(
        none.to_string(),
        "zone example.com.: 0 SOA records at the apex where one belongs (RFC 1035 §5.2); give it one"
    );
    let signed = refused(&format!("{soa}a 60 NSEC b A\n"));
    assert!(
        signed.contains("zone example.com. is signed (a.example.com. has NSEC)"),
        "{signed}"
    );
}

#[test]
fn no_octets_make_it_panic() {
    let many: String = (0..70).map(|i| format!("many A 192.0.2.{i}\n")).collect();
    let catalog = example(&format!(
        "{many}d DNAME example.com.\nl CNAME l\nsub NS n.sub\nn.sub A 192.0.2.3\n*.w MX 1 many\n"
    ));
    let mut dice = Dice(0xfeed_beef_1234_5677);
    let seeds: Vec<Vec<u8>> = ["many", "x.d", "l", "a.sub", "q.w", "no", "@"]
        .iter()
        .map(|name| {
            let name = Name::parse(name, &Name::absolute("example.com").unwrap()).unwrap();
            let mut query = Query::new(1, name, Rtype::A);
            query.nsid = true;
            query.to_wire()
        })
        .collect();
    let (mut out, mut replies) = (Vec::new(), 0);
    let rounds = peers::rounds("packets", 2_000_000);
    for _ in 0..rounds {
        let mut octets = seeds[dice.below(seeds.len())].clone();
        for _ in 0..dice.below(6) {
            let at = dice.below(octets.len());
            match dice.below(4) {
                0 => octets[at] = dice.below(256) as u8,
                1 => octets[at] ^= 1 << dice.below(8),
                2 => octets.truncate(at.max(1)),
                _ => octets.insert(at, dice.below(256) as u8),
            }
        }
        if answer(&catalog, &octets, Transport::Udp, &mut out) == Outcome::Reply {
            replies += 1;
            assert!(out.len() <= 1232 && out[2] & 0x80 != 0);
            Message::parse(&out).unwrap_or_else(|e| panic!("{e}: {octets:x?} {out:x?}"));
        }
    }
    assert!(replies > rounds / 10);
}
