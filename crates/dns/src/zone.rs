//! Zones as sorted RRsets, what differs between two, and a zone seen through changes.

use crate::name::Name;
use crate::rrset::RRset;
use crate::rtype::Rtype;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// The content of a zone: RRsets in canonical order. Cheap to clone an RRset from, to diff and to
/// hash; changing one means merging a sorted list of changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    apex: Name,
    rrsets: Vec<RRset>,
}

/// Why RRsets do not make a zone, or changes do not fit one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// An owner that is not the apex or below it.
    #[error("{0} is outside of the zone {1}")]
    Outside(Name, Name),
    /// Two RRsets with one owner and type.
    #[error("{0} {1} is there twice")]
    Twice(Name, Rtype),
    /// A change expects something else than the zone holds.
    #[error("{0} {1} is not what the change expects")]
    BeforeDiffers(Name, Rtype),
}

/// A BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The first 16 hexadecimal digits, as people see it.
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(serde::de::Error::custom)?;
        Ok(Digest(*hash.as_bytes()))
    }
}

/// One RRset's change. At least one side is there; both have the same owner and type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Sides", into = "Sides")]
pub struct Change {
    before: Option<RRset>,
    after: Option<RRset>,
}

/// How a change looks in JSON.
#[derive(Serialize, Deserialize)]
struct Sides {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<RRset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<RRset>,
}

impl From<Change> for Sides {
    fn from(Change { before, after }: Change) -> Sides {
        Sides { before, after }
    }
}

impl TryFrom<Sides> for Change {
    type Error = &'static str;

    fn try_from(Sides { before, after }: Sides) -> Result<Change, &'static str> {
        Change::new(before, after)
            .ok_or("a change has one or two sides, of one owner and type, that differ")
    }
}

impl Change {
    /// A change from `before` to `after`; `None` when both are absent or equal, or of different
    /// owners or types.
    pub fn new(before: Option<RRset>, after: Option<RRset>) -> Option<Change> {
        let key = |r: &RRset| (r.name().clone(), r.rtype());
        match (&before, &after) {
            (None, None) => return None,
            (Some(b), Some(a)) if key(b) != key(a) || a == b => return None,
            _ => {}
        }
        Some(Change { before, after })
    }

    /// What stood.
    pub fn before(&self) -> Option<&RRset> {
        self.before.as_ref()
    }

    /// What shall stand.
    pub fn after(&self) -> Option<&RRset> {
        self.after.as_ref()
    }

    /// The owner.
    pub fn name(&self) -> &Name {
        self.side().name()
    }

    /// The type.
    pub fn rtype(&self) -> Rtype {
        self.side().rtype()
    }

    /// The change back.
    pub fn inverse(&self) -> Change {
        Change {
            before: self.after.clone(),
            after: self.before.clone(),
        }
    }

    fn side(&self) -> &RRset {
        match (&self.before, &self.after) {
            (Some(side), _) | (None, Some(side)) => side,
            (None, None) => unreachable!("Change::new refuses a change without sides"),
        }
    }
}

/// What guards and resolution need to see of a zone.
pub trait View {
    /// The zone's apex.
    fn apex(&self) -> &Name;
    /// One RRset.
    fn rrset(&self, name: &Name, rtype: Rtype) -> Option<&RRset>;
    /// All RRsets of one owner, by type.
    fn at(&self, name: &Name) -> Vec<&RRset>;
    /// Whether `name` exists: it owns an RRset, or something below it does (RFC 4592 §2.2.2).
    fn exists(&self, name: &Name) -> bool;
}

impl Zone {
    /// A zone without RRsets.
    pub fn empty(apex: Name) -> Zone {
        Zone {
            apex,
            rrsets: Vec::new(),
        }
    }

