//! What must hold of the trace of a past failure: with every safeguard nothing breaks, and without
//! the one that its header names the same invariant still does. A trace of a failure with every
//! safeguard is of a fault of our own, mended since.

use crate::kit::Kit;
use crate::trace::{Trace, broken};
use std::fmt;
use steadfast_core::safeguards::Full;

/// How a trace of the corpus fares now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it has to be.
    Holds,
    /// With every safeguard something breaks.
    Breaks(String),
    /// Without the safeguard nothing breaks any more, or something else.
    Toothless(String),
}

/// Judges a trace; `kit` is for the safeguards that its header names.
pub fn judge(trace: &Trace, kit: &Kit) -> Verdict {
    if let Some(b) = broken(&Kit::of::<Full>().again(trace)) {
        return Verdict::Breaks(format!("{}: {}", b.invariant, b.text));
    }
    if trace.header.without == "none" {
        return Verdict::Holds;
    }
    let wanted = trace.header.violation.as_ref().map(|v| &v.invariant);
    let found = broken(&kit.again(trace)).map(|b| b.invariant);
    if found.as_ref() == wanted {
        return Verdict::Holds;
    }
    let (wanted, name) = (
        wanted.map_or("nothing", String::as_str),
        &trace.header.without,
    );
    let found = found.as_deref().unwrap_or("nothing");
    Verdict::Toothless(format!(
        "without {name} it broke {wanted} once, and breaks {found} now"
    ))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Holds => f.write_str("holds"),
            Verdict::Breaks(why) => write!(f, "BREAKS {why}"),
            Verdict::Toothless(why) => write!(f, "TOOTHLESS: {why}"),
        }
    }
}
