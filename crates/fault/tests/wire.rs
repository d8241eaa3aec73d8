//! Faults on the wire: what is printed is what is read, what is wrong names its field, and nothing
//! is hit once the time is over.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use std::net::IpAddr;
use steadfast_fault::{Answer, LONGEST, OnWire, SLOWEST, Share, Span};

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Timeout),
        Just(Answer::ServFail),
        Just(Answer::Refused),
        Just(Answer::NxDomain),
        any::<bool>().prop_map(|soa| Answer::NoData { soa }),
        any::<IpAddr>().prop_map(Answer::WrongAddress),
        (1..=SLOWEST.0).prop_map(|by| Answer::Delay(Span(by))),
    ]
}

fn fault() -> impl Strategy<Value = OnWire> {
    let name = proptest::option::of("(\\*\\*\\.)?[a-z][a-z0-9-]{0,9}\\.example");
    let types = proptest::sample::subsequence(vec!["A", "AAAA", "TXT", "TYPE65"], 0..4);
    let lasts = (1_000..=LONGEST.0).prop_map(Span);
    let share = (1u32..=1_000_000).prop_map(Share::ppm);
    let from = (0..=LONGEST.0).prop_map(Span);
    let when = (from, lasts);
    (answer(), name, types, share, when).prop_map(|(answer, name, types, share, (from, lasts))| {
        OnWire {
            answer,
            name,
            types: types.into_iter().map(str::to_owned).collect(),
            share,
            from,
            lasts,
        }
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(fault in fault()) {
        let text = fault.to_string();
        prop_assert_eq!(text.parse::<OnWire>().unwrap(), fault);
    }

    /// The order of the fields does not count.
    #[test]
    fn fields_stand_in_any_order(fault in fault(), turn in 0usize..9) {
        let text = fault.to_string();
        let (word, fields) = text.split_once(' ').unwrap();
        let mut fields: Vec<&str> = fields.split(' ').collect();
        let middle = turn % fields.len();
        fields.rotate_left(middle);
        let turned = format!("{word} {}", fields.join("  "));
        prop_assert_eq!(turned.parse::<OnWire>().unwrap(), fault);
    }

    /// D1: at its end and ever after, whatever is drawn.
    #[test]
    fn nothing_is_hit_after_the_end(fault in fault(), after in any::<u64>(), draw in any::<u32>()) {
        let elapsed = Span(fault.end().0.saturating_add(after));
        prop_assert!(!fault.hits(elapsed, draw));
        prop_assert_eq!(fault.left(elapsed), Span(0));
    }

    #[test]
    fn before_its_end_the_share_is_hit(fault in fault(), at in any::<u64>(), from in 0u32..1_000_000) {
        let elapsed = Span(fault.from.0 + at % fault.lasts.0);
        prop_assert_eq!(fault.hits(elapsed, from), from < fault.share.in_ppm());
        prop_assert!(fault.left(elapsed) > Span(0));
    }

    /// Nor before its beginning.
    #[test]
    fn nothing_is_hit_before_the_beginning(fault in fault(), at in any::<u64>(), draw in any::<u32>()) {
        prop_assume!(fault.from > Span(0));
        prop_assert!(!fault.hits(Span(at % fault.from.0), draw));
    }

    /// Any text is read or refused.
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,60}", tail in "( [a-z]{1,5}=[^ ]{0,9}){0,4}") {
        for text in [text.clone(), format!("nodata{tail}"), format!("delay {text}{tail}")] {
            if let Err(odd) = text.parse::<OnWire>() {
                prop_assert!(!odd.message.is_empty() && !odd.help.is_empty());
            }
        }
    }
}

#[track_caller]
fn refused(text: &str, message: &str, help: &str) {
    let odd = text.parse::<OnWire>().unwrap_err();
    assert!(odd.message.contains(message), "{text:?}: {odd}");
    assert!(odd.help.contains(help), "{text:?}: {odd}");
}

#[test]
fn what_is_wrong_names_the_field_the_rule_and_the_fix() {
    for (text, message, help) in [
        (
            "",
            "no fault on the wire is called ``",
            "there are: timeout, servfail",
        ),
        (
            "nodate for=1m",
            "no fault on the wire is called `nodate`",
            "did you mean `nodata`?",
        ),
        (
            "nodata",
            "for: is missing; a fault without an end is an outage",
            "for=10m",
        ),
        (
            "nodata for=0s",
            "for: 0s is not between 1s and 1d",
            "1d at most",
        ),
        (
            "nodata for=2d",
            "for: 2d is not between 1s and 1d",
            "1d at most",
        ),
        (
            "nodata for=ever",
            "for: `ever` is no span of time",
            "a whole number with its unit",
        ),
        ("nodata for", "for: has no value", "write `for=`"),
        ("nodata for=1m for=2m", "for: is there twice", "two faults"),
        (
            "nodata fore=1m",
            "no field is called `fore`",
            "did you mean `for=`?",
        ),
        (
            "nodata share=120% for=1m",
            "share: `120%` is no share",
            "between 0% and 100%",
        ),
    ] {
        refused(text, message, help);
    }
    refused(
        "nodata from=2d for=1m",
        "from: 2d is more than 1d",
        "when it is needed",
    );
}

#[test]
fn what_one_word_takes_another_does_not() {
    for (text, message, help) in [
        (
            "nodata share=0% for=1m",
            "share: 0% is no fault",
            "more than 0%",
        ),
        (
            "nodata soa=maybe for=1m",
            "soa: `maybe` is neither yes nor no",
            "soa=no",
        ),
        (
            "servfail soa=no for=1m",
            "soa: means nothing with `servfail`",
            "leave it out",
        ),
        (
            "servfail to=10.0.0.1 for=1m",
            "to: means nothing with `servfail`",
            "leave it out",
        ),
        ("wrong-address for=1m", "to: is missing", "to=10.0.0.1"),
        (
            "wrong-address to=here for=1m",
            "to: `here` is no address",
            "to=10.0.0.1",
        ),
        ("delay for=1m", "by: is missing", "by=800ms"),
        (
            "delay by=2m for=10m",
            "by: 2m is not between 1ms and 1m",
            "`timeout`",
        ),
        (
            "nodata type=A,A for=1m",
            "type: `A` is no type, or there twice",
            "type=A,AAAA",
        ),
        (
            "nodata type=A, for=1m",
            "type: `` is no type, or there twice",
            "type=A,AAAA",
        ),
    ] {
        refused(text, message, help);
    }
}
