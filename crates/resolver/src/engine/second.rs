//! The first word about a pinned name, where nothing good is remembered that could stand in.

use super::{Resolver, Step};
use crate::answer::{Answer, Kind};
use crate::key::Key;
use crate::safeguards::{Safeguard, Safeguards};
use std::net::SocketAddr;
use std::sync::Arc;

/// Somebody said that there is nothing: who, and what.
pub(super) type Negative = (SocketAddr, Kind, Option<Arc<Answer>>);

impl<S: Safeguards> Resolver<S> {
    /// Whether another upstream is heard before a client is told that a pinned name has nothing (R1).
    ///
    /// One that has it is believed, two that say the same are, and the first one is when no other
    /// says anything: there is nothing better to serve, and silence is no evidence (I7). A second
    /// question counts in the minute's budget for evidence; without a living upstream besides, and
    /// for an AAAA whose A stands, there is none.
    pub(super) fn wants_second(
        &mut self,
        key: &Key,
        negative: Negative,
        step: &mut Step<'_>,
    ) -> bool {
        if !matches!(negative.1, Kind::NoData(_) | Kind::NxDomain(_))
            || !self.safeguards.has(Safeguard::SecondWord)
            || !self.pins.is_without_good(key)
            || self.pins.companion_stands(key, step.now)
        {
            return false;
        }
        let Some(flight) = self.flights.get(key) else {
            return false;
        };
        let mut others = self.upstreams.list.iter();
        let fits = |addr: &SocketAddr| !flight.asked.contains(addr);
        let lives = others.any(|u| !u.loops && !u.is_down() && fits(&u.addr));
        let on_way = !flight.open.is_empty();
        if flight.negative.is_some() || !(lives || on_way) || !self.may_gather(step.now.mono) {
            return false;
        }
        if let Some(flight) = self.flights.get_mut(key) {
            flight.negative = Some(negative);
            flight.heard = true;
        }
        if !on_way {
            self.attempt(key, step);
        }
        true
    }

    /// Nobody said anything besides: the first word counts after all. Whether there was one.
    pub(super) fn take_first(&mut self, key: &Key, step: &mut Step<'_>) -> bool {
        let flight = self.flights.get_mut(key);
        let Some((from, kind, answer)) = flight.and_then(|flight| flight.negative.take()) else {
            return false;
        };
        self.take(key, from, &kind, answer, step);
        true
    }

    /// Somebody has it: who said that there is nothing was wrong about it.
    pub(super) fn contradict_first(&mut self, key: &Key, mono: u64) {
        let flight = self.flights.get_mut(key);
        if let Some((from, ..)) = flight.and_then(|flight| flight.negative.take()) {
            self.upstreams.diverged(from, mono);
        }
    }
}
