//! Whom to ask: upstreams judged by how fast they are, how often they fail, and what they say.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// Failures in a row before an upstream is left alone for a while.
const STREAK: u32 = 3;
/// The first of those pauses, and the longest, in milliseconds.
const PAUSE: u64 = 1000;
const LONGEST_PAUSE: u64 = 30_000;
/// What an upstream is thought to take before it was asked, in microseconds.
const UNKNOWN_RTT: u64 = 50_000;
/// One question in so many goes to another than the best, to learn how those are.
const EXPLORE: u64 = 32;
/// Half of what is remembered against an upstream is forgotten in this time, in milliseconds.
const HALF_LIFE: u64 = 60_000;
/// What one remembered failure, or contradiction, weighs against speed, in microseconds.
const FAULT: u64 = 100_000;

/// One upstream.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    /// Smoothed round trip and its deviation, in microseconds (RFC 6298 §2).
    rtt: Option<(u64, u64)>,
    /// Failures, forgotten by halves, times 1024.
    faults: u64,
    /// Contradicted by other sources, the same way.
    divergence: u64,
    /// When those were last brought up to date.
    faults_at: u64,
    /// Failures since the last answer.
    pub(crate) streak: u32,
    paused_until: u64,
    /// Whether it repeats the question's letters as they were sent.
    pub(crate) keeps_case: bool,
    /// Somebody guessed at our questions to it.
    pub(crate) near_misses: u64,
    /// It leads back to ourselves.
    pub(crate) loops: bool,
    /// It answers for names that cannot exist.
    pub(crate) hijacks: bool,
    /// The addresses that it makes up.
    pub(crate) made_up: BTreeSet<IpAddr>,
    /// It did not have the canary.
    pub(crate) canary_failed: bool,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
}

impl Upstream {
    fn new(addr: SocketAddr) -> Upstream {
        Upstream {
            addr,
            rtt: None,
            faults: 0,
            divergence: 0,
            faults_at: 0,
            streak: 0,
            paused_until: 0,
            keeps_case: true,
            near_misses: 0,
            loops: false,
            hijacks: false,
            made_up: BTreeSet::new(),
            canary_failed: false,
            asked: 0,
            answered: 0,
        }
    }

    fn decay(&mut self, mono: u64) {
        let halves = mono.saturating_sub(self.faults_at) / HALF_LIFE;
        if halves > 0 {
            let halves_32 = u32::try_from(halves).unwrap_or(u32::MAX);
            self.faults = self.faults.checked_shr(halves_32).unwrap_or(0);
            self.divergence = self.divergence.checked_shr(halves_32).unwrap_or(0);
            self.faults_at += halves * HALF_LIFE;
        }
    }

    /// Lower is better; in microseconds.
    fn score(&self) -> u64 {
        let rtt = self.rtt.map_or(UNKNOWN_RTT, |(mean, _)| mean);
        let words = u64::from(self.hijacks) + u64::from(self.canary_failed);
        rtt + (self.faults + self.divergence) * FAULT / 1024 + words * 10 * FAULT
    }

    /// The smoothed round trip, in microseconds.
    pub(crate) fn rtt(&self) -> Option<u64> {
        self.rtt.map(|(mean, _)| mean)
    }

    /// Whether it said nothing several times in a row.
    pub(crate) fn is_down(&self) -> bool {
        self.streak >= STREAK
    }

    /// How often others contradicted it lately, in percent of one.
    pub(crate) fn divergence(&self) -> u64 {
        self.divergence * 100 / 1024
    }
}

/// All of them. Never none (R3): an empty list leaves the old one in place.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) list: Vec<Upstream>,
}

impl Upstreams {
    pub(crate) fn new(addrs: &[SocketAddr]) -> Upstreams {
        Upstreams {
            list: addrs.iter().copied().map(Upstream::new).collect(),
        }
    }

    /// Takes another list, keeping what is known of those that stay. An empty one changes nothing,
    /// and `false` says so (R3), as long as the last one is kept.
    pub(crate) fn replace(&mut self, addrs: &[SocketAddr], keeps_last: bool) -> bool {
        if addrs.is_empty() && keeps_last {
            return false;
        }
        let old = std::mem::take(&mut self.list);
        let known = |addr: &SocketAddr| old.iter().find(|u| u.addr == *addr).cloned();
        self.list = addrs
            .iter()
            .map(|addr| known(addr).unwrap_or_else(|| Upstream::new(*addr)))
            .collect();
        true
    }

    pub(crate) fn get(&mut self, addr: SocketAddr) -> Option<&mut Upstream> {
        self.list.iter_mut().find(|u| u.addr == addr)
    }

    /// Whom to ask next, besides those that were asked. `None`: all were.
    ///
    /// Those that are left alone come last, but they come: with all of them down, one of them is
    /// asked all the same (R3). One that leads back to ourselves never is.
    pub(crate) fn choose(
        &mut self,
        asked: &[SocketAddr],
        mono: u64,
        chance: u64,
    ) -> Option<SocketAddr> {
        for upstream in &mut self.list {
            upstream.decay(mono);
        }
        let fits = |u: &&Upstream| !u.loops && !asked.contains(&u.addr);
        let mut open: Vec<&Upstream> = self.list.iter().filter(fits).collect();
        open.sort_by_key(|u| (u.paused_until > mono, u.score()));
        let healthy = open.iter().filter(|u| u.paused_until <= mono).count();
        let at = match chance % EXPLORE {
            0 if asked.is_empty() && healthy > 1 => 1 + (chance / EXPLORE) as usize % (healthy - 1),
            _ => 0,
        };
        open.get(at).map(|u| u.addr)
    }

