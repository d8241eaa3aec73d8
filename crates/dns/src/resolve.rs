//! Answering inside a zone, as one of its authorities would (RFC 1034 §4.3.2, RFC 4592, RFC 6672).
//!
//! Where the RFCs leave a choice the answer is BIND's, which a test asks about random zones.

use crate::message::Rcode;
use crate::name::Name;
use crate::rrset::RRset;
use crate::rtype::Rtype;
use crate::zone::View;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many times a CNAME or DNAME is followed, as BIND's `max-query-restarts` by default.
pub const MAX_RESTARTS: usize = 11;

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With the data asked for.
    Data,
    /// At a name that exists, but not with that type.
    NoData,
    /// At a name that does not exist.
    NxDomain,
    /// At a delegation.
    Referral,
    /// At a name outside of the zone, which somebody else has to answer for.
    LeavesZone,
    /// At a name that a DNAME made too long.
    TooLong,
    /// Nowhere: CNAMEs or DNAMEs go round, or are more than [`MAX_RESTARTS`].
    Loop,
}

/// What an authority of the zone answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response code: NXDOMAIN when the last name of the chain does not exist, YXDOMAIN when a
    /// DNAME makes a name too long (RFC 6672 §2.2), SERVFAIL when the chain does not end, else
    /// NOERROR.
    pub rcode: Rcode,
    /// How it ends.
    pub kind: Kind,
    /// The answer section: CNAMEs and DNAMEs on the way, then the data; owners are those that
    /// the answer shows (wildcards and DNAMEs applied). No RRset is in it twice.
    pub chain: Vec<RRset>,
    /// The last name of the chain: the owner of the data, or the name that is missing, delegated
    /// or outside of the zone.
    pub name: Name,
    /// The NS RRset of the delegation that `name` is at or below.
    pub referral: Option<RRset>,
}

/// Resolves `qname` and `qtype` (not ANY) inside the zone.
pub fn resolve(view: &impl View, qname: &Name, qtype: Rtype) -> Answer {
    let mut chain: Vec<RRset> = Vec::new();
    let mut name = qname.clone();
    let end = |rcode, kind, chain, name, referral| Answer {
        rcode,
        kind,
        chain,
        name,
        referral,
    };
    for _ in 0..=MAX_RESTARTS {
        if !name.is_under(view.apex()) {
            return end(Rcode::NOERROR, Kind::LeavesZone, chain, name, None);
        }
        match step(view, &name, qtype) {
            Step::Data(set) => {
                add(&mut chain, set);
                return end(Rcode::NOERROR, Kind::Data, chain, name, None);
            }
            Step::NoData => return end(Rcode::NOERROR, Kind::NoData, chain, name, None),
            Step::NxDomain => return end(Rcode::NXDOMAIN, Kind::NxDomain, chain, name, None),
            Step::Referral(ns) => {
                return end(Rcode::NOERROR, Kind::Referral, chain, name, Some(ns));
            }
            Step::Cname(set) => {
                let target = set.targets().next();
                add(&mut chain, set);
                match target {
                    Some(target) => name = target,
                    None => return end(Rcode::NOERROR, Kind::NoData, chain, name, None),
                }
            }
            Step::Dname(set) => {
                let target = set.targets().next().map(|to| name.rebase(set.name(), &to));
                let ttl = set.ttl();
                add(&mut chain, set);
                let Some(Ok(target)) = target else {
                    return end(Rcode::YXDOMAIN, Kind::TooLong, chain, name, None);
                };
                let cname = RRset::new(name.clone(), Rtype::CNAME, ttl, [target.to_wire()]);
                if let Ok(cname) = cname {
                    add(&mut chain, cname);
                }
                if qtype == Rtype::CNAME {
                    // The CNAME that was made is what was asked for (RFC 6672 §3.2).
                    return end(Rcode::NOERROR, Kind::Data, chain, name, None);
                }
                name = target;
            }
        }
    }
    end(Rcode::SERVFAIL, Kind::Loop, chain, name, None)
}

/// Adds an RRset unless the chain went through it before.
fn add(chain: &mut Vec<RRset>, set: RRset) {
    if !chain.contains(&set) {
        chain.push(set);
    }
}

/// What one name leads to.
enum Step {
    Data(RRset),
    NoData,
    NxDomain,
    Referral(RRset),
    Cname(RRset),
    Dname(RRset),
}

