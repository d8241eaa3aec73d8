//! Servers that transfer from a primary. They are asked, and never written to.

use super::{Records, Server, exceeds, serial_of};
use crate::action::Srv;
use dns::{Name, Rtype};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A server that transfers from a primary.
#[derive(Clone, Debug)]
pub struct Follower {
    /// What it answers with.
    pub served: Arc<Records>,
    /// Whether it is down. Its zone is on disk: it comes back with what it had.
    pub down: bool,
}

/// What a follower found when it asked its primary for the SOA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A newer serial: it transferred.
    Newer,
    /// The serial that it has, or an older one, and the same data.
    Same,
    /// A serial that is no newer, with other data: it keeps what it has (a restored primary).
    Stuck,
    /// Nobody answered.
    Nobody,
}

/// The followers of every primary, by number. One that was never seen asking is not there yet.
#[derive(Clone, Debug, Default)]
pub struct Followers(BTreeMap<(Srv, u8), Follower>);

impl Followers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = ((Srv, u8), &Follower)> {
        self.0.iter().map(|(at, follower)| (*at, follower))
    }

    /// One of them.
    pub fn get(&self, at: (Srv, u8)) -> Option<&Follower> {
        self.0.get(&at)
    }

    /// Takes one off the network, or brings it back.
    pub fn set_down(&mut self, at: (Srv, u8), down: bool) {
        if let Some(follower) = self.0.get_mut(&at) {
            follower.down = down;
        }
    }

    /// One asks its primary for the SOA and transfers what is newer by RFC 1982, all of it at one
    /// instant (RFC 1034 §4.3.5). Its first transfer is where it begins.
    pub fn ask(&mut self, at: (Srv, u8), primary: &Server) -> Found {
        if primary.down {
            return Found::Nobody;
        }
        let follower = match self.0.entry(at) {
            std::collections::btree_map::Entry::Vacant(place) => {
                let served = primary.served.clone();
                let down = false;
                place.insert(Follower { served, down });
                return Found::Newer;
            }
            std::collections::btree_map::Entry::Occupied(place) => place.into_mut(),
        };
        if follower.down {
            return Found::Nobody;
        }
        let (theirs, own) = (serial(&primary.served), serial(&follower.served));
        if exceeds(theirs, own) {
            follower.served = primary.served.clone();
            Found::Newer
        } else if same(&primary.served, &follower.served, &primary.apex) {
            Found::Same
        } else {
            Found::Stuck
        }
    }

    /// The serials of a primary and all its followers.
    ///
    /// # Errors
    /// The first of them that does not answer.
    pub fn serials(&self, srv: usize, primary: &Server) -> Result<Vec<u32>, String> {
        let mut serials = vec![primary.serial()];
        let mut theirs = self.of(srv).peekable();
        if theirs.peek().is_none() {
            // Followers that nobody modelled may have whatever was ever kept.
            serials.push(primary.highest);
        }
        for ((_, n), follower) in theirs {
            if follower.down {
                return Err(format!("follower {n} of {} does not answer", primary.id));
            }
            serials.push(serial(&follower.served));
        }
        Ok(serials)
    }

    /// The highest serial that a follower has of a primary that came back with older data; `None`:
    /// it has no followers here.
    pub fn highest(&self, srv: usize) -> Option<u32> {
        let serials = self.of(srv).map(|(_, f)| serial(&f.served));
        serials.reduce(|a, b| if exceeds(b, a) { b } else { a })
    }

    fn of(&self, srv: usize) -> impl Iterator<Item = ((Srv, u8), &Follower)> {
        self.iter()
            .filter(move |((s, _), _)| usize::from(*s) == srv)
    }
}

/// Serials of zones as they stood when they were last asked for: few events move one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Serials(Vec<(Arc<Records>, u32)>);

impl Serials {
    /// The serial of the zone at that place.
    pub(crate) fn of(&mut self, place: usize, zone: &Arc<Records>) -> u32 {
        if let Some((known, serial)) = self.0.get(place)
            && Arc::ptr_eq(known, zone)
        {
            return *serial;
        }
        let serial = serial(zone);
        self.0.truncate(place);
        self.0.push((zone.clone(), serial));
        serial
    }
}

/// The serial served; zero where there is no SOA.
pub fn serial(records: &Records) -> u32 {
    let mut soa = records.iter().filter(|((_, t), _)| *t == Rtype::SOA);
    soa.find_map(|(_, set)| serial_of(set)).unwrap_or(0)
}

/// Whether two views say the same, the SOA left aside.
pub fn same(one: &Records, other: &Records, apex: &Name) -> bool {
    let ours = |((n, t), _): &(&(Name, Rtype), &dns::RRset)| !(n == apex && *t == Rtype::SOA);
    one.iter().filter(ours).eq(other.iter().filter(ours))
}
