//! Which RRsets point at something that a path changes: one scan, no resolution.

use super::answer::closest_encloser;
use super::walk::{Item, is_pointer};
use crate::plan::path::{At, Path};
use dns::{Name, RRset, Rtype, View};
use std::collections::BTreeSet;

/// The pointers to watch on `path`: those that change, and those that point at a name whose
/// answer may change from data to none. In canonical order.
pub(crate) fn affected(path: &Path<'_>) -> Vec<Item> {
    let mut found = BTreeSet::new();
    for change in path.changes() {
        if is_pointer(change.rtype()) {
            found.insert(Item::Pointer(change.name().clone(), change.rtype()));
        }
    }
    let regions = Regions::of(path);
    if !regions.is_empty() {
        let pointers = path.base().iter().filter(|r| is_pointer(r.rtype()));
        for rrset in pointers.filter(|r| regions.hold_a_target_of(r)) {
            found.insert(Item::Pointer(rrset.name().clone(), rrset.rtype()));
        }
    }
    found.into_iter().collect()
}

/// The names whose answers may cease, in wire form, so that record data compare without decoding.
#[derive(Default)]
struct Regions {
    exact: BTreeSet<Vec<u8>>,
    below: BTreeSet<Vec<u8>>,
    /// A filter in front of both sets: most targets are in neither.
    filter: Filter,
}

impl Regions {
    fn of(path: &Path<'_>) -> Regions {
        let mut regions = Regions::default();
        let (start, end) = (path.start(), path.end());
        let mut rest = path.changes();
        while let Some(first) = rest.first() {
            let name = first.name();
            let len = rest.iter().take_while(|c| c.name() == name).count();
            regions.add_owner(name, &start, &end);
            rest = rest.get(len..).unwrap_or_default();
        }
        regions
    }

    fn add_owner(&mut self, name: &Name, start: &At<'_, '_>, end: &At<'_, '_>) {
        let (before, after) = (start.node(name), end.node(name));
        let types = |node: &[&RRset]| node.iter().map(|r| r.rtype()).collect::<Vec<_>>();
        let cuts = |node: &[&RRset]| {
            let cut = |r: &&&RRset| matches!(r.rtype(), Rtype::DNAME | Rtype::NS);
            node.iter()
                .filter(cut)
                .copied()
                .cloned()
                .collect::<Vec<_>>()
        };
        if name != start.apex() && cuts(&before) != cuts(&after) {
            self.add_below(name);
        }
        let alias = |node: &[&RRset]| node.iter().any(|r| r.rtype() == Rtype::CNAME);
        let same = types(&before) == types(&after) && !alias(&before);
        if same {
            return;
        }
        if !before.is_empty() {
            self.add_exact(name);
        }
        if name.is_wildcard() {
            self.add_below(&name.parent().unwrap_or_else(|| name.clone()));
        }
        for view in [start, end] {
            self.add_shadowed(name, view);
        }
    }

    /// What a wildcard answers as long as `name` does not exist.
    fn add_shadowed(&mut self, name: &Name, view: &At<'_, '_>) {
        if view.exists(name) {
            return;
        }
        let (next_closer, encloser) = closest_encloser(view, name);
        let wildcard = encloser.wildcard();
        if wildcard.is_ok_and(|w| !view.node(&w).is_empty()) {
            self.add_below(&next_closer);
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty()
    }

    fn add_exact(&mut self, name: &Name) {
        let wire = name.to_wire();
        self.filter.add(hash_of(&wire));
        self.exact.insert(wire);
    }

    fn add_below(&mut self, name: &Name) {
        let wire = name.to_wire();
        self.filter.add(hash_of(&wire));
        self.below.insert(wire);
    }

    fn hold_a_target_of(&self, rrset: &RRset) -> bool {
        let skip = match rrset.rtype() {
            // Not at the end of its data, in any case, and perhaps the owner itself.
            Rtype::SVCB | Rtype::HTTPS => {
                return rrset.targets().any(|target| self.hold(&target.to_wire()));
            }
            Rtype::MX => 2,
            Rtype::SRV => 6,
            _ => 0,
        };
        let mut targets = rrset.data().filter_map(|d| d.get(skip..));
        targets.any(|target| self.hold(target))
    }

    fn hold(&self, target: &[u8]) -> bool {
        let mut hash = SEED;
        // From the root down: each suffix of the name, its hash growing with it.
        let mut below = false;
        Suffixes::of(target).each(target, |label, suffix| {
            hash = fold(hash, label);
            below = below || self.filter.may_hold(hash) && self.below.contains(suffix);
        });
        below || self.filter.may_hold(hash) && self.exact.contains(target)
    }
}

/// Where each label of a name in wire form starts. On the stack: it is asked for every target.
struct Suffixes {
    starts: [u8; 128],
    count: usize,
}

impl Suffixes {
    fn of(wire: &[u8]) -> Suffixes {
        let (mut starts, mut count, mut at) = ([0; 128], 0, 0usize);
        while let Some(len) = wire.get(at).filter(|len| **len != 0) {
            let (Some(start), Ok(octet)) = (starts.get_mut(count), u8::try_from(at)) else {
                break;
            };
            *start = octet;
            count += 1;
            at += 1 + usize::from(*len);
        }
        Suffixes { starts, count }
    }

    /// Each label with its length, and the name from it on; the rightmost first.
    fn each<'w>(&self, wire: &'w [u8], mut see: impl FnMut(&'w [u8], &'w [u8])) {
        let mut end = wire.len().saturating_sub(1);
        for start in self.starts.iter().take(self.count).rev() {
            let start = usize::from(*start);
            let label = wire.get(start..end).unwrap_or_default();
            see(label, wire.get(start..).unwrap_or_default());
            end = start;
        }
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
fn fold(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, step)
}

/// The hash of a whole name, label by label from the root, so that it can be had for every suffix
/// in one go.
fn hash_of(wire: &[u8]) -> u64 {
    let mut hash = SEED;
    Suffixes::of(wire).each(wire, |label, _| hash = fold(hash, label));
    hash
}

/// A set of hashes that answers "surely not" fast.
struct Filter(Vec<u64>);

impl Default for Filter {
    fn default() -> Filter {
        Filter(vec![0; 1 << 12])
    }
}

impl Filter {
    /// One of 2¹⁸ bits.
    fn slot(hash: u64) -> (usize, u64) {
        let bit = (hash ^ (hash >> 32)) & 0x3_ffff;
        ((bit >> 6) as usize, 1 << (bit & 63))
    }

    fn add(&mut self, hash: u64) {
        let (word, bit) = Filter::slot(hash);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_hold(&self, hash: u64) -> bool {
        let (word, bit) = Filter::slot(hash);
        self.0.get(word).is_some_and(|w| w & bit != 0)
    }
}