fn step(view: &impl View, name: &Name, qtype: Rtype) -> Step {
    if let Some(step) = cut(view, name, qtype) {
        return step;
    }
    if view.exists(name) {
        return at_node(view, name, name, qtype);
    }
    // The closest encloser (RFC 4592 §3.3.1); the apex exists, whatever it holds.
    let mut encloser = name.clone();
    while encloser != *view.apex() && !view.exists(&encloser) {
        match encloser.parent() {
            Some(parent) => encloser = parent,
            None => break,
        }
    }
    match encloser.wildcard() {
        Ok(wild) if view.exists(&wild) => at_node(view, &wild, name, qtype),
        _ if encloser == *name => Step::NoData,
        _ => Step::NxDomain,
    }
}

/// The topmost delegation or DNAME between the apex and `name`.
fn cut(view: &impl View, name: &Name, qtype: Rtype) -> Option<Step> {
    let mut path = vec![name.clone()];
    while let Some(last) = path.last()
        && last != view.apex()
        && let Some(parent) = last.parent()
    {
        path.push(parent);
    }
    for node in path.iter().rev() {
        // DS belongs to the parent's side of the cut (RFC 4035 §3.1.4.1).
        let parent_side = node == name && qtype == Rtype::DS;
        if node != view.apex()
            && !parent_side
            && let Some(ns) = view.rrset(node, Rtype::NS)
        {
            return Some(Step::Referral(ns.clone()));
        }
        if node != name
            && let Some(dname) = view.rrset(node, Rtype::DNAME)
        {
            return Some(Step::Dname(dname.clone()));
        }
    }
    None
}

/// The RRsets of `node`, shown as those of `name`.
fn at_node(view: &impl View, node: &Name, name: &Name, qtype: Rtype) -> Step {
    let shown = |set: &RRset| {
        if node == name {
            set.clone()
        } else {
            set.renamed(name.clone())
        }
    };
    // A wildcard's NS is a delegation of what it stands for, in BIND; RFC 4592 §4.2 leaves it open.
    if node != name
        && qtype != Rtype::DS
        && let Some(ns) = view.rrset(node, Rtype::NS)
    {
        return Step::Referral(shown(ns));
    }
    if let Some(set) = view.rrset(node, qtype) {
        return Step::Data(shown(set));
    }
    match view.rrset(node, Rtype::CNAME) {
        Some(cname) if !stands_beside_cname(qtype) => Step::Cname(shown(cname)),
        _ => Step::NoData,
    }
}

/// Types that a CNAME's owner may have itself (RFC 4034 §3, §4; RFC 2181 §10.1).
fn stands_beside_cname(qtype: Rtype) -> bool {
    const SIG: Rtype = Rtype(24);
    const KEY: Rtype = Rtype(25);
    const NXT: Rtype = Rtype(30);
    matches!(qtype, Rtype::RRSIG | Rtype::NSEC | SIG | KEY | NXT)
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, by A records.
    V4,
    /// IPv6, by AAAA records.
    V6,
}

/// The addresses of a name in one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// These, in canonical order; never none.
    Found(Vec<IpAddr>),
    /// Resolved as an authority would, the name yields no address.
    Empty(Answer),
    /// The answer is for somebody else to give: a CNAME leads out of the zone to this name, or this
    /// name is at or below a delegation.
    LeavesZone(Name),
}

impl Addresses {
    /// Whether the name is empty; a name that leaves the zone is not known to be.
    pub fn is_empty(&self) -> bool {
        matches!(self, Addresses::Empty(_))
    }
}

/// The addresses that an authority of the zone answers for `name`.
pub fn addresses(view: &impl View, name: &Name, family: Family) -> Addresses {
    let rtype = match family {
        Family::V4 => Rtype::A,
        Family::V6 => Rtype::AAAA,
    };
    let answer = resolve(view, name, rtype);
    match answer.kind {
        Kind::Referral | Kind::LeavesZone => return Addresses::LeavesZone(answer.name),
        Kind::Data => {}
        Kind::NoData | Kind::NxDomain | Kind::TooLong | Kind::Loop => {
            return Addresses::Empty(answer);
        }
    }
    let sets = answer.chain.iter().filter(|set| set.rtype() == rtype);
    let found: Vec<IpAddr> = sets.flat_map(RRset::data).filter_map(address).collect();
    if found.is_empty() {
        Addresses::Empty(answer)
    } else {
        Addresses::Found(found)
    }
}

