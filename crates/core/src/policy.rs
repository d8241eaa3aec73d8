//! What a zone's owner allows: which names are ours, which may never be empty, how much may change.

use crate::rollout::Stage;
use crate::time::Millis;
use dns::{Name, RRset, Rtype};

/// The label under the apex that holds the marker, and scratch names of the rehearsal.
pub const MARKER_LABEL: &[u8] = b"_steadfast";

/// The owner of a zone's marker. A zone whose name is so long that the label does not fit has its
/// marker at the apex.
pub fn marker_name(zone: &Name) -> Name {
    zone.child(MARKER_LABEL).unwrap_or_else(|_| zone.clone())
}

/// A limit on how many RRsets one plan may touch. A part that is `None` does not limit; the config
/// makes sure that at least one part is there. Where both are, the smaller one holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// At most that many RRsets.
    pub count: Option<u32>,
    /// At most that share of the owned RRsets, in parts per million; rounds up to whole RRsets.
    pub share_ppm: Option<u32>,
}

impl Limit {
    /// How many RRsets the limit allows in a zone that owns `total`.
    pub fn allows(&self, total: usize) -> usize {
        let share = self.share_ppm.map(|ppm| {
            let exact = total as u128 * u128::from(ppm);
            usize::try_from(exact.div_ceil(1_000_000)).unwrap_or(usize::MAX)
        });
        let count = self.count.map(|c| c as usize);
        [share, count].into_iter().flatten().min().unwrap_or(0)
    }
}

/// Limits on one plan, by what it does. All three are required.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// RRsets that come to be.
    pub create: Limit,
    /// RRsets that get other data or another TTL.
    pub change: Limit,
    /// RRsets that cease to be.
    pub delete: Limit,
    /// The same at one owner name.
    pub per_name: PerName,
}

/// Limits on what one plan does at one owner name. A share is of the RRsets that the name had.
/// `None`: one name may use up the zone's limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PerName {
    /// RRsets that come to be.
    pub create: Option<Limit>,
    /// RRsets that get other data or another TTL.
    pub change: Option<Limit>,
    /// RRsets that cease to be.
    pub delete: Option<Limit>,
}

/// A zone's policy, as its config says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The zone.
    pub zone: Name,
    /// Owners that are ours…
    pub own: Vec<dns::pattern::Pattern>,
    /// …unless they match one of these.
    pub ignore: Vec<dns::pattern::Pattern>,
    /// Names that may never be empty (I3).
    pub critical: Vec<Name>,
    /// How much one plan may touch.
    pub limits: Limits,
    /// Least TTL in seconds.
    pub ttl_min: u32,
    /// Greatest TTL in seconds.
    pub ttl_max: u32,
    /// Most records in an RRset (BIND refuses the 101st by default, its followers stay stale).
    pub max_rrset: usize,
    /// Most octets of one UPDATE, TSIG and prerequisites included.
    pub max_update: usize,
    /// How long after its decision a write may still be accepted, clock skew included (I1).
    pub deadline: Millis,
    /// How long read-back polls before it says that a write was not applied (I7).
    pub read_back: Millis,
    /// How many generations back stay as rollback targets (I6).
    pub keep: u32,
    /// The stages that new plans go out in; none: everywhere at once. Only planning reads them: what
    /// goes out does so as its plan says.
    pub stages: Vec<Stage>,
}

impl Policy {
    /// The owner of the marker.
    pub fn marker_name(&self) -> Name {
        self.zone
            .child(MARKER_LABEL)
            .unwrap_or_else(|_| self.zone.clone())
    }

    /// Whether an RRset is ours to diff and write: owned, not ignored, not made by servers, not the
    /// marker or its scratch names, not the SOA.
    pub fn owns(&self, name: &Name, rtype: Rtype) -> bool {
        let ours = |patterns: &[dns::pattern::Pattern]| patterns.iter().any(|p| p.matches(name));
        let apex_soa = rtype == Rtype::SOA;
        !apex_soa
            && !rtype.is_server_made()
            && !self.is_marker_side(name)
            && ours(&self.own)
            && !ours(&self.ignore)
    }

    /// Whether the name is the marker's or below it. Asked for each RRset, so without making the
    /// marker's name.
    pub fn is_marker_side(&self, name: &Name) -> bool {
        let below = name.key().strip_prefix(self.zone.key());
        let tail = below.and_then(|key| key.strip_prefix(MARKER_LABEL));
        tail.is_some_and(|rest| rest.first() == Some(&0))
    }

    /// [`Policy::owns`] for an RRset.
    pub fn owns_set(&self, rrset: &RRset) -> bool {
        self.owns(rrset.name(), rrset.rtype())
    }

    /// Whether the name may never be empty.
    pub fn is_critical(&self, name: &Name) -> bool {
        self.critical.contains(name)
    }
}
