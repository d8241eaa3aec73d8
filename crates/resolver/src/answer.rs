//! An upstream's message, reduced to what answers the question.
//!
//! Only the chain from the name asked to the records asked for is kept, and what proves it: records
//! that nobody asked for are how caches are poisoned. Aliases come first and in order, because
//! there are clients that read no other (glibc's, for one).

use crate::body::{Body, Patch};
use crate::class::Facts;
use crate::key::Key;
use dns::message::{CLASS_IN, Message, Record};
use dns::{Name, Rcode, Rtype, Soa};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The most aliases that are followed.
pub(crate) const MAX_ALIASES: usize = 11;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// There are records.
    Positive(Facts),
    /// The name, or the last one of the aliases, has no such records. For so many seconds, where
    /// an SOA says so (RFC 2308 §5: without one it is not to be cached).
    NoData(Option<u32>),
    /// The name does not exist. Seconds as for `NoData`.
    NxDomain(Option<u32>),
    /// The upstream did not resolve the name, and why.
    Failed(String),
    /// Validation failed at the upstream (RFC 8914: 6 to 12), and how.
    Bogus(String),
    /// The upstream's own policy keeps the name from us (RFC 8914: 15, 17).
    Blocked(String),
}

impl Kind {
    /// In a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Positive(_) => "an answer",
            Kind::NoData(_) => "NODATA",
            Kind::NxDomain(_) => "NXDOMAIN",
            Kind::Failed(_) => "a failure",
            Kind::Bogus(_) => "a validation failure",
            Kind::Blocked(_) => "a block",
        }
    }
}

/// An answer that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// NOERROR or NXDOMAIN; anything else is not kept.
    pub rcode: Rcode,
    /// The upstream says that it validated (AD). Whether that is worth anything depends on the
    /// upstream, and on the way to it.
    pub authentic: bool,
    /// Seconds it may be used: the least TTL of its records, or what RFC 2308 gives.
    pub ttl: u32,
    /// When the first of its signatures ends, in unix seconds as signatures count them.
    pub signed_until: Option<u32>,
    /// For who asked for signatures.
    pub(crate) full: Body,
    /// For who did not, if that makes a difference.
    pub(crate) plain: Option<Body>,
}

impl Answer {
    /// NXDOMAIN without a record: not to be kept.
    pub(crate) fn nothing() -> Answer {
        Answer {
            rcode: Rcode::NXDOMAIN,
            authentic: false,
            ttl: 0,
            signed_until: None,
            full: Body::default(),
            plain: None,
        }
    }

    /// Memory in octets, roughly.
    pub(crate) fn weight(&self) -> usize {
        120 + self.full.weight() + self.plain.as_ref().map_or(0, Body::weight)
    }

    /// The records for who wants signatures, or for who does not.
    pub fn body(&self, signatures: bool) -> &Body {
        match &self.plain {
            Some(plain) if !signatures => plain,
            _ => &self.full,
        }
    }

    pub(crate) fn append(&self, signatures: bool, patch: Patch, out: &mut Vec<u8>) -> [u16; 2] {
        let body = self.body(signatures);
        body.append(patch, out);
        body.counts()
    }
}

/// What the message says about the question, and what of it can be kept.
///
/// It trusts that the message answers this question: [`crate::verify`] says so.
pub(crate) fn read(key: &Key, message: &Message) -> (Kind, Option<Answer>) {
    if let Some(kind) = verdict(message) {
        return (kind, None);
    }
    let chain = match Chain::follow(key, message) {
        Ok(chain) => chain,
        Err(why) => return (Kind::Failed(why.into()), None),
    };
    let soa = message
        .authority
        .iter()
        .find(|r| r.rtype == Rtype::SOA && r.class == CLASS_IN && chain.end.is_under(&r.name));
    let negative_ttl = soa.and_then(|soa| Some(Soa::from_wire(&soa.data)?.minimum.min(soa.ttl)));
    let kind = match (chain.found, message.rcode) {
        (true, Rcode::NOERROR) => Kind::Positive(chain.facts(key.rtype)),
        (true, _) => return (Kind::Failed("records, and an error code".into()), None),
        (false, Rcode::NXDOMAIN) => Kind::NxDomain(negative_ttl),
        (false, _) if is_referral(message) => {
            return (Kind::Failed("it only refers to other servers".into()), None);
        }
        (false, _) => Kind::NoData(negative_ttl),
    };
    let answer = chain.keep(key, message, soa, negative_ttl);
    (kind, answer)
}

/// What the result code and the extended errors alone decide.
fn verdict(message: &Message) -> Option<Kind> {
    let errors = || message.edns.iter().flat_map(|edns| &edns.errors);
    if errors().any(|e| matches!(e.code, 15 | 17)) {
        return Some(Kind::Blocked(message.extended_errors()));
    }
    if matches!(message.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        return None;
    }
    let said = message.extended_errors();
    if message.rcode == Rcode::SERVFAIL && errors().any(|e| matches!(e.code, 6..=12)) {
        return Some(Kind::Bogus(said));
    }
    let colon = if said.is_empty() { "" } else { ": " };
    Some(Kind::Failed(format!("{}{colon}{said}", message.rcode)))
}

/// NOERROR without answer that points elsewhere: from a server that does not resolve for others.
fn is_referral(message: &Message) -> bool {
    let has = |rtype| message.authority.iter().any(|r| r.rtype == rtype);
    !message.flags.authoritative && has(Rtype::NS) && !has(Rtype::SOA)
}

