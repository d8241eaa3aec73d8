//! Why a name is answered as it is, and what would change that.

use crate::engine::Resolver;
use crate::safeguards::Safeguards;
use crate::time::{Now, span};
use dns::Name;
use std::net::SocketAddr;

/// All that is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name.
    pub name: Name,
    /// The pin that takes it, and its terms.
    pub pin: Option<String>,
    /// The block list's pattern that takes it.
    pub blocked: Option<String>,
    /// Type by type.
    pub types: Vec<TypeReport>,
}

/// All that is known of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeReport {
    /// Name, type and flags.
    pub question: String,
    /// Where an answer would come from now.
    pub from: String,
    /// The last known good answer.
    pub good: Option<String>,
    /// What was good before it.
    pub before: Vec<String>,
    /// What the quarantine found last.
    pub finding: Option<String>,
    /// Each source that was asked.
    pub sources: Vec<SourceReport>,
    /// What would change it.
    pub change: String,
    /// What happened: unix seconds, and words.
    pub history: Vec<(u64, String)>,
}

/// What a source said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// Who.
    pub source: SocketAddr,
    /// What.
    pub said: String,
    /// How many seconds ago.
    pub ago: u64,
}

impl<S: Safeguards> Resolver<S> {
    /// Explains a name.
    pub fn why(&self, name: &Name, now: Now) -> Report {
        let rule = self
            .pins()
            .rule_of(name)
            .and_then(|i| self.pins().rules.get(i));
        let blocked = self.config().block.iter().find(|p| p.matches(name));
        Report {
            name: name.clone(),
            pin: rule.map(|rule| {
                format!(
                    "{}: stands for {}; released when {} sources agree for {}",
                    rule.pattern,
                    span(rule.max_age),
                    rule.sources,
                    span(rule.hold)
                )
            }),
            blocked: blocked.map(ToString::to_string),
            types: self.why_types(name, now),
        }
    }

    fn why_types(&self, name: &Name, now: Now) -> Vec<TypeReport> {
        let pinned = self.pins().of_name(name).map(|(key, _)| key.clone());
        let mut keys: Vec<crate::Key> = pinned.chain(self.cached_keys(name)).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .map(|key| self.why_type(&key, now))
            .collect()
    }

    fn why_type(&self, key: &crate::Key, now: Now) -> TypeReport {
        let state = self.pins().states.get(key);
        let good = state.and_then(|state| state.good.as_ref());
        let trial = state.and_then(|state| state.trial.as_ref());
        let rule = state.and_then(|state| self.pins().rules.get(state.rule));
        let entry = self.cache_entry(key);
        let left = entry.map_or(0, |e| e.fresh_until.saturating_sub(now.mono) / 1000);
        let from = match (entry, good) {
            (Some(entry), _) if now.mono < entry.fresh_until => {
                format!("the cache, for {} more", span(left))
            }
            (_, Some(_)) if trial.is_some() => "the last known good answer: quarantine".into(),
            (_, Some(_)) => "an upstream; the last known good answer if none answers".into(),
            (Some(_), None) => "an upstream; an expired answer if none answers".into(),
            (None, None) => "an upstream".into(),
        };
        let change = match (trial, good, rule) {
            (Some(trial), Some(good), Some(rule)) => format!(
                "a good answer from any source; {} sources that agree for {} (now {}); age {}, in {}; `steadfast resolver let-go {}`",
                rule.sources,
                span(rule.hold),
                span(now.seconds_since(trial.since)),
                span(rule.max_age),
                span(rule.max_age.saturating_sub(good.age(now))),
                key.name
            ),
            (None, Some(_), _) => {
                "what an upstream answers next; nothing at all only after quarantine".into()
            }
            _ => "what an upstream answers next".into(),
        };
        TypeReport {
            question: key.to_string(),
            from,
            good: good.map(|g| format!("{}, given by {}, {} ago", g.facts, g.by, span(g.age(now)))),
            before: good.map_or_else(Vec::new, |good| {
                good.alternates
                    .iter()
                    .map(|(_, facts)| facts.to_string())
                    .collect()
            }),
            finding: trial.map(|trial| trial.finding.clone()),
            sources: trial.map_or_else(Vec::new, |trial| {
                let one =
                    |(addr, (at, seen)): (&SocketAddr, &(u64, crate::pin::Seen))| SourceReport {
                        source: *addr,
                        said: seen.word().to_owned(),
                        ago: now.seconds_since(*at),
                    };
                trial.sources.iter().map(one).collect()
            }),
            change,
            history: state.map_or_else(Vec::new, |s| s.history.iter().cloned().collect()),
        }
    }
}

/// What is known of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamReport {
    /// Who.
    pub addr: SocketAddr,
    /// Questions sent to it.
    pub asked: u64,
    /// Questions that it answered, whatever the answer.
    pub answered: u64,
    /// The smoothed round trip, in microseconds; 0 before the first answer.
    pub rtt: u64,
    /// It does not answer.
    pub down: bool,
    /// How often others contradicted it lately, in percent of one.
    pub divergence: u64,
    /// Datagrams that were no answer to the question they came for.
    pub near_misses: u64,
    /// Why it is not believed.
    pub distrusted: Option<&'static str>,
}

impl<S: Safeguards> Resolver<S> {
    /// What is known of the upstreams.
    pub fn upstreams(&self) -> Vec<UpstreamReport> {
        let one = |u: &crate::upstream::Upstream| UpstreamReport {
            addr: u.addr,
            asked: u.asked,
            answered: u.answered,
            rtt: u.rtt().unwrap_or(0),
            down: u.is_down(),
            divergence: u.divergence(),
            near_misses: u.near_misses,
            distrusted: match (u.loops, u.hijacks, u.canary_failed) {
                (true, ..) => Some("it leads back to this resolver"),
                (_, true, _) => Some("it answers for names that cannot exist"),
                (.., true) => Some("it does not have the canary"),
                _ => None,
            },
        };
        self.upstream_list().iter().map(one).collect()
    }
}
