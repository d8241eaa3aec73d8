//! What an authority answers for a name: addresses, other data, or nothing, and what it hung on.

use dns::{Name, RRset, Rtype, View};

/// How resolution inside the zone ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Data of some type stand there.
    Data,
    /// The name exists, but owns nothing (an empty non-terminal).
    Empty,
    /// The name does not exist.
    Absent,
    /// The name, or what it is an alias of, is not in this zone.
    Outside,
    /// The name is in a child zone.
    Referral,
    /// Aliases that lead in a circle, or are more than a resolver follows.
    Loop,
}

/// The answer for the address families, and whether there is anything at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// An IPv4 address.
    pub(crate) v4: bool,
    /// An IPv6 address.
    pub(crate) v6: bool,
    /// How it ended.
    pub(crate) ending: Ending,
}

impl Answer {
    fn nothing(ending: Ending) -> Answer {
        let (v4, v6) = (false, false);
        Answer { v4, v6, ending }
    }

    /// Whether the answer comes from elsewhere, so that this zone can't tell.
    pub(crate) fn is_elsewhere(self) -> bool {
        matches!(self.ending, Ending::Outside | Ending::Referral)
    }

    /// An address of some family, as far as this zone can tell.
    pub(crate) fn has_address(self) -> bool {
        self.v4 || self.v6 || self.is_elsewhere()
    }

    /// Data of some type, as far as this zone can tell.
    pub(crate) fn has_data(self) -> bool {
        self.ending == Ending::Data || self.is_elsewhere()
    }

    /// Whether this answer has something that `other` lacks.
    pub(crate) fn gains_over(self, other: Answer) -> bool {
        let has = |a: Answer| {
            let far = a.is_elsewhere();
            [a.v4 || far, a.v6 || far, a.has_data()]
        };
        has(self).iter().zip(has(other)).any(|(a, b)| *a && !b)
    }
}

/// What an answer depends on.
#[derive(Clone, Default, Debug)]
pub(crate) struct Trace {
    /// A change at one of these may change the answer.
    pub(crate) exact: Vec<Name>,
    /// A change at one of these or below it may change the answer.
    pub(crate) below: Vec<Name>,
    /// The names asked for, and where the data or the alias came from.
    pub(crate) nodes: Vec<Name>,
}

/// A resolver follows about that many aliases (BIND: 11 by default, Unbound: 11).
const MOST_ALIASES: usize = 11;

/// Resolves `name` as the zone's authority would (RFC 1034 §4.3.2, RFC 4592, RFC 6672), following
/// aliases as far as they stay in the zone.
pub(crate) fn answer(view: &impl View, name: &Name, trace: &mut Trace) -> Answer {
    let mut name = name.clone();
    for _ in 0..=MOST_ALIASES {
        if !name.is_under(view.apex()) {
            return Answer::nothing(Ending::Outside);
        }
        trace.nodes.push(name.clone());
        match one(view, &name, trace) {
            Hop::Done(answer) => return answer,
            Hop::Alias(target) => name = target,
        }
    }
    Answer::nothing(Ending::Loop)
}

enum Hop {
    Done(Answer),
    Alias(Name),
}

fn one(view: &impl View, name: &Name, trace: &mut Trace) -> Hop {
    if *name == *view.apex() {
        trace.exact.push(name.clone());
    } else if let Some(hop) = cut_above(view, name, trace) {
        return hop;
    }
    let node = view.at(name);
    if !node.is_empty() {
        return at_node(&node);
    }
    if view.exists(name) {
        trace.below.push(name.clone());
        return Hop::Done(Answer::nothing(Ending::Empty));
    }
    from_wildcard(view, name, trace)
}

/// A delegation at or above the name, or a DNAME above it, whichever is nearer to the apex.
fn cut_above(view: &impl View, name: &Name, trace: &mut Trace) -> Option<Hop> {
    let mut lineage = vec![name.clone()];
    while let Some(parent) = lineage.last()?.parent() {
        let done = parent == *view.apex();
        lineage.push(parent);
        if done {
            break;
        }
    }
    for owner in lineage.into_iter().rev() {
        let is_apex = owner == *view.apex();
        trace.exact.push(owner.clone());
        if !is_apex && view.rrset(&owner, Rtype::NS).is_some() {
            trace.nodes.push(owner);
            return Some(Hop::Done(Answer::nothing(Ending::Referral)));
        }
        if owner == *name {
            return None;
        }
        if let Some(dname) = view.rrset(&owner, Rtype::DNAME) {
            let target = dname.targets().next()?;
            let rebased = name.rebase(&owner, &target);
            trace.nodes.push(owner);
            return Some(match rebased {
                Ok(target) => Hop::Alias(target),
                Err(_) => Hop::Done(Answer::nothing(Ending::Absent)),
            });
        }
    }
    None
}

fn at_node(node: &[&RRset]) -> Hop {
    let has = |t: Rtype| node.iter().any(|r| r.rtype() == t);
    let alias = node.iter().find(|r| r.rtype() == Rtype::CNAME);
    match alias.and_then(|r| r.targets().next()) {
        Some(target) => Hop::Alias(target),
        None => Hop::Done(Answer {
            v4: has(Rtype::A),
            v6: has(Rtype::AAAA),
            ending: Ending::Data,
        }),
    }
}

/// The name does not exist: the wildcard at its closest encloser answers, if there is one
/// (RFC 4592 §3.3.1).
fn from_wildcard(view: &impl View, name: &Name, trace: &mut Trace) -> Hop {
    let (next_closer, encloser) = closest_encloser(view, name);
    trace.below.push(next_closer);
    if encloser != *view.apex() && view.at(&encloser).is_empty() {
        // It exists through what is below it, and ceases to with that.
        trace.below.push(encloser.clone());
    }
    let Ok(wildcard) = encloser.wildcard() else {
        return Hop::Done(Answer::nothing(Ending::Absent));
    };
    trace.exact.push(wildcard.clone());
    let node = view.at(&wildcard);
    if !node.is_empty() {
        trace.nodes.push(wildcard);
        if node.iter().any(|r| r.rtype() == Rtype::NS) {
            // Undefined (RFC 4592 §4.2): nothing to rely on.
            return Hop::Done(Answer::nothing(Ending::Data));
        }
        return at_node(&node);
    }
    let ending = if view.exists(&wildcard) {
        Ending::Empty
    } else {
        Ending::Absent
    };
    Hop::Done(Answer::nothing(ending))
}

/// The nearest ancestor of `name` that exists, and the name right below it on the way to `name`,
/// which is the topmost that does not exist. The apex counts as existing.
pub(crate) fn closest_encloser(view: &impl View, name: &Name) -> (Name, Name) {
    let mut next_closer = name.clone();
    loop {
        let Some(parent) = next_closer.parent() else {
            return (next_closer, view.apex().clone());
        };
        if parent == *view.apex() || view.exists(&parent) {
            return (next_closer, parent);
        }
        next_closer = parent;
    }
}
