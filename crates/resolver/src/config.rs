//! What a resolver is told to do, and what of that it refuses.

use dns::{Name, Pattern, PatternError};
use std::net::SocketAddr;

/// A pin's longest age: longer is another word for forever (R2).
const LONGEST_AGE: u64 = 30 * 86_400;
/// Its shortest.
const SHORTEST_AGE: u64 = 60;

/// How long answers are kept, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlPolicy {
    /// The least; 0 takes what the authority says.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// The most for negative answers (RFC 2308 §5 advises 3 h at most).
    pub negative: u32,
    /// Up to this share of the TTL, in percent, is taken off by chance, so that what came together
    /// does not end together.
    pub jitter: u32,
}

impl Default for TtlPolicy {
    /// As the authority says, a day at most, an hour for negative answers; 5 % jitter.
    fn default() -> TtlPolicy {
        TtlPolicy {
            min: 0,
            max: 86_400,
            negative: 3600,
            jitter: 5,
        }
    }
}

/// What a resolver does not exceed. Times are milliseconds unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the cache, in octets, roughly.
    pub cache: usize,
    /// How long expired answers may stand in, in seconds (RFC 8767 §5: one to three days).
    pub max_stale: u64,
    /// The TTL of stale and held answers, in seconds (RFC 8767 §4).
    pub stale_ttl: u32,
    /// How long a client waits before it gets a stale answer (RFC 8767 §5).
    pub client_timer: u64,
    /// How long after a failure upstreams are left alone for that question (RFC 8767 §5).
    pub failure_recheck: u64,
    /// How long a question may take in all.
    pub deadline: u64,
    /// Questions on their way.
    pub flights: usize,
    /// Clients that wait for one question.
    pub waiters: usize,
    /// Questions a minute that only gather evidence.
    pub evidence: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            cache: 64 << 20,
            max_stale: 86_400,
            stale_ttl: 30,
            client_timer: 1800,
            failure_recheck: 30_000,
            deadline: 4000,
            flights: 10_000,
            waiters: 256,
            evidence: 6000,
        }
    }
}

/// Names whose last known good answer stands until its absence is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRule {
    /// Which names.
    pub pattern: Pattern,
    /// The one name, when the pattern has no star. Those are kept fresh, asked for or not, and
    /// never make room for others.
    pub exact: Option<Name>,
    /// For how long an answer stands after it was last confirmed, in seconds (R2's deadline).
    pub max_age: u64,
    /// How many independent sources have to say the same before it is believed. Two at least: a
    /// single one is what failed in October.
    pub sources: usize,
    /// For how long they have to say it, in seconds.
    pub hold: u64,
    /// How often they are asked meanwhile, in seconds.
    pub recheck: u64,
    /// How many answers a pattern may keep; the one that was not asked for the longest goes first.
    pub quota: usize,
    /// Sources besides the upstreams, of the same view: resolvers or authorities.
    pub evidence: Vec<SocketAddr>,
}

impl PinRule {
    /// A pin with the defaults: an answer stands for 24 h; two sources for 10 minutes release it;
    /// they are asked every 15 s; a pattern keeps 1,000 answers.
    ///
    /// # Errors
    /// Text that is no pattern.
    pub fn new(text: &str) -> Result<PinRule, PatternError> {
        let pattern = Pattern::parse(text, &Name::root())?;
        let starred = text.split('.').any(|label| matches!(label, "*" | "**"));
        let exact = Name::absolute(text).ok().filter(|_| !starred);
        Ok(PinRule {
            pattern,
            exact,
            max_age: 86_400,
            sources: 2,
            hold: 600,
            recheck: 15,
            quota: 1000,
            evidence: Vec::new(),
        })
    }
}

/// What a resolver is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Who resolves for us.
    pub upstreams: Vec<SocketAddr>,
    /// The pins; the first that takes a name counts.
    pub pins: Vec<PinRule>,
    /// How long answers are kept.
    pub ttl: TtlPolicy,
    /// The same for some names; the first that takes a name counts.
    pub ttl_for: Vec<(Pattern, TtlPolicy)>,
    /// Names that do not exist here, pinned or not.
    pub block: Vec<Pattern>,
    /// Bounds.
    pub limits: Limits,
    /// The view that last known good answers belong to: those of another are not used.
    pub view: String,
    /// A name that always has an A record, for judging upstreams.
    pub canary: Option<Name>,
}