    /// A zone of RRsets in any order.
    ///
    /// # Errors
    /// An owner outside of the zone, or two RRsets of one owner and type.
    pub fn new(apex: Name, mut rrsets: Vec<RRset>) -> Result<Zone, ZoneError> {
        if !rrsets.is_sorted_by(|a, b| key(a) < key(b)) {
            rrsets.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        }
        if let Some(out) = rrsets.iter().find(|r| !r.name().is_under(&apex)) {
            return Err(ZoneError::Outside(out.name().clone(), apex));
        }
        if let Some([twice, _]) = rrsets.array_windows().find(|[a, b]| key(a) == key(b)) {
            return Err(ZoneError::Twice(twice.name().clone(), twice.rtype()));
        }
        Ok(Zone { apex, rrsets })
    }

    /// A zone of RRsets that are known to be inside of it, sorted, each owner and type once.
    pub(crate) fn from_sorted(apex: Name, rrsets: Vec<RRset>) -> Zone {
        debug_assert!(rrsets.is_sorted_by(|a, b| key(a) < key(b)));
        debug_assert!(rrsets.iter().all(|r| r.name().is_under(&apex)));
        Zone { apex, rrsets }
    }

    /// The zone's name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// All RRsets in canonical order.
    pub fn iter(&self) -> std::slice::Iter<'_, RRset> {
        self.rrsets.iter()
    }

    /// How many RRsets.
    pub fn len(&self) -> usize {
        self.rrsets.len()
    }

    /// Whether there is no RRset.
    pub fn is_empty(&self) -> bool {
        self.rrsets.is_empty()
    }

    /// How many records.
    pub fn record_count(&self) -> usize {
        self.rrsets.iter().map(RRset::len).sum()
    }

    /// One RRset.
    pub fn get(&self, name: &Name, rtype: Rtype) -> Option<&RRset> {
        let found = self.rrsets.binary_search_by(|r| key(r).cmp(&(name, rtype)));
        found.ok().and_then(|at| self.rrsets.get(at))
    }

    /// The RRsets of `name` and of everything below it, in order.
    pub fn subtree(&self, name: &Name) -> &[RRset] {
        let from = self.rrsets.partition_point(|r| r.name() < name);
        let rest = self.rrsets.get(from..).unwrap_or_default();
        let len = rest.partition_point(|r| r.name().is_under(name));
        rest.get(..len).unwrap_or_default()
    }

    /// Keeps the RRsets that `keep` says yes to.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&RRset) -> bool) -> Zone {
        let rrsets = self.rrsets.iter().filter(|r| keep(r)).cloned().collect();
        Zone {
            apex: self.apex.clone(),
            rrsets,
        }
    }

    /// The zone after `changes`, which are sorted by owner and type, each pair at most once.
    ///
    /// # Errors
    /// A change whose before-value is not what the zone holds.
    pub fn apply<'a>(
        &self,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Result<Zone, ZoneError> {
        let mut out = Vec::with_capacity(self.rrsets.len());
        let mut rest = self.rrsets.as_slice();
        let mut changes: Vec<&Change> = changes.into_iter().collect();
        changes.sort_by(|a, b| change_key(a).cmp(&change_key(b)));
        for change in changes {
            let at = rest.partition_point(|r| key(r) < change_key(change));
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            let held = rest.first().filter(|r| key(r) == change_key(change));
            if held != change.before() {
                return Err(ZoneError::BeforeDiffers(
                    change.name().clone(),
                    change.rtype(),
                ));
            }
            rest = &rest[usize::from(held.is_some())..];
            out.extend(change.after().cloned());
        }
        out.extend_from_slice(rest);
        Zone::new(self.apex.clone(), out)
    }

    /// The changes that make `other` out of this zone, in canonical order.
    pub fn diff(&self, other: &Zone) -> Vec<Change> {
        let mut changes = Vec::new();
        let (mut a, mut b) = (self.rrsets.as_slice(), other.rrsets.as_slice());
        loop {
            let order = match (a.first(), b.first()) {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(x), Some(y)) => key(x).cmp(&key(y)),
            };
            let (mut before, mut after) = (None, None);
            if order.is_le() {
                (before, a) = (a.first(), &a[1..]);
            }
            if order.is_ge() {
                (after, b) = (b.first(), &b[1..]);
            }
            if before != after {
                changes.extend(Change::new(before.cloned(), after.cloned()));
            }
        }
    }

    /// The hash of the content: of every RRset's compact form in canonical order.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = Vec::with_capacity(1 << 16);
        self.apex.write_wire(&mut buffer);
        for rrset in &self.rrsets {
            rrset.pack(&mut buffer);
            if buffer.len() > 60_000 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        Digest(*hasher.finalize().as_bytes())
    }
}