    /// Whether none of them answered lately: waiting for one is waiting in vain.
    pub(crate) fn all_down(&self) -> bool {
        self.list.iter().all(|u| u.is_down() || u.loops)
    }

    /// How long to wait before another is asked as well, in milliseconds.
    pub(crate) fn patience(&self, addr: SocketAddr) -> u64 {
        let known = self.list.iter().find(|u| u.addr == addr);
        let rtt = known.and_then(|u| u.rtt);
        rtt.map_or(400, |(mean, deviation)| {
            ((mean + 4 * deviation) / 1000).clamp(50, 800)
        })
    }

    /// It answered, after so many microseconds.
    pub(crate) fn answered(&mut self, addr: SocketAddr, micros: u64) {
        if let Some(upstream) = self.get(addr) {
            upstream.answered += 1;
            upstream.streak = 0;
            upstream.paused_until = 0;
            upstream.rtt = Some(match upstream.rtt {
                None => (micros, micros / 2),
                Some((mean, deviation)) => (
                    (7 * mean + micros) / 8,
                    (3 * deviation + mean.abs_diff(micros)) / 4,
                ),
            });
        }
    }

    /// It said that it failed: alive, but worth less.
    pub(crate) fn failed(&mut self, addr: SocketAddr, mono: u64) {
        if let Some(upstream) = self.get(addr) {
            upstream.decay(mono);
            upstream.faults = (upstream.faults + 1024).min(64 * 1024);
        }
    }

    /// It said nothing, or could not be reached.
    pub(crate) fn silent(&mut self, addr: SocketAddr, mono: u64) {
        self.failed(addr, mono);
        if let Some(upstream) = self.get(addr) {
            upstream.streak = upstream.streak.saturating_add(1);
            if let Some(times) = upstream.streak.checked_sub(STREAK) {
                let pause = PAUSE.checked_shl(times.min(8)).unwrap_or(LONGEST_PAUSE);
                upstream.paused_until = mono + pause.min(LONGEST_PAUSE);
            }
        }
    }

    /// Others contradicted it about a pinned name.
    pub(crate) fn diverged(&mut self, addr: SocketAddr, mono: u64) {
        if let Some(upstream) = self.get(addr) {
            upstream.decay(mono);
            upstream.divergence = (upstream.divergence + 1024).min(64 * 1024);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn three() -> (Upstreams, [SocketAddr; 3]) {
        let addrs = ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"].map(|a| a.parse().unwrap());
        (Upstreams::new(&addrs), addrs)
    }

    #[test]
    fn the_fast_one_that_answers_is_asked_first_and_hedges_go_elsewhere() {
        let (mut all, [a, b, c]) = three();
        all.answered(a, 80_000);
        all.answered(b, 2000);
        all.answered(c, 20_000);
        assert_eq!(all.choose(&[], 0, 1), Some(b));
        assert_eq!(all.choose(&[b], 0, 1), Some(c));
        assert_eq!(all.choose(&[b, c, a], 0, 1), None);
        all.failed(b, 0);
        assert_eq!(all.choose(&[], 0, 1), Some(c), "a failure weighs 100 ms");
        assert_eq!(
            all.choose(&[], 10 * HALF_LIFE, 1),
            Some(b),
            "and is forgotten"
        );
        let explored = (0..64)
            .filter(|n| all.choose(&[], 10 * HALF_LIFE, *n) != Some(b))
            .count();
        assert_eq!(explored, 2);
    }

    #[test]
    fn all_of_them_down_is_not_none_of_them() {
        let (mut all, [a, b, c]) = three();
        for addr in [a, b, c] {
            (0..5).for_each(|_| all.silent(addr, 1000));
        }
        assert!(all.all_down());
        assert!(all.choose(&[], 1001, 1).is_some(), "R3");
        all.answered(b, 5000);
        assert!(!all.all_down());
        assert_eq!(all.choose(&[], 1001, 1), Some(b));
    }

    #[test]
    fn an_empty_list_changes_nothing() {
        let (mut all, [a, b, _]) = three();
        all.answered(a, 1000);
        assert!(!all.replace(&[], true), "R3");
        assert_eq!(all.list.len(), 3);
        assert!(all.replace(&[b, a], true));
        assert_eq!(
            all.get(a).unwrap().rtt(),
            Some(1000),
            "what is known is kept"
        );
    }

    #[test]
    fn one_that_leads_back_to_us_is_never_asked() {
        let (mut all, [a, b, c]) = three();
        all.get(a).unwrap().loops = true;
        for n in 0..100 {
            assert_ne!(all.choose(&[], 0, n), Some(a));
        }
        for addr in [b, c] {
            all.get(addr).unwrap().loops = true;
        }
        assert_eq!(all.choose(&[], 0, 1), None);
        assert!(all.all_down());
    }
}
