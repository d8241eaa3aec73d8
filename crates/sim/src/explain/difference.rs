//! The reordering that makes the difference: two neighbours whose swap makes the violation vanish.

use crate::kit::Kit;
use crate::trace::{Follows, Line, Trace};
use serde::Serialize;

/// Events in another order, and nothing breaks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// These two neighbours, from 1, the other way round.
    Swap(usize, usize),
    /// This one before that one.
    Move(usize, usize),
    /// This one not held back, but as soon as it can be.
    AtOnce(usize),
}

/// Finds a reordering of a told trace without which nothing breaks; the last one, because what
/// comes late is what raced.
pub fn difference(kit: Kit, trace: &Trace) -> Option<Difference> {
    if trace.header.follows == Follows::Nothing || trace.header.violation.is_none() {
        return None;
    }
    let passes = |lines: Vec<Line>| {
        let mut other = trace.clone();
        // Time goes on as before, whoever comes first.
        for (line, old) in other.lines.iter_mut().zip(lines) {
            line.action = old.action;
            line.which = old.which;
        }
        other.header.until = other.header.until.map(|u| u + 30_000);
        kit.again(&other).violation.is_none()
    };
    let count = trace.lines.iter().take_while(|l| !l.which.never).count();
    for i in (0..count.saturating_sub(1)).rev() {
        let mut lines = trace.lines.clone();
        lines.swap(i, i + 1);
        if passes(lines) {
            return Some(Difference::Swap(i + 1, i + 2));
        }
    }
    for from in (0..count).rev() {
        for to in 0..from {
            let mut lines = trace.lines.clone();
            let line = lines.remove(from);
            lines.insert(to, line);
            if passes(lines) {
                return Some(Difference::Move(from + 1, to + 1));
            }
        }
    }
    (0..trace.lines.len()).rev().find_map(|i| {
        let mut other = trace.clone();
        other.lines.remove(i);
        other.header.until = other.header.until.map(|u| u + 30_000);
        let held = crate::shrink::holds(trace.lines.get(i)?);
        (held && kit.again(&other).violation.is_none()).then_some(Difference::AtOnce(i + 1))
    })
}