fn key(rrset: &RRset) -> (&Name, Rtype) {
    (rrset.name(), rrset.rtype())
}

fn change_key(change: &Change) -> (&Name, Rtype) {
    (change.name(), change.rtype())
}

impl View for Zone {
    fn apex(&self) -> &Name {
        &self.apex
    }

    fn rrset(&self, name: &Name, rtype: Rtype) -> Option<&RRset> {
        self.get(name, rtype)
    }

    fn at(&self, name: &Name) -> Vec<&RRset> {
        let from = self.rrsets.partition_point(|r| r.name() < name);
        self.rrsets[from..]
            .iter()
            .take_while(|r| r.name() == name)
            .collect()
    }

    fn exists(&self, name: &Name) -> bool {
        let from = self.rrsets.partition_point(|r| r.name() < name);
        self.rrsets
            .get(from)
            .is_some_and(|r| r.name().is_under(name))
    }
}

/// A zone seen through changes that are not made yet: what a step's prefix would serve.
#[derive(Debug)]
pub struct Overlay<'a> {
    base: &'a Zone,
    after: BTreeMap<(Name, Rtype), Option<RRset>>,
}

impl<'a> Overlay<'a> {
    /// The zone itself, nothing changed yet.
    pub fn new(base: &'a Zone) -> Overlay<'a> {
        Overlay {
            base,
            after: BTreeMap::new(),
        }
    }

    /// Adds one more change on top.
    pub fn push(&mut self, change: &Change) {
        self.after.insert(
            (change.name().clone(), change.rtype()),
            change.after().cloned(),
        );
    }

    /// The zone below the changes.
    pub fn base(&self) -> &'a Zone {
        self.base
    }

    fn changed_at(&self, name: &Name) -> impl Iterator<Item = (&(Name, Rtype), &Option<RRset>)> {
        self.after
            .range((name.clone(), Rtype(0))..)
            .take_while(move |((n, _), _)| n == name)
    }
}

impl View for Overlay<'_> {
    fn apex(&self) -> &Name {
        &self.base.apex
    }

    fn rrset(&self, name: &Name, rtype: Rtype) -> Option<&RRset> {
        match self.after.get(&(name.clone(), rtype)) {
            Some(after) => after.as_ref(),
            None => self.base.get(name, rtype),
        }
    }

    fn at(&self, name: &Name) -> Vec<&RRset> {
        let untouched = |r: &&RRset| !self.after.contains_key(&(name.clone(), r.rtype()));
        let mut all: Vec<&RRset> = self.base.at(name).into_iter().filter(untouched).collect();
        all.extend(
            self.changed_at(name)
                .filter_map(|(_, after)| after.as_ref()),
        );
        all.sort_by_key(|r| r.rtype());
        all
    }

    fn exists(&self, name: &Name) -> bool {
        let added = self
            .after
            .range((name.clone(), Rtype(0))..)
            .take_while(|((n, _), _)| n.is_under(name));
        if added.into_iter().any(|(_, after)| after.is_some()) {
            return true;
        }
        let gone = |r: &RRset| self.after.contains_key(&(r.name().clone(), r.rtype()));
        self.base.subtree(name).iter().any(|r| !gone(r))
    }
}
