//! The October race, told: as small as it gets, lane by lane, with the swap that would have saved
//! the name.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_sim::explain::{Difference, explain, render};
use steadfast_sim::kit::Kit;
use steadfast_sim::october::october;
use steadfast_sim::shrink::shrink;
use steadfast_sim::trace::{Trace, hex};

#[test]
fn october_is_told_in_a_few_lines() {
    let kit = Kit::NO_FENCE;
    let whole = Trace::of(&october(Kit::NO_FENCE).outcome, "october", None, "no-fence");
    let small = shrink(kit, &whole, 20_000).unwrap().trace;
    assert!(whole.lines.len() > 60);
    assert!(small.lines.len() <= 12, "{}", small.text());
    assert_eq!(small.header.violation, whole.header.violation);
    let again = kit.again(&Trace::read(&small.text()).unwrap());
    assert_eq!(hex(again.hash), small.header.hash);
    assert_eq!(Kit::FULL.again(&small).violation, None);
    let story = explain(kit, &small);
    // The stopped write and the way back: the other way round nothing is lost.
    assert!(
        matches!(story.difference, Some(Difference::Swap(..))),
        "{story:?}"
    );
    insta::assert_snapshot!(format!("{}\n{}", small.text(), render(&story, 130)));
}

#[test]
fn a_whole_trace_is_made_small_before_it_is_told() {
    let kit = Kit::NO_FENCE;
    let whole = Trace::of(&october(Kit::NO_FENCE).outcome, "october", None, "no-fence");
    let story = explain(kit, &whole);
    assert!(
        story.events.0 > 60 && story.events.1 <= 12,
        "{:?}",
        story.events
    );
    assert!(story.rows.iter().any(|r| r.text.contains("with nothing")));
}
