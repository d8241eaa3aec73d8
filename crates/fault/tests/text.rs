//! What is printed is what is read, and what is not of the vocabulary is refused with its fix.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use steadfast_fault::{Fault, Kind, Often, Range, Share, Span, What, Whom, nearest};

fn whom() -> impl Strategy<Value = Whom> {
    let kind = proptest::sample::select(Kind::ALL);
    (kind, 0..3, "[a-z][a-z0-9.-]{0,9}").prop_map(|(kind, form, id)| match form {
        0 => Whom::Any(kind),
        1 => Whom::Every(kind),
        _ => Whom::One(kind, id),
    })
}

fn often() -> impl Strategy<Value = Often> {
    let share = || (0u32..=1_000_000).prop_map(Share::ppm);
    prop_oneof![
        Just(Often::Always),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Often::Times(a.min(b), a.max(b))),
        share().prop_map(Often::Share),
        share().prop_map(Often::UpTo),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let unit = proptest::sample::select(vec![1, 1_000, 60_000, 3_600_000, 86_400_000]);
    (0u64..10_000, unit).prop_map(|(n, unit)| Span(n * unit))
}

fn fault() -> impl Strategy<Value = Fault> {
    let some = proptest::option::of::<BoxedStrategy<Range>>;
    let range = (span(), span()).prop_map(|(a, b)| Range {
        low: a.min(b),
        high: a.max(b),
    });
    let what = proptest::sample::select(What::ALL);
    let when = proptest::option::of((0u64..1_000, 1u64..1_000));
    (
        what,
        whom(),
        proptest::option::of(often()),
        some(range.boxed()),
        when,
    )
        .prop_map(|(what, whom, often, lasts, when)| Fault {
            often,
            lasts,
            from: when.map(|(from, _)| Span(from)),
            until: when.map(|(from, more)| Span(from + more)),
            ..Fault::new(what, whom)
        })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(fault in fault()) {
        let text = fault.to_string();
        prop_assert_eq!(text.parse::<Fault>().unwrap(), fault);
    }

    #[test]
    fn what_is_read_is_printed_as_the_same(span in span(), often in often()) {
        let (a, b) = (span.to_string(), often.to_string());
        prop_assert_eq!(a.parse::<Span>().unwrap().to_string(), a);
        prop_assert_eq!(b.parse::<Often>().unwrap().to_string(), b);
    }

    #[test]
    fn no_text_whatever_is_taken_for_another(text in "\\PC{0,40}") {
        if let Ok(fault) = text.parse::<Fault>() {
            prop_assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
    }
}

#[test]
fn every_word_is_its_own() {
    for what in What::ALL {
        assert_eq!(what.word().parse::<What>().unwrap(), *what);
    }
    let mut words: Vec<&str> = What::ALL.iter().map(|w| w.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), What::ALL.len());
}

#[test]
fn what_is_wrong_is_said_with_its_fix() {
    let said = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
    for (text, wanted) in [
        ("stal any enactor", "did you mean `stall`?"),
        ("stall any enacter", "did you mean `enactor`?"),
        ("stall", "says not whom"),
        ("stall someone", "names nobody"),
        ("stall any enactor, for 5", "is no span of time"),
        ("stall any enactor, for 5s..1s", "write 1s..5s"),
        ("stall any enactor, sometimes", "does not say how often"),
        ("stall any enactor, up to 101%", "is no share"),
        ("stall any enactor, 1%, 2%", "says something twice"),
        (
            "stall any enactor, from 5s, until 5s",
            "ends before it begins",
        ),
        (
            "stall any enactor, for 99999999999999999d",
            "is no span of time",
        ),
    ] {
        assert!(said(text).contains(wanted), "{text}: {}", said(text));
    }
}

#[test]
fn only_slips_are_guessed() {
    assert_eq!(nearest("stalll", ["stall", "crash"]), Some("stall"));
    assert_eq!(nearest("earthquake", ["stall", "crash"]), None);
}
