//! A way from one content to another, and the zone as it stands at any point of it.
//!
//! Nothing is copied: a state is the content before, the changes, and how far they are made. The
//! way back is the same changes, unmade.

use super::near::{Near, run};
use dns::{Change, Name, RRset, Rtype, View, Zone};
use std::ops::Range;

/// Changes over a content, each with the place in the order at which it is made.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    base: &'a Zone,
    /// In canonical order of owner and type.
    changes: &'a [Change],
    /// For each change the position that makes it (or, on the way back, unmakes it), from 0.
    position: Vec<u32>,
    /// How many of the changes before each place have a before-value.
    stood: Vec<u32>,
    /// The same for after-values.
    stands: Vec<u32>,
    back: bool,
    near_change: Near,
    near_base: Near,
}

/// The whole way done.
pub(crate) const END: u32 = u32::MAX;

impl<'a> Path<'a> {
    /// `changes` are sorted by owner and type, fit `base`, and have one position each.
    pub(crate) fn new(
        base: &'a Zone,
        changes: &'a [Change],
        position: Vec<u32>,
        back: bool,
    ) -> Path<'a> {
        let stood = counted(changes, |c| c.before().is_some());
        let stands = counted(changes, |c| c.after().is_some());
        Path {
            base,
            changes,
            position,
            stood,
            stands,
            back,
            near_change: Near::default(),
            near_base: Near::default(),
        }
    }

    /// The content below the changes.
    pub(crate) fn base(&self) -> &'a Zone {
        self.base
    }

    /// All changes.
    pub(crate) fn changes(&self) -> &'a [Change] {
        self.changes
    }

    /// The state after the positions below `done`.
    pub(crate) fn at(&self, done: u32) -> At<'_, 'a> {
        At { path: self, done }
    }

    /// Where the way begins.
    pub(crate) fn start(&self) -> At<'_, 'a> {
        self.at(0)
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> At<'_, 'a> {
        self.at(END)
    }

    /// What change `i` finds.
    pub(crate) fn from(&self, i: usize) -> Option<&'a RRset> {
        let change = self.changes.get(i)?;
        if self.back {
            change.after()
        } else {
            change.before()
        }
    }

    /// What change `i` leaves.
    pub(crate) fn to(&self, i: usize) -> Option<&'a RRset> {
        let change = self.changes.get(i)?;
        if self.back {
            change.before()
        } else {
            change.after()
        }
    }

    /// The places of the changes at `name`.
    pub(crate) fn changed_at(&self, name: &Name) -> Range<usize> {
        let (from, rest) = self.changes_from(name);
        from..from + run(rest, |c| c.name() == name)
    }

    /// The places of the changes at `name` and below it.
    pub(crate) fn changed_under(&self, name: &Name) -> Range<usize> {
        let (from, rest) = self.changes_from(name);
        from..from + run(rest, |c| c.name().is_under(name))
    }

    fn changes_from(&self, name: &Name) -> (usize, &'a [Change]) {
        let from = self.near_change.seek(self.changes, |c| c.name() < name);
        (from, self.changes.get(from..).unwrap_or_default())
    }

    /// The content's RRsets from this owner on.
    fn base_from(&self, name: &Name) -> &'a [RRset] {
        let all = self.base.iter().as_slice();
        let from = self.near_base.seek(all, |r| r.name() < name);
        all.get(from..).unwrap_or_default()
    }
}

/// For each place how many of the changes before it are such.
fn counted(changes: &[Change], such: impl Fn(&Change) -> bool) -> Vec<u32> {
    let mut sum = 0;
    let count = changes.iter().map(|c| {
        sum += u32::from(such(c));
        sum
    });
    std::iter::once(0).chain(count).collect()
}

/// The zone at one point of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'p, 'a> {
    path: &'p Path<'a>,
    done: u32,
}

impl<'p, 'a> At<'p, 'a> {
    fn side(&self, i: usize) -> Option<&'a RRset> {
        let done = self.path.position.get(i).is_some_and(|p| *p < self.done);
        if done {
            self.path.to(i)
        } else {
            self.path.from(i)
        }
    }

    /// The owner's RRsets, longer lived than [`View::at`] gives them.
    pub(crate) fn node(&self, name: &Name) -> Vec<&'a RRset> {
        let base = self.path.base_from(name).iter();
        let mut node: Vec<&RRset> = base.take_while(|r| r.name() == name).collect();
        let changed = self.path.changed_at(name);
        if changed.is_empty() {
            return node;
        }
        let touched = |t: Rtype| {
            let mut changes = self.path.changes[changed.clone()].iter();
            changes.any(|c| c.rtype() == t)
        };
        node.retain(|r| !touched(r.rtype()));
        node.extend(changed.clone().filter_map(|i| self.side(i)));
        node.sort_by_key(|r| r.rtype());
        node
    }

    /// One RRset, longer lived than [`View::rrset`] gives it.
    pub(crate) fn get(&self, name: &Name, rtype: Rtype) -> Option<&'a RRset> {
        let mut changed = self.path.changed_at(name);
        match changed.find(|i| self.path.changes[*i].rtype() == rtype) {
            Some(i) => self.side(i),
            None => {
                let owned = self.path.base_from(name).iter();
                let mut owned = owned.take_while(|r| r.name() == name);
                owned.find(|r| r.rtype() == rtype)
            }
        }
    }
}

impl View for At<'_, '_> {
    fn apex(&self) -> &Name {
        self.path.base.apex()
    }

    fn rrset(&self, name: &Name, rtype: Rtype) -> Option<&RRset> {
        self.get(name, rtype)
    }

    fn at(&self, name: &Name) -> Vec<&RRset> {
        self.node(name)
    }

    fn exists(&self, name: &Name) -> bool {
        let Range { start, end } = self.path.changed_under(name);
        let base = self.path.base_from(name);
        if start == end {
            return base.first().is_some_and(|r| r.name().is_under(name));
        }
        // More RRsets than the changes know of: some stands whatever they do.
        let among = |sums: &[u32]| sums[end] - sums[start];
        let known = among(&self.path.stood);
        if run(base, |r| r.name().is_under(name)) > known as usize {
            return true;
        }
        // At both ends nothing needs to be looked through.
        match (self.done, self.path.back) {
            (0, false) | (END, true) => known > 0,
            (0, true) | (END, false) => among(&self.path.stands) > 0,
            _ => (start..end).any(|i| self.side(i).is_some()),
        }
    }
}
