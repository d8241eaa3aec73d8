//! A DNS server as far as updates go: prerequisites and changes at one instant (RFC 2136 §3), a
//! deadline by its own clock (RFC 8945 §5.2.3), a served view that may trail, and bad habits.

mod follower;
mod habit;
mod update;

pub(crate) use follower::Serials;
pub use follower::{Follower, Followers, Found, same, serial};
pub use habit::Habit;
pub use update::update;

use dns::{Name, RRset, Rcode, Rtype};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use steadfast_core::server::{Reply, Write};
use steadfast_core::time::Time;

/// A zone's records as a server keeps them.
pub type Records = BTreeMap<(Name, Rtype), RRset>;

/// A server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in the ledger.
    pub id: String,
    /// The zone's apex.
    pub apex: Name,
    /// The owner of the marker.
    pub marker: Name,
    /// What it keeps, and compares with.
    pub kept: Arc<Records>,
    /// What it answers with.
    pub served: Arc<Records>,
    /// Versions between the two, oldest first.
    pub trailing: VecDeque<Arc<Records>>,
    /// Whether the served view trails.
    pub lags: bool,
    /// Its habit.
    pub habit: Habit,
    /// Milliseconds ahead of the world's clock.
    pub skew: i64,
    /// Whether it is down.
    pub down: bool,
    /// Whether it refuses updates.
    pub refuses: bool,
    /// A backup.
    pub backup: Option<Arc<Records>>,
    /// The highest serial that a follower may have.
    pub highest: u32,
    /// How often the served view changed.
    pub views: u64,
}

impl Server {
    /// What a write leads to, at an instant. `None`: nobody is there.
    pub fn take(&mut self, now: u64, write: &Write) -> Option<Reply> {
        if self.down {
            return None;
        }
        if self.refuses {
            return Some(Reply::Refused("REFUSED".into()));
        }
        let shown = Time(now.saturating_add_signed(self.skew));
        let clock = shown.unix_seconds();
        if clock.abs_diff(write.signed_at.unix_seconds()) > u64::from(write.fudge) {
            return Some(Reply::Late("BADTIME".into(), Some(shown)));
        }
        let asked = write.to_update(&self.apex);
        let (require, edits) = (asked.prerequisites(), asked.edits());
        match update(&self.kept, &self.apex, self.habit, require, edits) {
            Ok(next) => {
                self.keep(next);
                Some(Reply::Accepted)
            }
            Err(rcode) if is_prerequisite(rcode) => Some(Reply::Fenced(rcode.to_string())),
            Err(Rcode::SERVFAIL) => Some(Reply::Unknown(Rcode::SERVFAIL.to_string())),
            Err(rcode) => Some(Reply::Refused(rcode.to_string())),
        }
    }

    /// Keeps a new version, and serves it at once where the view does not trail.
    pub fn keep(&mut self, next: Records) {
        self.kept = Arc::new(next);
        let serial = self.serial();
        if exceeds(serial, self.highest) {
            self.highest = serial;
        }
        if self.lags {
            self.trailing.push_back(self.kept.clone());
        } else {
            self.served = self.kept.clone();
            self.views += 1;
        }
    }

    /// Serves one version more.
    pub fn show(&mut self) -> bool {
        let next = self.trailing.pop_front();
        if let Some(next) = next {
            self.served = next;
            self.views += 1;
            return true;
        }
        false
    }

    /// Somebody sets an RRset; the serial moves.
    pub fn set(&mut self, name: &Name, rtype: Rtype, set: Option<&RRset>) {
        let mut next = Records::clone(&self.kept);
        next.remove(&(name.clone(), rtype));
        if let Some(set) = set {
            add(&mut next, set);
        }
        set_serial(&mut next, &self.apex, self.serial().wrapping_add(1));
        self.keep(next);
    }

    /// Comes back with the backup's content, and nothing of the time since.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else {
            return false;
        };
        self.kept = backup.clone();
        self.served = backup;
        self.views += 1;
        self.trailing.clear();
        true
    }

    /// The serial kept.
    pub fn serial(&self) -> u32 {
        let soa = self.kept.get(&(self.apex.clone(), Rtype::SOA));
        soa.and_then(serial_of).unwrap_or(0)
    }
}

/// Adds as servers do: what can't stand beside what is there is dropped without a word.
fn add(records: &mut Records, set: &RRset) {
    let name = set.name();
    let other =
        |(n, t): &(Name, Rtype)| n == name && (*t == Rtype::CNAME) != (set.rtype() == Rtype::CNAME);
    let from = (name.clone(), Rtype(0));
    let meets = records.range(from..).take_while(|((n, _), _)| n == name);
    if meets.map(|(key, _)| key).any(other) {
        return;
    }
    records.insert((name.clone(), set.rtype()), set.clone());
}

/// Whether a response code says that a prerequisite did not hold (RFC 2136 §2.2).
fn is_prerequisite(rcode: Rcode) -> bool {
    [
        Rcode::NXDOMAIN,
        Rcode::YXDOMAIN,
        Rcode::YXRRSET,
        Rcode::NXRRSET,
    ]
    .contains(&rcode)
}

/// RFC 1982, written down a second time.
pub(crate) fn exceeds(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

fn serial_of(soa: &RRset) -> Option<u32> {
    let datum = soa.data().next()?;
    let at = datum.len().checked_sub(20)?;
    let octets = datum.get(at..at + 4)?;
    Some(octets.iter().fold(0, |n, o| n << 8 | u32::from(*o)))
}

fn set_serial(records: &mut Records, apex: &Name, serial: u32) {
    let Some(soa) = records.get_mut(&(apex.clone(), Rtype::SOA)) else {
        return;
    };
    let mut datum = soa.data().next().unwrap_or_default().to_vec();
    let at = datum.len().saturating_sub(20);
    if let Some(octets) = datum.get_mut(at..at + 4) {
        octets.copy_from_slice(&serial.to_be_bytes());
        if let Ok(new) = RRset::new(apex.clone(), Rtype::SOA, soa.ttl(), [datum]) {
            *soa = new;
        }
    }
}
