//! How many transfers run at once: one follower that asks without end must not take the machine
//! from the others, nor from those who only ask.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The lanes of a server.
#[derive(Debug)]
pub(crate) struct Lanes {
    taken: Mutex<BTreeMap<IpAddr, usize>>,
    freed: Condvar,
    most: usize,
}

/// A lane that is taken; given back on drop.
#[derive(Debug)]
pub(crate) struct Lane<'l> {
    lanes: &'l Lanes,
    client: IpAddr,
}

impl Lanes {
    /// `most` transfers at once; one client may have half of them.
    pub(crate) fn new(most: usize) -> Lanes {
        Lanes {
            taken: Mutex::default(),
            freed: Condvar::new(),
            most: most.max(1),
        }
    }

    /// Waits for a lane; `None`: none was free in time.
    pub(crate) fn enter(&self, client: IpAddr, patience: Duration) -> Option<Lane<'_>> {
        let end = Instant::now() + patience;
        let mut taken = self.lock();
        loop {
            let all: usize = taken.values().sum();
            let own = taken.get(&client).copied().unwrap_or_default();
            if all < self.most && own < self.most.div_ceil(2) {
                taken.insert(client, own + 1);
                let lanes = self;
                return Some(Lane { lanes, client });
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.freed.wait_timeout(taken, left);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let mut taken = self.lanes.lock();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
        drop(taken);
        self.lanes.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_half_of_the_lanes_and_the_rest_is_for_others() {
        let lanes = Lanes::new(4);
        let (greedy, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let soon = Duration::from_millis(10);
        let first = lanes.enter(greedy, soon);
        let second = lanes.enter(greedy, soon);
        assert!(first.is_some() && second.is_some());
        assert!(lanes.enter(greedy, soon).is_none());
        assert!(lanes.enter(other, soon).is_some());
        drop(first);
        assert!(lanes.enter(greedy, soon).is_some());
    }
}