/// The way from the name asked to where the aliases end.
struct Chain<'a> {
    records: Vec<&'a Record>,
    end: Name,
    /// Whether records of the type asked for are there.
    found: bool,
}

impl<'a> Chain<'a> {
    fn follow(key: &Key, message: &'a Message) -> Result<Chain<'a>, &'static str> {
        let mut chain = Chain {
            records: Vec::new(),
            end: key.name.clone(),
            found: false,
        };
        let mut seen = BTreeSet::from([key.name.clone()]);
        loop {
            let here: Vec<&Record> = message
                .answer
                .iter()
                .filter(|r| r.class == CLASS_IN && r.name == chain.end)
                .collect();
            let wanted = |r: &&&Record| r.rtype == key.rtype || key.rtype == Rtype::ANY;
            let matching: Vec<&Record> = here.iter().filter(wanted).copied().collect();
            let signatures_alone = matching.iter().all(|r| r.rtype == Rtype::RRSIG);
            if !matching.is_empty() && (!signatures_alone || key.rtype == Rtype::RRSIG) {
                chain.found = true;
                for record in matching {
                    chain.push(record);
                }
                return Ok(chain);
            }
            let mut aliases = here.iter().filter(|r| r.rtype == Rtype::CNAME);
            let Some(alias) = aliases.next() else {
                return Ok(chain);
            };
            if aliases.any(|other| other.data != alias.data) {
                return Err("two aliases of one name");
            }
            let Ok((target, _)) = Name::from_wire(&alias.data) else {
                return Err("an alias that is no name");
            };
            chain.synthesis(message, &target);
            chain.push(alias);
            if !seen.insert(target.clone()) {
                return Err("aliases that go round");
            }
            if seen.len() > MAX_ALIASES + 1 {
                return Err("more than 11 aliases");
            }
            chain.end = target;
        }
    }

    /// Each record once.
    fn push(&mut self, record: &'a Record) {
        let same =
            |r: &&Record| r.name == record.name && r.rtype == record.rtype && r.data == record.data;
        if !self.records.iter().any(same) {
            self.records.push(record);
        }
    }

    /// The DNAME that an alias was made from, if it really gives this target (RFC 6672).
    fn synthesis(&mut self, message: &'a Message, target: &Name) {
        let end = self.end.clone();
        let makes = |r: &&Record| {
            let Ok((to, _)) = Name::from_wire(&r.data) else {
                return false;
            };
            r.rtype == Rtype::DNAME
                && r.class == CLASS_IN
                && end != r.name
                && end.is_under(&r.name)
                && end.rebase(&r.name, &to).is_ok_and(|made| made == *target)
        };
        if let Some(dname) = message.answer.iter().find(makes) {
            self.push(dname);
        }
    }

    fn facts(&self, rtype: Rtype) -> Facts {
        let mut addresses = BTreeSet::new();
        for record in self.records.iter().filter(|r| r.rtype == rtype) {
            let data = &record.data;
            if let (Rtype::A, Some(four)) = (rtype, data.first_chunk::<4>()) {
                addresses.insert(IpAddr::from(*four));
            } else if let (Rtype::AAAA, Some(all)) = (rtype, data.first_chunk::<16>()) {
                addresses.insert(IpAddr::from(*all));
            }
        }
        Facts {
            target: self.end.clone(),
            addresses,
        }
    }

    fn keep(
        &self,
        key: &Key,
        message: &Message,
        soa: Option<&Record>,
        negative_ttl: Option<u32>,
    ) -> Option<Answer> {
        let covers = |sig: &Record, name: &Name, rtype: Rtype| {
            sig.rtype == Rtype::RRSIG
                && sig.class == CLASS_IN
                && sig.name == *name
                && sig.data.first_chunk::<2>() == Some(&rtype.0.to_be_bytes())
        };
        let mut full = self.records.clone();
        for sig in &message.answer {
            if self.records.iter().any(|r| covers(sig, &r.name, r.rtype)) && !full.contains(&sig) {
                full.push(sig);
            }
        }
        let plain_authority: Vec<&Record> = soa.filter(|_| !self.found).into_iter().collect();
        let proves = |r: &&Record| matches!(r.rtype, Rtype::NSEC | Rtype::NSEC3);
        let mut authority = plain_authority.clone();
        authority.extend(message.authority.iter().filter(proves).take(8));
        let of_authority = authority.clone();
        for sig in &message.authority {
            if of_authority.iter().any(|r| covers(sig, &r.name, r.rtype)) {
                authority.push(sig);
            }
        }
        let differ = full.len() != self.records.len() || authority.len() != plain_authority.len();
        let plain = match differ {
            true => Some(Body::write(&key.name, &self.records, &plain_authority)?),
            false => None,
        };
        let signatures = full.iter().chain(&authority);
        let ends = signatures.filter_map(|r| expiration(r)).min();
        let ttls = self.records.iter().map(|r| r.ttl);
        let ttl = match self.found {
            true => ttls.min()?,
            false => ttls.chain(negative_ttl).min().unwrap_or(0),
        };
        Some(Answer {
            rcode: message.rcode,
            authentic: message.flags.authentic,
            ttl: if self.found || negative_ttl.is_some() {
                ttl
            } else {
                0
            },
            signed_until: ends,
            full: Body::write(&key.name, &full, &authority)?,
            plain,
        })
    }
}

/// When a signature ends (RFC 4034 §3.1.5).
fn expiration(record: &Record) -> Option<u32> {
    let at = record
        .data
        .get(8..12)
        .filter(|_| record.rtype == Rtype::RRSIG)?;
    Some(u32::from_be_bytes(*at.first_chunk::<4>()?))
}
