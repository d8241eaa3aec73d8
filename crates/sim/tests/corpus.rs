//! The corpus: failures of the past stay mended, and what showed the need of a safeguard still does.
// Tests read files; the world never does.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use steadfast_sim::corpus::{Verdict, judge};
use steadfast_sim::kit::Kit;
use steadfast_sim::mutants;
use steadfast_sim::trace::Trace;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/corpus");

#[test]
fn every_trace_holds() {
    let mut count = 0;
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let trace = Trace::read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mutant = mutants::named(&trace.header.without).unwrap();
        let verdict = judge(&trace, mutant.kit);
        assert_eq!(verdict, Verdict::Holds, "{}", path.display());
        assert!(trace.lines.len() <= 12, "{}", path.display());
        count += 1;
    }
    assert!(count >= 10, "only {count} traces");
}

/// A called-off write was over by the clock of who decided, not by everybody's: a server whose
/// clock was four seconds behind took it after the freeze had been said to be complete. Mended by
/// counting until it is over by anybody's clock; found by the exploration.
#[test]
fn a_clock_that_is_behind_takes_the_write_and_the_freeze_knows() {
    let path = format!("{FOLDER}/own-clock-behind-a-freeze.trace");
    let trace = Trace::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    let outcome = Kit::FULL.again(&trace);
    assert_eq!(outcome.violation, None);
    // Planted, and then the write that came late by everybody's clock but the server's.
    assert_eq!((outcome.stats.accepted, outcome.stats.late), (2, 0));
}

/// A header that says nothing was broken shows nothing, and another number is said.
#[test]
fn a_trace_that_never_broke_anything_is_said_and_so_is_another_number() {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("{FOLDER}/{name}.trace")).unwrap();
        Trace::read(&text).unwrap()
    };
    let mut idle = read("own-clock-behind-a-freeze");
    idle.header.violation = None;
    let verdict = judge(&idle, Kit::FULL);
    assert!(matches!(verdict, Verdict::Toothless(_)), "{verdict}");
    let mut other = read("october");
    let kit = mutants::named(&other.header.without).unwrap().kit;
    assert_eq!(judge(&other, kit), Verdict::Holds);
    other.header.hash = "0".repeat(16);
    let verdict = judge(&other, kit);
    assert!(verdict.is_good() && verdict != Verdict::Holds, "{verdict}");
}
