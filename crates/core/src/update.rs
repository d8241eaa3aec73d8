//! The UPDATE that carries a write (RFC 2136), as every server is sent it.
//!
//! What order edits stand in decides what servers make of them, so it is here, where the simulator
//! runs it, too.

use crate::policy::marker_name;
use crate::server::{Require, Write};
use dns::{Change, Edit, Name, Prerequisite, RRset, Rtype, Update};

impl Write {
    /// The UPDATE: prerequisites; then each owner's edits; marker and SOA last.
    pub fn to_update(&self, zone: &Name) -> Update {
        let mut update = Update::new(zone.clone());
        let owner = marker_name(zone);
        if self.fenced {
            update = update.require(match &self.expect {
                Some(marker) => Prerequisite::RRsetEquals(marker.clone()),
                None => Prerequisite::RRsetAbsent(owner.clone(), Rtype::TXT),
            });
        }
        for require in &self.require {
            update = update.require(match require {
                Require::Equals(rrset) => Prerequisite::RRsetEquals(rrset.clone()),
                Require::Absent(name, rtype) => Prerequisite::RRsetAbsent(name.clone(), *rtype),
            });
        }
        for edit in self.edits(zone) {
            update = update.edit(edit);
        }
        update = update.edit(Edit::DeleteRRset(owner, Rtype::TXT));
        for rrset in self.marker.iter().chain(&self.soa) {
            update = update.edit(Edit::AddRRset(rrset.clone()));
        }
        update
    }

    /// Owner by owner, deletions before additions: BIND and Knot drop a CNAME that meets other data.
    fn edits(&self, zone: &Name) -> Vec<Edit> {
        let mut edits = Vec::with_capacity(self.changes.len() * 2);
        for owner in self.changes.chunk_by(|a, b| a.name() == b.name()) {
            let gone = owner.iter().filter(|c| !is_replaced_by_adding(c, zone));
            let gone = gone.filter_map(Change::before);
            let gone = gone.map(|r| Edit::DeleteRRset(r.name().clone(), r.rtype()));
            let there = owner.iter().filter_map(Change::after).cloned();
            let there = there.map(Edit::AddRRset);
            if self.deletions_first {
                edits.extend(gone.chain(there));
            } else {
                edits.extend(there.chain(gone));
            }
            let servers = owner.iter().filter(|c| is_apex_ns(c, zone));
            edits.extend(servers.filter_map(leaving).map(Edit::DeleteRecords));
        }
        edits
    }
}

/// An alias that stays one: a CNAME that is added takes the place of the one that stands (RFC 2136
/// §3.4.2.2). Deleted first, both are lost where Knot signs: it takes the signatures that still
/// stand for other data. And the name servers of the zone.
fn is_replaced_by_adding(change: &Change, zone: &Name) -> bool {
    let stays = change.before().is_some() && change.after().is_some();
    stays && change.rtype() == Rtype::CNAME || is_apex_ns(change, zone)
}

/// Servers skip a deletion of all NS at the apex (RFC 2136 §3.4.2.3): records go one by one, after
/// the new ones are there, because the last one is not deleted (§3.4.2.4).
fn is_apex_ns(change: &Change, zone: &Name) -> bool {
    change.rtype() == Rtype::NS && change.name() == zone
}

/// The records that stood and are to stand no more.
fn leaving(change: &Change) -> Option<RRset> {
    let (before, after) = (change.before()?, change.after()?);
    let stays = |datum: &[u8]| after.data().any(|d| d == datum);
    let gone: Vec<&[u8]> = before.data().filter(|d| !stays(d)).collect();
    RRset::new(before.name().clone(), before.rtype(), before.ttl(), gone).ok()
}
