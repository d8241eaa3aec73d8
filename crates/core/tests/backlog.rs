//! A backlog that is caught up with ends where one that is replayed ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use dns::{Change, Name, RRset, Rtype, Zone};
use proptest::prelude::*;
use std::collections::BTreeMap;
use steadfast_core::guards::{Finding, Moment, Verdict};
use steadfast_core::plan::compose::{Base, Edit, Fate, Wish, compose};

/// Owner and type of an RRset, as small numbers.
type Key = (u8, u8);
/// What stands: a value where there is an RRset.
type Content = BTreeMap<Key, u8>;

/// An RRset that nobody may write.
const FORBIDDEN: u8 = 3;
const TYPES: [Rtype; 2] = [Rtype::A, Rtype::TXT];

#[derive(Clone, Debug)]
struct One {
    key: Key,
    /// `None`: whatever stands is replaced.
    base: Option<Option<u8>>,
    after: Option<u8>,
}

fn one() -> impl Strategy<Value = One> {
    let value = || prop::option::weighted(0.8, 0..4u8);
    let base = prop::option::weighted(0.3, value());
    ((0..3u8, 0..2u8), base, value()).prop_map(|(key, base, after)| One { key, base, after })
}

fn backlog() -> impl Strategy<Value = Vec<Vec<One>>> {
    let edits = prop::collection::vec(one(), 1..3).prop_map(|mut edits| {
        edits.sort_by_key(|e| e.key);
        edits.dedup_by_key(|e| e.key);
        edits
    });
    prop::collection::vec(edits, 1..14)
}

/// One after the other, in the order in which they came: what stands in the end, and who got what
/// they asked for.
fn replayed(backlog: &[Vec<One>]) -> (Content, Vec<bool>) {
    let mut content = Content::new();
    let mut got = Vec::new();
    for wish in backlog {
        let fits = |e: &One| e.base.is_none_or(|b| b.as_ref() == content.get(&e.key));
        let changes = |e: &One| e.after.as_ref() != content.get(&e.key);
        let forbidden = |e: &One| changes(e) && e.after == Some(FORBIDDEN);
        let may = wish.iter().all(fits) && !wish.iter().any(forbidden);
        got.push(may);
        if may {
            for edit in wish {
                match edit.after {
                    Some(value) => drop(content.insert(edit.key, value)),
                    None => drop(content.remove(&edit.key)),
                }
            }
        }
    }
    (content, got)
}

fn name(owner: u8) -> Name {
    Name::absolute(&format!("n{owner}.example.com")).unwrap()
}

fn rrset(key: Key, value: u8) -> RRset {
    let data = match key.1 {
        0 => vec![192, 0, 2, value],
        _ => vec![1, b'0' + value],
    };
    RRset::new(name(key.0), TYPES[usize::from(key.1)], 60, [data]).unwrap()
}

fn wish(edits: &[One]) -> Wish {
    let edit = |e: &One| Edit {
        name: name(e.key.0),
        rtype: TYPES[usize::from(e.key.1)],
        base: match e.base {
            None => Base::Anything,
            Some(base) => Base::Is(base.map(|v| rrset(e.key, v))),
        },
        after: e.after.map(|v| rrset(e.key, v)),
    };
    Wish::new(edits.iter().map(edit).collect()).unwrap()
}

fn judge(changes: Vec<Change>) -> Result<Vec<Change>, Vec<Finding>> {
    let forbidden = |c: &Change| {
        let after = c.after().into_iter().flat_map(RRset::data);
        after
            .into_iter()
            .any(|d| d == [192, 0, 2, FORBIDDEN] || d == [1, b'0' + FORBIDDEN])
    };
    if !changes.iter().any(forbidden) {
        return Ok(changes);
    }
    Err(vec![Finding {
        guard: "test".into(),
        verdict: Verdict::Refuse,
        moment: Moment::Plan,
        name: name(0),
        rtype: None,
        why: "forbidden".into(),
        fix: String::new(),
    }])
}

/// As the intake does: compose, write, and again with those who wait. What stands in the end, what
/// became of each, and how often something was written.
fn caught_up(backlog: &[Vec<One>], most: usize) -> (Zone, Vec<Fate>, usize) {
    let apex = Name::absolute("example.com").unwrap();
    let mut held = Zone::new(apex, Vec::new()).unwrap();
    let wishes: Vec<Wish> = backlog.iter().map(|edits| wish(edits)).collect();
    let mut fates = vec![Fate::Waits; wishes.len()];
    let mut written = 0;
    loop {
        let waiting: Vec<usize> = (0..wishes.len())
            .filter(|i| fates[*i] == Fate::Waits)
            .collect();
        if waiting.is_empty() {
            return (held, fates, written);
        }
        let line: Vec<&Wish> = waiting.iter().map(|i| &wishes[*i]).collect();
        let composed = compose(&held, &line, most, judge);
        let travel = composed.fates.iter().filter(|f| **f == Fate::Travels);
        assert!(travel.count() <= most);
        assert!(
            composed.fates.iter().any(|f| *f != Fate::Waits),
            "nothing is decided"
        );
        if let Some(changes) = composed.passed {
            held = held.apply(&changes).unwrap();
            written += 1;
        }
        for (i, fate) in waiting.into_iter().zip(composed.fates) {
            fates[i] = fate;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn it_ends_where_a_replay_ends(backlog in backlog(), most in 1..5usize) {
        let (content, got) = replayed(&backlog);
        let (held, fates, _) = caught_up(&backlog, most);
        let mut stands = Content::new();
        for owner in 0..3 {
            for rtype in 0..2u8 {
                let key = (owner, rtype);
                let there = held.get(&name(owner), TYPES[usize::from(rtype)]);
                let value = (0..4).find(|v| there == Some(&rrset(key, *v)));
                stands.extend(value.map(|v| (key, v)));
            }
        }
        prop_assert_eq!(&stands, &content, "{:?}", fates);
        for (fate, got) in fates.iter().zip(got) {
            match fate {
                Fate::Travels | Fate::There => prop_assert!(got, "{:?}", fates),
                Fate::Moved(..) | Fate::Refused(_) => prop_assert!(!got, "{:?}", fates),
                // Whether it would have passed is nobody's business any more.
                Fate::Overtaken => {}
                Fate::Waits => prop_assert!(false),
            }
        }
    }
}

#[test]
fn ten_thousand_for_one_name_are_one_write() {
    let value = |i: u32| u8::try_from(i % 3).unwrap();
    let one = |i: u32| One {
        key: (0, 0),
        base: None,
        after: Some(value(i)),
    };
    let backlog: Vec<Vec<One>> = (0..10_000).map(|i| vec![one(i)]).collect();
    let (held, fates, written) = caught_up(&backlog, 1_000);
    assert_eq!(written, 1);
    assert_eq!(
        held.get(&name(0), Rtype::A),
        Some(&rrset((0, 0), value(9_999)))
    );
    assert_eq!(fates.last(), Some(&Fate::Travels));
    assert!(fates[..9_999].iter().all(|f| *f == Fate::Overtaken));
}