/// Why a resolver does not start with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// No upstream.
    NoUpstream,
    /// An upstream is there twice: one source must not count as two.
    Twice(SocketAddr),
    /// A bound of a pin is out of range.
    Pin {
        /// The pattern.
        pin: String,
        /// The rule that is broken, and the fix.
        why: String,
    },
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConfigError::NoUpstream => f.write_str("no upstream: name at least one"),
            ConfigError::Twice(addr) => write!(
                f,
                "upstream {addr} is there twice; one source does not count as two: keep one"
            ),
            ConfigError::Pin { pin, why } => write!(f, "pin {pin}: {why}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Looks for what must not be.
    ///
    /// # Errors
    /// No upstream, one of them twice, a pin without limits.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.upstreams.is_empty() {
            return Err(ConfigError::NoUpstream);
        }
        for (i, addr) in self.upstreams.iter().enumerate() {
            if self.upstreams.iter().take(i).any(|other| other == addr) {
                return Err(ConfigError::Twice(*addr));
            }
        }
        self.pins.iter().try_for_each(check_pin)
    }

    /// How long answers about this name are kept.
    pub(crate) fn ttl_policy(&self, name: &Name) -> TtlPolicy {
        let special = self.ttl_for.iter().find(|(p, _)| p.matches(name));
        special.map_or(self.ttl, |(_, policy)| *policy)
    }
}

fn check_pin(pin: &PinRule) -> Result<(), ConfigError> {
    let refuse = |why: &str| {
        Err(ConfigError::Pin {
            pin: pin.pattern.to_string(),
            why: why.into(),
        })
    };
    match pin {
        pin if !(SHORTEST_AGE..=LONGEST_AGE).contains(&pin.max_age) => {
            refuse("max-age has to be between 60 s and 30 d; an answer must not stand for ever")
        }
        pin if pin.sources < 2 => {
            refuse("sources has to be 2 or more; the word of one is no evidence")
        }
        pin if pin.hold >= pin.max_age => {
            refuse("hold has to be shorter than max-age, or evidence never releases")
        }
        pin if !(1..=3600).contains(&pin.recheck) => {
            refuse("recheck has to be between 1 s and 1 h")
        }
        pin if pin.quota == 0 => refuse("quota has to be 1 or more, or nothing is pinned"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config() -> Config {
        Config {
            upstreams: vec!["127.0.0.1:5300".parse().unwrap()],
            pins: vec![PinRule::new("**.example.com").unwrap()],
            ..Config::default()
        }
    }

    #[test]
    fn what_must_not_be_is_refused() {
        assert_eq!(config().check(), Ok(()));
        let mut none = config();
        none.upstreams.clear();
        assert_eq!(none.check(), Err(ConfigError::NoUpstream));
        let mut twice = config();
        twice.upstreams.push(twice.upstreams[0]);
        assert!(matches!(twice.check(), Err(ConfigError::Twice(_))));
        let spoil: [fn(&mut PinRule); 6] = [
            |p| p.max_age = 0,
            |p| p.max_age = u64::MAX,
            |p| p.sources = 1,
            |p| p.hold = p.max_age,
            |p| p.recheck = 0,
            |p| p.quota = 0,
        ];
        for spoil in spoil {
            let mut config = config();
            spoil(&mut config.pins[0]);
            let text = config.check().unwrap_err().to_string();
            assert!(text.starts_with("pin **.example.com: "), "{text}");
        }
    }

    #[test]
    fn a_pattern_without_stars_is_one_name() {
        assert!(PinRule::new("**.example.com").unwrap().exact.is_none());
        let exact = PinRule::new("API.example.com").unwrap().exact.unwrap();
        assert_eq!(exact, Name::absolute("api.example.com").unwrap());
        assert!(PinRule::new("a..b").is_err());
    }
}
