//! What must hold of the trace of a past failure: with every safeguard nothing breaks, and without
//! the one that its header names the same invariant still does. A trace of a failure with every
//! safeguard is of a fault of our own, mended since.

use crate::kit::Kit;
use crate::trace::{Trace, broken};
use std::fmt;

/// How a trace of the corpus fares now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it has to be.
    Holds,
    /// As it has to be, and the run comes to another number than the header says: the state machine
    /// has become another one since.
    Renumbered(String),
    /// With every safeguard something breaks.
    Breaks(String),
    /// Without the safeguard nothing breaks any more, or something else.
    Toothless(String),
}

/// Judges a trace; `kit` is for the safeguards that its header names.
pub fn judge(trace: &Trace, kit: Kit) -> Verdict {
    if let Some(b) = broken(&Kit::FULL.again(trace)) {
        return Verdict::Breaks(format!("{}: {}", b.invariant, b.text));
    }
    if trace.header.without == "none" {
        // Mended, so its number can't come again.
        return match trace.header.violation {
            Some(_) => Verdict::Holds,
            None => Verdict::Toothless("it never broke anything".into()),
        };
    }
    let wanted = trace.header.violation.as_ref().map(|v| &v.invariant);
    let outcome = kit.again(trace);
    let found = broken(&outcome).map(|b| b.invariant);
    if found.as_ref() == wanted {
        let (was, is) = (&trace.header.hash, format!("{:016x}", outcome.hash));
        return match *was == is {
            true => Verdict::Holds,
            false => Verdict::Renumbered(format!("it came to {was} once, and comes to {is} now")),
        };
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

impl Verdict {
    /// Whether the trace says what it has to say.
    pub fn is_good(&self) -> bool {
        matches!(self, Verdict::Holds | Verdict::Renumbered(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Holds => f.write_str("holds"),
            Verdict::Renumbered(how) => write!(f, "holds; {how}"),
            Verdict::Breaks(why) => write!(f, "BREAKS {why}"),
            Verdict::Toothless(why) => write!(f, "TOOTHLESS: {why}"),
        }
    }
}
