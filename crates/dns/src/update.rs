//! Dynamic updates (RFC 2136): conditions and changes that a server takes as one, or not at all.

use crate::message::compose::Composer;
use crate::message::{CLASS_ANY, CLASS_IN, CLASS_NONE, MAX_LEN, Message, Mismatch, Opcode};
use crate::name::Name;
use crate::rrset::RRset;
use crate::rtype::Rtype;
use crate::tsig::Key;

/// What must hold on the server (RFC 2136 §2.4), or nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prerequisite {
    /// The name owns at least one RRset; else NXDOMAIN.
    NameInUse(Name),
    /// The name owns no RRset; else YXDOMAIN.
    NameNotInUse(Name),
    /// There is an RRset of that name and type, whatever its data; else NXRRSET.
    RRsetExists(Name, Rtype),
    /// There is no RRset of that name and type; else YXRRSET.
    RRsetAbsent(Name, Rtype),
    /// The RRset is there with exactly these data; else NXRRSET. Servers do not compare TTLs.
    RRsetEquals(RRset),
}

/// One change (RFC 2136 §2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Deletes an RRset. Servers skip the SOA, and NS at the apex.
    DeleteRRset(Name, Rtype),
    /// Deletes all RRsets of a name. Servers keep SOA and NS at the apex.
    DeleteName(Name),
    /// Deletes single records, whatever their TTL.
    DeleteRecords(RRset),
    /// Adds records. Servers drop a CNAME beside other data, and other data beside a CNAME,
    /// without a word.
    AddRRset(RRset),
    /// Adds records and deletes that RRset again, all in this update: whether a server takes them
    /// is known afterwards, and no version of the zone ever had them.
    TryRRset(RRset),
}

/// An update does not fit into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// More octets than TCP can carry in one message, the signature included.
    #[error(
        "the update takes {len} octets, signature included; 65535 is the most (RFC 1035 §4.2.2)"
    )]
    TooLarge {
        /// Octets it takes.
        len: usize,
    },
    /// More records in a section than its 16-bit count can say.
    #[error("the update has {0} records in one section; 65535 is the most (RFC 1035 §4.1.1)")]
    TooMany(usize),
}

/// An update of one zone: all or nothing.
///
/// What it says is a set, not a sequence: for each owner, deletions are written before additions,
/// because BIND and Knot drop a CNAME that comes while other data stand. To change one RRset twice
/// in one update makes no sense and is not possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    zone: Name,
    prerequisites: Vec<Prerequisite>,
    edits: Vec<Edit>,
}

impl Edit {
    /// The owner it changes.
    pub fn name(&self) -> &Name {
        match self {
            Edit::DeleteRRset(name, _) | Edit::DeleteName(name) => name,
            Edit::DeleteRecords(rrset) | Edit::AddRRset(rrset) | Edit::TryRRset(rrset) => {
                rrset.name()
            }
        }
    }
}

