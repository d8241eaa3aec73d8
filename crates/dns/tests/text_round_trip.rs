//! Zones and RRsets of all kinds of data come back from their text as they were, and no text,
//! however broken, does worse than being refused.

// A test is a shell: it may have sockets, files and a clock.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods
)]

use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use steadfast_dns::{Change, Name, RRset, Rtype, Zone, zonefile};

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(prop::sample::select(b"ab*-_19".to_vec()), 1..5),
        2 => vec(prop::sample::select(b".\\\"();@$ \t\n\x00\x01\x7f\xc3\xffx".to_vec()), 1..5),
        1 => vec(any::<u8>(), 1..30),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    vec(label(), 0..5).prop_map(|l| Name::from_labels(l.iter().map(Vec::as_slice)).unwrap())
}

fn below(apex: Name) -> impl Strategy<Value = Name> {
    vec(label(), 0..3).prop_map(move |labels| {
        let add = |name: Name, label: &Vec<u8>| name.child(label).unwrap();
        labels.iter().fold(apex.clone(), add)
    })
}

fn string() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![
        vec(any::<u8>(), 0..40),
        vec(prop::sample::select(b"\\\"#;() a=\n\xff".to_vec()), 0..6),
        vec(any::<u8>(), 255),
    ];
    bytes.prop_map(|b| [vec![b.len() as u8], b].concat())
}

/// A type and one datum of it.
fn data() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let bytes = |n: usize| vec(any::<u8>(), n);
    let wire = || name().prop_map(|n| n.to_wire());
    let join = |(a, b): (Vec<u8>, Vec<u8>)| [a, b].concat();
    let param = (prop_oneof![0u16..12, any::<u16>()], vec(any::<u8>(), 0..20));
    let params = prop::collection::btree_map(param.0, param.1, 0..5).prop_map(|params| {
        let one = |(k, v): (u16, Vec<u8>)| {
            [&k.to_be_bytes()[..], &(v.len() as u16).to_be_bytes(), &v].concat()
        };
        params.into_iter().flat_map(one).collect::<Vec<u8>>()
    });
    let alpn = vec(prop_oneof![Just(b"\x02h2".to_vec()), string()], 1..4).prop_map(|ids| {
        let ids = ids.concat();
        [&[0, 1][..], &(ids.len() as u16).to_be_bytes(), &ids].concat()
    });
    let caa = (any::<u8>(), "[a-z0-9]{1,15}", vec(any::<u8>(), 0..40));
    prop_oneof![
        bytes(4).prop_map(|d| (1, d)),
        bytes(16).prop_map(|d| (28, d)),
        (prop::sample::select(vec![2u16, 5, 12, 39]), wire()),
        (bytes(2), wire()).prop_map(join).prop_map(|d| (15, d)),
        (bytes(6), wire()).prop_map(join).prop_map(|d| (33, d)),
        vec(string(), 1..4).prop_map(|s| (16, s.concat())),
        (bytes(4), vec(string(), 3), wire())
            .prop_map(|(f, s, n)| (35, [f, s.concat(), n].concat())),
        caa.prop_map(|(f, t, v)| (257, [vec![f, t.len() as u8], t.into(), v].concat())),
        (bytes(4), vec(any::<u8>(), 0..40))
            .prop_map(join)
            .prop_map(|d| (43, d)),
        (bytes(3), vec(any::<u8>(), 0..40))
            .prop_map(join)
            .prop_map(|d| (52, d)),
        (bytes(2), vec(any::<u8>(), 0..40))
            .prop_map(join)
            .prop_map(|d| (44, d)),
        (
            prop::sample::select(vec![64u16, 65]),
            bytes(2),
            wire(),
            prop_oneof![params, alpn]
        )
            .prop_map(|(t, p, n, s)| (t, [p, n, s].concat())),
        bytes(16).prop_map(|d| (29, d)),
        (wire(), wire(), bytes(20))
            .prop_map(|(m, r, n)| (17u16, [m, r, n].concat()))
            .prop_map(|(_, d)| (6, d)),
        (any::<u16>(), vec(any::<u8>(), 0..60)),
        (1u16..110, vec(any::<u8>(), 0..60)),
    ]
}

/// Types of which a zone has one, and only at a known place, or none.
fn stands_in_zone(rtype: u16) -> bool {
    rtype != 6 && !Rtype(rtype).is_meta()
}

fn rrset(apex: Name) -> impl Strategy<Value = Option<RRset>> {
    (
        below(apex),
        data(),
        vec(data(), 0..8),
        0u32..=i32::MAX as u32,
    )
        .prop_map(|(name, (rtype, first), more, ttl)| {
            let more = more
                .into_iter()
                .filter(|(t, _)| *t == rtype)
                .map(|(_, d)| d);
            let data: Vec<Vec<u8>> = [first].into_iter().chain(more).collect();
            RRset::new(name, Rtype(rtype), ttl, data).ok()
        })
}

fn apex() -> Name {
    Name::absolute("a.example").unwrap()
}

