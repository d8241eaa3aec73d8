//! Upstreams are looked at: do they live, do they lead back to us, do they make names up?

use super::{Effect, Over, Query, Resolver, Step, Timer};
use crate::answer::{Answer, Kind};
use crate::key::Key;
use crate::safeguards::Safeguards;
use dns::{Name, Rtype};
use std::net::SocketAddr;

/// How often all upstreams are looked at, in milliseconds; and how often while all are silent.
const EVERY: u64 = 300_000;
const WHEN_SILENT: u64 = 1000;
/// Nobody has this domain (RFC 6761 §6.4), so nobody may answer for it.
const NOWHERE: &str = "steadfast-probe.invalid";

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// A random name that does not exist: if it comes back as a client's question the upstream
    /// leads to us; if it is answered, the upstream makes answers up.
    Nowhere,
    /// Any answer will do; of the canary, only one with records.
    Alive,
}

impl<S: Safeguards> Resolver<S> {
    /// Looks at all upstreams: whether they live, and now and then what they are worth.
    pub(super) fn probe(&mut self, step: &mut Step<'_>) {
        let down = self.upstreams.all_down();
        let wait = if down { WHEN_SILENT } else { EVERY };
        self.timers.retain(|(_, timer)| *timer != Timer::Probe);
        self.at(step.now.mono + wait, Timer::Probe);
        let alive = match &self.config.canary {
            Some(name) => Key::new(name.clone(), Rtype::A),
            None => Key::new(Name::root(), Rtype::NS),
        };
        let addrs: Vec<SocketAddr> = self.upstreams.list.iter().map(|u| u.addr).collect();
        if !down {
            self.loop_names.clear();
        }
        for addr in addrs {
            self.send(&alive, addr, Over::Udp, Some(Probe::Alive), step);
            if down {
                continue;
            }
            let label = format!("{:016x}", (step.draw)());
            let nowhere = Name::absolute(NOWHERE).and_then(|n| n.child(label.as_bytes()));
            if let Ok(name) = nowhere {
                self.loop_names.insert(name.clone(), addr);
                let key = Key::new(name, Rtype::A);
                self.send(&key, addr, Over::Udp, Some(Probe::Nowhere), step);
            }
        }
    }

    /// While all are silent, looks more often.
    pub(super) fn probe_soon(&mut self, mono: u64) {
        let soon = mono + WHEN_SILENT;
        let planned = self
            .timers
            .iter()
            .any(|(at, t)| *t == Timer::Probe && *at <= soon);
        if !planned {
            self.at(soon, Timer::Probe);
        }
    }

    /// A probe was answered.
    pub(super) fn probed(&mut self, asked: &Query, probe: Probe, kind: &Kind, step: &mut Step<'_>) {
        let has_canary = self.config.canary.is_some();
        let Some(upstream) = self.upstreams.get(asked.to) else {
            return;
        };
        match (probe, kind) {
            (Probe::Nowhere, Kind::Positive(facts)) => {
                if !upstream.hijacks {
                    let text = format!(
                        "upstream {} answers for names that cannot exist ({facts}); such answers count as NXDOMAIN",
                        asked.to
                    );
                    step.out.push(Effect::Note(text));
                }
                upstream.hijacks = true;
                upstream.made_up = facts.addresses.clone();
            }
            (Probe::Nowhere, Kind::NxDomain(_) | Kind::NoData(_)) => {
                upstream.hijacks = false;
                upstream.loops = false;
                upstream.made_up.clear();
            }
            (Probe::Alive, Kind::Positive(_)) => upstream.canary_failed = false,
            (Probe::Alive, _) if has_canary => {
                if !upstream.canary_failed {
                    let text = format!("upstream {} has no canary: {}", asked.to, kind.word());
                    step.out.push(Effect::Note(text));
                }
                upstream.canary_failed = true;
            }
            _ => {}
        }
    }

    /// Our own probe came back as a question.
    pub(super) fn found_loop(&mut self, addr: SocketAddr, step: &mut Step<'_>) {
        if let Some(upstream) = self.upstreams.get(addr).filter(|u| !u.loops) {
            upstream.loops = true;
            let text =
                format!("upstream {addr} leads back to this resolver: it is not asked any more");
            step.out.push(Effect::Note(text));
        }
    }

    /// What an upstream makes up for any name is no answer: the name does not exist.
    pub(super) fn see_through(
        &mut self,
        from: SocketAddr,
        (kind, answer): (Kind, Option<Answer>),
    ) -> (Kind, Option<Answer>) {
        let made_up = self.upstreams.get(from).map(|u| &u.made_up);
        match (&kind, made_up) {
            (Kind::Positive(facts), Some(made_up))
                if !facts.addresses.is_empty() && facts.addresses.is_subset(made_up) =>
            {
                (Kind::NxDomain(None), Some(Answer::nothing()))
            }
            _ => (kind, answer),
        }
    }
}
