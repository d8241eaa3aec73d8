//! How long a server serves the old records after it accepted new ones.

use crate::fixture::{Fixture, a, start_with, step};
use peers::{Kind, Mode};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// A BIND that signs inline, with this many addresses.
fn signing(hosts: usize) -> Fixture {
    let mut records = String::new();
    for i in 0..hosts {
        writeln!(records, "h{i} 60 A 192.0.2.1").unwrap();
    }
    start_with(Kind::Bind, Mode::InlineSigned, &records)
}

/// Replaces all addresses and the marker; says whether the first reading was of old records, and
/// how long they were served.
fn replaced(fixture: &Fixture, hosts: usize, from: usize) -> (bool, Duration) {
    let to = format!("m{}", from + 1);
    let from = if from == 0 {
        "one".into()
    } else {
        format!("m{from}")
    };
    let mut change = step(&from, &to);
    for i in 0..hosts {
        let address = format!(
            "192.0.2.{}",
            to.len() + to.bytes().map(usize::from).sum::<usize>() % 200
        );
        change = change.replace(a(&format!("h{i}"), &[&address]));
    }
    fixture.accepted(&change);
    let since = Instant::now();
    let stale = fixture.marker() != to;
    fixture.wait_for_marker(&to);
    (stale, since.elapsed())
}

#[test]
fn an_inline_signed_zone_serves_the_old_records_first() {
    let fixture = signing(200);
    let rounds = peers::rounds("updates of 200 records, signed inline", 138) as usize;
    let (mut stale, mut lags) = (0, Vec::new());
    for round in 0..rounds {
        let (old, lag) = replaced(&fixture, 200, round);
        stale += usize::from(old);
        lags.push(lag);
    }
    let (least, most) = (lags.iter().min(), lags.iter().max());
    println!(
        "the first reading was stale in {stale} of {rounds}; old records stood {least:?} to {most:?}"
    );
    assert!(stale * 2 > rounds, "{stale} of {rounds}");
}

#[test]
fn signing_inline_takes_the_longer_the_more_there_is() {
    let (few, many) = (signing(1), signing(1400));
    let one = (0..5).map(|n| replaced(&few, 1, n).1).min().unwrap();
    let all = replaced(&many, 1400, 0).1;
    println!("old records stood {one:?} for one address, {all:?} for 1,400");
    assert!(all > one, "{all:?} for 1,400 and {one:?} for one");
}