fn zone() -> impl Strategy<Value = Zone> {
    vec(rrset(apex()), 0..12).prop_map(|sets| {
        let mut sets: Vec<RRset> = sets
            .into_iter()
            .flatten()
            .filter(|s| stands_in_zone(s.rtype().0))
            .collect();
        sets.sort_by_key(|s| (s.name().clone(), s.rtype()));
        sets.dedup_by_key(|s| (s.name().clone(), s.rtype()));
        let soa = "$TTL 5\n@ SOA . . 1 1 1 1 1\n";
        let options = zonefile::Options::default();
        let soa = zonefile::parse(
            soa.as_bytes(),
            "soa",
            &apex(),
            &options,
            &mut zonefile::no_includes,
        );
        sets.extend(soa.unwrap().zone.iter().cloned());
        Zone::new(apex(), sets).unwrap()
    })
}

/// Two zones that have much in common: RRsets of the second are the first's, the first's with
/// another TTL or other data, or its own.
fn related() -> impl Strategy<Value = (Zone, Zone)> {
    let choices = vec((0u8..4, any::<prop::sample::Index>(), 0u32..9), 0..16);
    (zone(), zone(), choices).prop_map(|(a, other, choices)| {
        let mut sets = Vec::new();
        for (set, (choice, index, ttl)) in a.iter().zip(&choices) {
            let data: Vec<&[u8]> = set.data().collect();
            let one = [data[index.index(data.len())]];
            match choice {
                0 => {}
                1 => sets.push(set.clone()),
                2 => sets.push(set.with_ttl(*ttl).unwrap()),
                _ => sets.push(RRset::new(set.name().clone(), set.rtype(), *ttl, one).unwrap()),
            }
        }
        sets.extend(other.iter().cloned());
        sets.sort_by_key(|s| (s.name().clone(), s.rtype()));
        sets.dedup_by_key(|s| (s.name().clone(), s.rtype()));
        (a, Zone::new(apex(), sets).unwrap())
    })
}

fn read(text: &[u8]) -> Result<zonefile::Parsed, Vec<zonefile::Problem>> {
    let options = zonefile::Options::default();
    zonefile::parse(text, "z", &apex(), &options, &mut zonefile::no_includes)
}

fn written(zone: &Zone) -> String {
    let mut text = String::new();
    zonefile::write(zone, &mut text).unwrap();
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_zone_comes_back_from_its_text(zone in zone()) {
        let text = written(&zone);
        let parsed = read(text.as_bytes());
        prop_assert!(parsed.is_ok(), "{:?}\n{}", parsed, text);
        prop_assert_eq!(parsed.unwrap().zone, zone, "{}", text);
    }

    /// What differs between two zones makes the one out of the other, and back again.
    #[test]
    fn a_difference_makes_the_one_zone_of_the_other((a, b) in related()) {
        let changes = a.diff(&b);
        prop_assert_eq!(&a.apply(&changes).unwrap(), &b);
        prop_assert_eq!(a.apply(&changes).unwrap().digest(), b.digest());
        let back: Vec<Change> = changes
            .iter()
            .filter_map(|c| Change::new(c.after().cloned(), c.before().cloned()))
            .collect();
        prop_assert_eq!(&back, &b.diff(&a));
        prop_assert_eq!(&b.apply(&back).unwrap(), &a);
        prop_assert_eq!(changes.is_empty(), a == b);
        let order = |pair: &[Change]| (pair[0].name(), pair[0].rtype()) < (pair[1].name(), pair[1].rtype());
        prop_assert!(changes.windows(2).all(order));
        // Not on a zone that holds something else in its place.
        prop_assert!(changes.is_empty() || b.apply(&changes).is_err());
        // The way through JSON, in which plans are stored.
        let json = serde_json::to_string(&changes).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Change>>(&json).unwrap(), changes);
    }

    #[test]
    fn an_rrset_comes_back_from_json(set in rrset(Name::root())) {
        if let Some(set) = set {
            let json = serde_json::to_string(&set).unwrap();
            let back: Result<RRset, _> = serde_json::from_str(&json);
            prop_assert!(back.is_ok(), "{:?} {}", back, json);
            prop_assert_eq!(back.unwrap(), set, "{}", json);
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(bytes in vec(any::<u8>(), 0..400), words in vec("[ \n\t();\"a-c.0-9@$\\\\]{0,6}(SOA|TXT|A|\\$TTL|\\$ORIGIN|IN)?", 0..60)) {
        for text in [bytes, words.concat().into_bytes()] {
            if let Err(problems) = read(&text) {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|p| p.token.chars().count() <= 60 && p.line > 0));
                prop_assert!(problems.iter().all(|p| !p.help.is_empty()), "{:?}", problems);
            }
        }
    }

    #[test]
    fn a_good_file_gone_bad_is_read_or_refused(zone in zone(), cuts in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6)) {
        let mut text = written(&zone).into_bytes();
        for (at, byte, how) in cuts {
            let at = at.index(text.len().max(1));
            match how {
                _ if text.is_empty() => {}
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => text.truncate(at),
            }
        }
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| !p.help.is_empty()), "{:?}", problems);
        }
    }
}

#[test]
fn reading_takes_time_in_proportion_to_the_text() {
    let seeds: [&str; 12] = [
        "(", ")", "\"", "\\", ";", "a ", "( ) ", "\"\" ", "a A 1\n", "a.b.c.\n", "$TTL 1\n", "\r",
    ];
    for seed in seeds {
        let text = format!(
            "@ 1 SOA . . 1 1 1 1 1\n{}",
            seed.repeat(4_000_000 / seed.len())
        );
        let start = Instant::now();
        let _ = read(text.as_bytes());
        // Quadratic time would take hours.
        assert!(start.elapsed() < Duration::from_secs(20), "{seed:?}");
    }
}