impl Update {
    /// An update of `zone` that asks for nothing yet. Without edits, it only asks the server
    /// whether the prerequisites hold: what is stored, not what a query would be answered.
    pub fn new(zone: Name) -> Update {
        Update {
            zone,
            prerequisites: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Adds a condition.
    #[must_use]
    pub fn require(mut self, prerequisite: Prerequisite) -> Update {
        self.prerequisites.push(prerequisite);
        self
    }

    /// Adds a change.
    #[must_use]
    pub fn edit(mut self, edit: Edit) -> Update {
        self.edits.push(edit);
        self
    }

    /// Replaces whatever RRset of that owner and type stands by this one.
    #[must_use]
    pub fn replace(self, rrset: RRset) -> Update {
        self.edit(Edit::DeleteRRset(rrset.name().clone(), rrset.rtype()))
            .edit(Edit::AddRRset(rrset))
    }

    /// The zone.
    pub fn zone(&self) -> &Name {
        &self.zone
    }

    /// The conditions.
    pub fn prerequisites(&self) -> &[Prerequisite] {
        &self.prerequisites
    }

    /// The changes, in the order they were given.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Octets on the wire, unsigned. With [`Key::record_len`] added, this is what must not exceed
    /// 65,535.
    pub fn wire_len(&self) -> usize {
        self.compose(0).len()
    }

    /// The octets to sign and send.
    ///
    /// # Errors
    /// [`UpdateError::TooLarge`] when it does not fit into one message with `key`'s signature.
    pub fn to_wire(&self, id: u16, key: Option<&Key>) -> Result<Vec<u8>, UpdateError> {
        let records = |n: usize, r: &RRset| n + r.len();
        let required = self.prerequisites.iter().fold(0, |n, p| match p {
            Prerequisite::RRsetEquals(rrset) => records(n, rrset),
            _ => n + 1,
        });
        let edited = self.edits.iter().fold(0, |n, e| match e {
            Edit::DeleteRecords(rrset) | Edit::AddRRset(rrset) => records(n, rrset),
            Edit::TryRRset(rrset) => records(n, rrset) + 1,
            _ => n + 1,
        });
        if let Some(n) = [required, edited].into_iter().find(|n| *n > MAX_LEN) {
            return Err(UpdateError::TooMany(n));
        }
        let octets = self.compose(id);
        match octets.len() + key.map_or(0, Key::record_len) {
            len if len > MAX_LEN => Err(UpdateError::TooLarge { len }),
            _ => Ok(octets),
        }
    }

    /// Whether `message` is the answer to this update, sent with `id`.
    ///
    /// # Errors
    /// What differs.
    pub fn matches(&self, id: u16, message: &Message) -> Result<(), Mismatch> {
        message.answers(id, Opcode::UPDATE, &self.zone, Rtype::SOA)
    }

    fn compose(&self, id: u16) -> Vec<u8> {
        let mut out = Composer::new(id, Opcode::UPDATE);
        out.question(&self.zone, Rtype::SOA);
        for prerequisite in &self.prerequisites {
            write_prerequisite(&mut out, prerequisite);
        }
        for edit in self.ordered() {
            write_edit(&mut out, edit);
        }
        out.finish()
    }

    /// Edits by owner, in the order the owners came first; deletions first.
    fn ordered(&self) -> Vec<&Edit> {
        let mut first: Vec<(&Name, usize)> = Vec::new();
        for (i, edit) in self.edits.iter().enumerate() {
            first.push((edit.name(), i));
        }
        first.sort();
        first.dedup_by_key(|(name, _)| *name);
        let place = |edit: &Edit| {
            let at = first.partition_point(|(name, _)| *name < edit.name());
            let came = first.get(at).map_or(0, |(_, i)| *i);
            let adds = matches!(edit, Edit::AddRRset(_) | Edit::TryRRset(_));
            (came, adds)
        };
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        edits.sort_by_cached_key(|edit| place(edit));
        edits
    }
}

fn write_prerequisite(out: &mut Composer, prerequisite: &Prerequisite) {
    match prerequisite {
        Prerequisite::NameInUse(name) => out.record(1, name, Rtype::ANY, CLASS_ANY, 0, &[]),
        Prerequisite::NameNotInUse(name) => out.record(1, name, Rtype::ANY, CLASS_NONE, 0, &[]),
        Prerequisite::RRsetExists(name, rtype) => out.record(1, name, *rtype, CLASS_ANY, 0, &[]),
        Prerequisite::RRsetAbsent(name, rtype) => out.record(1, name, *rtype, CLASS_NONE, 0, &[]),
        Prerequisite::RRsetEquals(rrset) => write_records(out, 1, rrset, CLASS_IN, 0),
    }
}

fn write_edit(out: &mut Composer, edit: &Edit) {
    match edit {
        Edit::DeleteRRset(name, rtype) => out.record(2, name, *rtype, CLASS_ANY, 0, &[]),
        Edit::DeleteName(name) => out.record(2, name, Rtype::ANY, CLASS_ANY, 0, &[]),
        Edit::DeleteRecords(rrset) => write_records(out, 2, rrset, CLASS_NONE, 0),
        Edit::AddRRset(rrset) => write_records(out, 2, rrset, CLASS_IN, rrset.ttl()),
        Edit::TryRRset(rrset) => {
            write_records(out, 2, rrset, CLASS_IN, rrset.ttl());
            out.record(2, rrset.name(), rrset.rtype(), CLASS_ANY, 0, &[]);
        }
    }
}

fn write_records(out: &mut Composer, section: usize, rrset: &RRset, class: u16, ttl: u32) {
    for datum in rrset.data() {
        out.record(section, rrset.name(), rrset.rtype(), class, ttl, datum);
    }
}

#[cfg(test)]
mod tests;
