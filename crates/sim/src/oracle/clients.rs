//! What clients are told, through caches that ask any authority.
//!
//! What is a violation, and what is none:
//! - A critical name without an address is one, however old what the cache kept is (I3). Where
//!   the pieces were heard at different times, each of them true, it is what caches hold that was
//!   disregarded (I13).
//! - An answer of an older generation than the same authority gave before is one (I2), unless it
//!   came back from a backup since, or another ledger has the zone.
//! - An old answer out of a cache within its TTL is none, nor one of another authority that is
//!   behind: both are what the protocol promises.

use super::Oracle;
use crate::action::Srv;
use crate::server::{Records, Server};
use dns::{Name, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use steadfast_core::marker::{LedgerId, Marker};

/// A server, or one of its followers.
pub type Authority = (Srv, Option<u8>);

/// What was heard, by whom of whom: the ledger, and the generation of the newest answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    newest: Arc<BTreeMap<(u8, Authority), (LedgerId, u64)>>,
    /// Servers that came back with the marker that was verified there, though with an older serial:
    /// nothing shows that they did (I2), and a follower may have what was lost.
    unseen: BTreeSet<usize>,
    /// The zone's ledger is an older copy of itself. It does not know which serials servers have had
    /// since: one that comes back without its marker may be just as the copy says, and nothing shows
    /// that it is not, but what its followers have.
    aged: bool,
    /// Servers that came back with older data. A follower goes back once after each time, when it
    /// transfers that: a zone file that is loaded later may make it do so before the repair.
    back: BTreeSet<Srv>,
    /// Which followers have, as each cache heard it.
    followed: BTreeSet<(u8, Authority)>,
}

impl Heard {
    /// Whether a follower may be heard with older data: it follows its primary's return.
    fn goes_back(&mut self, cache: u8, of: Authority) -> bool {
        of.1.is_some() && self.back.contains(&of.0) && self.followed.insert((cache, of))
    }

    /// A server came back with older data: what it and its followers said before bounds nothing.
    fn forget(&mut self, srv: usize) {
        let of = |at: &(u8, Authority)| usize::from(at.1.0) == srv;
        if self.newest.keys().any(of) {
            Arc::make_mut(&mut self.newest).retain(|at, _| !of(at));
        }
        self.followed.retain(|at| !of(at));
        self.back.extend(Srv::try_from(srv));
    }
}

impl Oracle {
    /// A cache heard an answer from an authority whose view this was.
    pub fn heard(&mut self, cache: u8, of: Authority, view: &Records) {
        let owner = self.policy.marker_name();
        let marker = view.get(&(owner, Rtype::TXT));
        let Some(marker) = marker.and_then(|m| Marker::read(m).ok()) else {
            return;
        };
        let now = (marker.ledger, marker.configuration);
        let before = self.heard.newest.get(&(cache, of)).copied();
        if before == Some(now) {
            return;
        }
        if let Some((ledger, newest)) = before
            && ledger == now.0
            && now.1 < newest
            && !self.heard.goes_back(cache, of)
        {
            let text = format!(
                "cache {cache} heard generation {} from {} after {newest}",
                now.1,
                called(of)
            );
            return self.accuse("I2", text);
        }
        Arc::make_mut(&mut self.heard.newest).insert((cache, of), now);
    }

    /// A client asked for a critical name's addresses, of either family, and there are none.
    pub fn told_nothing(&mut self, cache: u8, of: Authority, name: &Name, pieced: bool) {
        let of = called(of);
        if pieced {
            let text = format!(
                "a client of cache {cache} is told that {name} has no address: each piece was true when it was heard, the last of them from {of}"
            );
            return self.accuse("I13", text);
        }
        let text = format!("a client of cache {cache} is told by {of} that {name} has no address");
        self.accuse("I3", text);
    }

    /// A server came back with older data, or without its marker.
    pub fn reset(&mut self, srv: usize, server: &Server) {
        let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT));
        let marker = marker.and_then(|m| Marker::read(m).ok());
        let last = self.ledgers.iter().map(|l| l.state.last).max().unwrap_or(0);
        if let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) {
            watch.last = marker.map_or((0, 0, 0), |m| (m.sequence, m.configuration, m.health));
            watch.came_back(server, last);
        }
        self.unhear(srv, server, marker.map(|m| m.sequence));
    }

    fn unhear(&mut self, srv: usize, server: &Server, marker: Option<u64>) {
        self.heard.forget(srv);
        let held = self.state(0).and_then(|s| s.servers.get(&server.id));
        if held.is_some_and(|s| marker < s.verified) && !self.heard.aged {
            self.heard.unseen.remove(&srv);
        } else {
            self.heard.unseen.insert(srv);
        }
    }

    /// A store and a copy of it changed places.
    pub fn put_back(&mut self, copy: usize) {
        self.ledgers.swap(0, copy);
        self.heard.aged = true;
        let back = self.watches.iter().enumerate();
        let back = back.filter(|(_, watch)| watch.has_returned());
        self.heard.unseen.extend(back.map(|(srv, _)| srv));
    }

    /// A follower that keeps other data than its primary for good: the primary is whole by the
    /// ledger, and its serial is no newer (I2: the repair's exceeds every authority's).
    pub fn follows(&self, at: (Srv, u8), stuck: bool, primary: &Server) -> Option<String> {
        // While the zone is frozen for good, a lost marker is not planted, nor anything repaired.
        if self.is_frozen_for_good() || self.heard.unseen.contains(&usize::from(at.0)) {
            return None;
        }
        let state = self.state(0)?;
        let held = state.servers.get(&primary.id)?;
        let whole = held.is_whole_at(state.goal(&primary.id)) && held.halted.is_none();
        (stuck && whole && held.drift.is_empty()).then(|| {
            let serial = primary.serial();
            let who = called((at.0, Some(at.1)));
            format!("{who} keeps other data, and will: the primary is whole at serial {serial}")
        })
    }
}

/// What an authority is called.
pub(super) fn called((srv, follower): Authority) -> String {
    match follower {
        None => format!("ns{srv}"),
        Some(n) => format!("ns{srv}'s follower {n}"),
    }
}