fn address(datum: &[u8]) -> Option<IpAddr> {
    match datum.len() {
        4 => <[u8; 4]>::try_from(datum)
            .ok()
            .map(|o| Ipv4Addr::from(o).into()),
        16 => <[u8; 16]>::try_from(datum)
            .ok()
            .map(|o| Ipv6Addr::from(o).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::zone::{Change, Overlay, Zone};
    use crate::zonefile;

    fn name(relative: &str) -> Name {
        Name::parse(relative, &Name::absolute("example.com").unwrap()).unwrap()
    }

    fn zone() -> Zone {
        let text = "$TTL 60\n@ SOA ns.invalid. a.invalid. 1 1 1 1 1\n\
            a A 192.0.2.1\na A 192.0.2.2\nb CNAME a\nout CNAME x.example.org.\n\
            loop CNAME loop\ngone CNAME nothing\n*.w AAAA 2001:db8::1\nent.w.w TXT x\n\
            sub NS ns.invalid.\nsub DS 1 8 2 00\nglue.sub A 192.0.2.3\nd DNAME a\n";
        let options = zonefile::Options::default();
        let apex = name("@");
        let mut none = zonefile::no_includes;
        zonefile::parse(text.as_bytes(), "z", &apex, &options, &mut none)
            .unwrap()
            .zone
    }

    fn kind(relative: &str, qtype: Rtype) -> Kind {
        resolve(&zone(), &name(relative), qtype).kind
    }

    #[test]
    fn kinds_of_answers() {
        assert_eq!(kind("a", Rtype::A), Kind::Data);
        assert_eq!(kind("a", Rtype::AAAA), Kind::NoData);
        assert_eq!(kind("x", Rtype::A), Kind::NxDomain);
        assert_eq!(kind("b", Rtype::A), Kind::Data);
        assert_eq!(kind("out", Rtype::A), Kind::LeavesZone);
        assert_eq!(kind("loop", Rtype::A), Kind::Loop);
        assert_eq!(kind("gone", Rtype::A), Kind::NxDomain);
        assert_eq!(kind("x.w", Rtype::AAAA), Kind::Data);
        // An empty non-terminal is no place for the wildcard, and it shields what is below it.
        assert_eq!(kind("w.w", Rtype::AAAA), Kind::NoData);
        assert_eq!(kind("x.w.w", Rtype::AAAA), Kind::NxDomain);
        assert_eq!(kind("sub", Rtype::A), Kind::Referral);
        assert_eq!(kind("glue.sub", Rtype::A), Kind::Referral);
        assert_eq!(kind("sub", Rtype::DS), Kind::Data);
        assert_eq!(kind("x.d", Rtype::A), Kind::NxDomain);
        assert_eq!(kind("x.example.org.", Rtype::A), Kind::LeavesZone);
        let long = name(&format!("{0}.{0}.{0}.d", "x".repeat(62)));
        assert_eq!(resolve(&zone(), &long, Rtype::A).kind, Kind::NxDomain);
    }

    #[test]
    fn three_ways_to_have_addresses() {
        let of = |relative: &str, family| addresses(&zone(), &name(relative), family);
        let two = ["192.0.2.1", "192.0.2.2"].map(|a| a.parse().unwrap());
        assert_eq!(of("b", Family::V4), Addresses::Found(two.to_vec()));
        assert!(of("b", Family::V6).is_empty());
        assert!(of("gone", Family::V4).is_empty());
        assert!(of("loop", Family::V4).is_empty());
        let outside = Name::absolute("x.example.org").unwrap();
        assert_eq!(of("out", Family::V4), Addresses::LeavesZone(outside));
        assert_eq!(
            of("glue.sub", Family::V4),
            Addresses::LeavesZone(name("glue.sub"))
        );
    }

    #[test]
    fn a_foreign_addition_can_empty_a_name_that_a_wildcard_serves() {
        let zone = zone();
        let mut overlay = Overlay::new(&zone);
        let www = name("www.w");
        assert!(!addresses(&overlay, &www, Family::V6).is_empty());
        let txt = RRset::new(www.clone(), Rtype::TXT, 60, [b"\x01x"]).unwrap();
        overlay.push(&Change::new(None, Some(txt)).unwrap());
        assert!(addresses(&overlay, &www, Family::V6).is_empty());
    }
}
