//! What several probers say together.

use super::pulse::{Silence, Verdict};

/// The verdict of all probers of a cell: that of the majority of those that are configured, not of
/// those that happen to speak. A prober that is cut off or late holds up a withdrawal; it never
/// makes one (I8).
pub fn ballot(votes: &[Verdict]) -> Verdict {
    let most = votes.len() / 2;
    let well = votes.iter().filter(|v| **v == Verdict::Well).count();
    if well > most {
        return Verdict::Well;
    }
    let sick = votes.iter().filter_map(|v| match v {
        Verdict::Sick(since) => Some(*since),
        _ => None,
    });
    if sick.clone().count() > most {
        // Since when the majority has held it for sick.
        let mut since: Vec<_> = sick.collect();
        since.sort_unstable();
        return Verdict::Sick(since[most]);
    }
    let silent = votes.iter().filter_map(|v| match v {
        Verdict::Silent(why) => Some(*why),
        _ => None,
    });
    Verdict::Silent(silent.max().unwrap_or(Silence::TooFew))
}
