//! Answers queries from generations (RFC 1034 §4.3.2, RFC 4592, RFC 6672, RFC 2308, RFC 8482).
//!
//! What a name leads to is decided as in [`dns::resolve`], which tests compare with this and with
//! BIND; here it is done on octets, because it is done a hundred thousand times a second.

use crate::catalog::Catalog;
use crate::cookie::Cookies;
use crate::generation::Generation;
use crate::node::{HAS_DNAME, HAS_NS, HAS_WILDCARD, Node, Set};
use crate::request::{MAX_NAME, Refused, Request};
use crate::tree::parent;
use crate::writer::{ADDITIONAL, ANSWER, AUTHORITY, Owner, Told, Writer, opt, set_flags};
use dns::message::{HEADER_LEN, MAX_LEN, UDP_SIZE};
use dns::resolve::MAX_RESTARTS;
use dns::{Rcode, Rtype};
use std::net::IpAddr;

const AA: u8 = 0x04;
const TC: u8 = 0x02;
/// The most octets of a UDP answer to somebody who announces nothing (RFC 1035 §4.2.1).
const PLAIN_UDP: usize = 512;
/// Where the question's name stands in every message.
const ASKED: Owner<'static> = Owner::At(HEADER_LEN as u16);

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams: an answer is no longer than the request permits, and 1232 octets at most.
    Udp,
    /// A stream: an answer may have 65,535 octets.
    Tcp,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Send what was written.
    Reply,
    /// Nothing is sent: the octets are no request, so an answer might start a ping-pong.
    Silence,
    /// The request is an UPDATE, a transfer, or signed: not for this function.
    Control,
}

/// Who asks, where cookies are given (RFC 7873).
#[derive(Clone, Copy)]
pub(crate) struct Client<'c> {
    pub(crate) cookies: &'c Cookies,
    pub(crate) from: IpAddr,
    /// Unix seconds, as cookies count them.
    pub(crate) second: u32,
}

/// Answers a query from the zones of `catalog`; what is sent is written to `out`.
///
/// It reads octets from strangers and does not panic, whatever they are.
pub fn answer(
    catalog: &Catalog,
    octets: &[u8],
    transport: Transport,
    out: &mut Vec<u8>,
) -> Outcome {
    answer_to(catalog, octets, transport, None, out).0
}

/// As [`answer()`], with a cookie for who brings one. The second value: the client has shown that it
/// is where it says it is, so that no answer to it hits somebody else.
pub(crate) fn answer_to(
    catalog: &Catalog,
    octets: &[u8],
    transport: Transport,
    client: Option<Client<'_>>,
    out: &mut Vec<u8>,
) -> (Outcome, bool) {
    let Some(head) = octets.first_chunk::<HEADER_LEN>() else {
        return (Outcome::Silence, false);
    };
    if head[2] & 0x80 != 0 {
        return (Outcome::Silence, false);
    }
    match head[2] >> 3 & 0x0f {
        0 => {}
        5 => return (Outcome::Control, false),
        _ => return (refuse(octets, &no_opcode(octets), out), false),
    }
    let request = match Request::read(octets) {
        Ok(request) => request,
        Err(refused) => return (refuse(octets, &refused, out), false),
    };
    if request.signed || matches!(Rtype(request.qtype), Rtype::AXFR | Rtype::IXFR) {
        return (Outcome::Control, false);
    }
    let edns = request.edns.unwrap_or_default();
    if edns.version > 0 {
        let refused = Refused {
            rcode: Rcode::BADVERS,
            question_end: request.question_end,
            edns: request.edns,
        };
        return (refuse(octets, &refused, out), false);
    }
    let limit = match transport {
        Transport::Udp => usize::from(edns.udp_size.min(UDP_SIZE)).max(PLAIN_UDP),
        Transport::Tcp => MAX_LEN,
    };
    let judged = edns.cookie.zip(client).map(|(cookie, client)| {
        let Client {
            cookies,
            from,
            second,
        } = client;
        cookies.judge(cookie, from, second)
    });
    let (cookie, proven) = judged.unzip();
    look_up(catalog, &request, limit, cookie, out);
    (Outcome::Reply, proven.unwrap_or(false))
}

/// Answers a plain question in no more octets than `limit`.
fn look_up(
    catalog: &Catalog,
    request: &Request<'_>,
    limit: usize,
    cookie: Option<[u8; 16]>,
    out: &mut Vec<u8>,
) {
    let zone = match request.class {
        1 | 255 => catalog.find(request),
        _ => None,
    };
    let version = zone.filter(|_| request.edns.is_some_and(|edns| edns.zone_version));
    let told = Told {
        nsid: catalog.nsid(),
        version: version.map(|zone| (zone.apex_labels, zone.serial().0)),
        cookie,
    };
    let writer = Writer::new(request, limit, &told, out);
    let Some(zone) = zone else {
        writer.finish(0, Rcode::REFUSED.0, &told);
        return;
    };
    if is_meta(request.qtype) {
        writer.finish(0, Rcode::NOTIMP.0, &told);
        return;
    }
    let mut walk = Walk {
        zone,
        request,
        writer,
        targets: Vec::new(),
        authoritative: true,
        glue_below: None,
    };
    let (rcode, fits) = walk.run();
    let mut flags = if walk.authoritative { AA } else { 0 };
    if !fits {
        // Nothing partial: what is asked for again over TCP is not needed twice.
        walk.writer.clear();
        flags |= TC;
    } else if !walk.additional() {
        flags |= TC;
    }
    walk.writer.finish(flags, rcode.0, &told);
}

/// Types that are questions only, and none that we answer (RFC 6895 §3.1).
fn is_meta(qtype: u16) -> bool {
    Rtype(qtype).is_meta() && Rtype(qtype) != Rtype::ANY
}

fn no_opcode(octets: &[u8]) -> Refused {
    let read = Request::read(octets).ok();
    Refused {
        rcode: Rcode::NOTIMP,
        question_end: read.as_ref().map_or(HEADER_LEN, |r| r.question_end),
        edns: read.and_then(|r| r.edns),
    }
}

/// Writes a failure: the header, the question where it could be read, OPT where there was one.
fn refuse(octets: &[u8], refused: &Refused, out: &mut Vec<u8>) -> Outcome {
    out.clear();
    out.extend_from_slice(octets.get(..refused.question_end).unwrap_or_default());
    let questions = u8::from(refused.question_end > HEADER_LEN);
    if let Some(edns) = &refused.edns {
        opt(out, edns, refused.rcode.0, &Told::default());
        // Options are for answers.
        out.truncate(refused.question_end + 11);
        if let Some(len) = out.get_mut(refused.question_end + 9..) {
            len.fill(0);
        }
    }
    let opts = u8::from(refused.edns.is_some());
    if let Some(counts) = out.get_mut(4..HEADER_LEN) {
        counts.copy_from_slice(&[0, questions, 0, 0, 0, 0, 0, opts]);
    }
    set_flags(out, 0, refused.rcode.0);
    Outcome::Reply
}

/// Writes the question with TC set: ask over TCP.
pub(crate) fn truncated(octets: &[u8], out: &mut Vec<u8>) {
    match Request::read(octets) {
        Ok(request) => {
            let told = Told::default();
            Writer::new(&request, PLAIN_UDP, &told, out).finish(TC, 0, &told);
        }
        Err(refused) => {
            refuse(octets, &refused, out);
        }
    }
}

/// What one name leads to.
enum Step<'a> {
    Data(Set<'a>),
    NoData,
    NxDomain,
    /// The NS records, and the length of the delegated name: all of the name asked for, or a
    /// suffix of it.
    Referral(Set<'a>, usize),
    Cname(Set<'a>),
    /// The DNAME, and the length of its owner.
    Dname(Set<'a>, usize),
}

/// An answer on its way through the zone.
struct Walk<'o, 'a> {
    zone: &'a Generation,
    request: &'a Request<'a>,
    writer: Writer<'o, 'a>,
    /// Names whose addresses belong into the additional section, and where they stand.
    targets: Vec<(&'a [u8], u16)>,
    authoritative: bool,
    /// The delegated name of a referral: addresses of servers below it must not be missing.
    glue_below: Option<Vec<u8>>,
}

impl<'a> Walk<'_, 'a> {
    /// Follows the name asked for to the end of its chain. Gives the rcode, and whether all fits.
    fn run(&mut self) -> (Rcode, bool) {
        let qtype = Rtype(self.request.qtype);
        let mut owner = ASKED;
        let mut held: Option<Vec<u8>> = None;
        let mut seen: Vec<(Vec<u8>, Rtype)> = Vec::new();
        for _ in 0..=MAX_RESTARTS {
            let name = held.as_deref().unwrap_or(self.request.name());
            if !is_under(name, &self.zone.apex_wire) {
                return (Rcode::NOERROR, true);
            }
            match step(self.zone, name, qtype) {
                Step::Data(set) => {
                    let fresh = !seen.iter().any(|s| s.0 == name && s.1.0 == set.rtype);
                    return (Rcode::NOERROR, !fresh || self.data(owner, &set));
                }
                Step::NoData => return (Rcode::NOERROR, self.negative()),
                Step::NxDomain => return (Rcode::NXDOMAIN, self.negative()),
                Step::Referral(ns, len) => {
                    let cut = name.get(name.len() - len..).unwrap_or_default().to_vec();
                    return (
                        Rcode::NOERROR,
                        self.referral(&ns, cut, owner, held.is_none()),
                    );
                }
                Step::Cname(set) => {
                    let Some(target) = set.data().next() else {
                        return (Rcode::SERVFAIL, true);
                    };
                    let here = (name.to_vec(), Rtype::CNAME);
                    if !seen.contains(&here) {
                        let mut at = Vec::new();
                        let fits = self.writer.set(ANSWER, owner, &set, set.ttl, Some(&mut at));
                        if !fits {
                            return (Rcode::NOERROR, false);
                        }
                        owner = at.first().map_or(owner, |(_, at)| Owner::At(*at));
                        seen.push(here);
                    }
                    held = Some(target.to_vec());
                }
                Step::Dname(set, len) => {
                    let here = name.to_vec();
                    match self.dname(&set, len, &here, &mut owner, &mut seen) {
                        Followed::To(target) if qtype != Rtype::CNAME => held = Some(target),
                        Followed::To(_) => return (Rcode::NOERROR, true),
                        Followed::TooLong => return (Rcode::YXDOMAIN, true),
                        Followed::NoRoom => return (Rcode::NOERROR, false),
                    }
                }
            }
        }
        (Rcode::SERVFAIL, true)
    }

    fn data(&mut self, owner: Owner<'a>, set: &Set<'a>) -> bool {
        let leads_on = matches!(Rtype(set.rtype), Rtype::NS | Rtype::MX | Rtype::SRV);
        let targets = leads_on.then_some(&mut self.targets);
        self.writer.set(ANSWER, owner, set, set.ttl, targets)
    }

    /// The SOA of a negative answer (RFC 2308 §3), with the TTL that the answer is cached for.
    fn negative(&mut self) -> bool {
        let zone = self.zone;
        let apex = zone.tree.find(&zone.apex_wire);
        let Some(soa) = apex.and_then(|node| node.set(Rtype::SOA)) else {
            return true;
        };
        let owner = Owner::Name(&zone.apex_wire);
        let ttl = zone.negative_ttl();
        self.writer.set(AUTHORITY, owner, &soa, ttl, None)
    }

    fn referral(&mut self, ns: &Set<'a>, cut: Vec<u8>, owner: Owner<'a>, first: bool) -> bool {
        self.authoritative = !first;
        let asked = self.request.name();
        let cut_len = cut.len();
        // The delegated name is a suffix of the name asked for, or of the chain's last name, which
        // stands where `owner` points unless it is cut short there: then it is written out.
        let owner = match owner {
            _ if first => Owner::At((HEADER_LEN + asked.len() - cut_len) as u16),
            owner => match self.zone.tree.find(&cut) {
                Some(node) => Owner::Name(node.name),
                None => owner,
            },
        };
        self.glue_below = Some(cut);
        let targets = Some(&mut self.targets);
        self.writer.set(AUTHORITY, owner, ns, ns.ttl, targets)
    }

    /// Writes a DNAME and the CNAME that it makes (RFC 6672 §3.1), unless they are there.
    fn dname(
        &mut self,
        set: &Set<'a>,
        len: usize,
        name: &[u8],
        owner: &mut Owner<'a>,
        seen: &mut Vec<(Vec<u8>, Rtype)>,
    ) -> Followed {
        let (prefix, from) = name.split_at(name.len() - len);
        let Some(node) = self.zone.tree.find(from) else {
            return Followed::TooLong;
        };
        let here = (from.to_vec(), Rtype::DNAME);
        if !seen.contains(&here) {
            let from = Owner::Name(node.name);
            if !self.writer.set(ANSWER, from, set, set.ttl, None) {
                return Followed::NoRoom;
            }
            seen.push(here);
        }
        let to = set.data().next().unwrap_or_default();
        let target = [prefix, to].concat();
        if target.len() > MAX_NAME {
            return Followed::TooLong;
        }
        let here = (name.to_vec(), Rtype::CNAME);
        if !seen.contains(&here) {
            match self.writer.made_cname(*owner, set.ttl, &target) {
                Some(at) => *owner = Owner::At(at),
                None => return Followed::NoRoom,
            }
            seen.push(here);
        }
        Followed::To(target)
    }

    /// Adds addresses of names in the answer, as many as fit. `false`: an address is missing that
    /// the delegation cannot do without (RFC 9471 §3).
    fn additional(&mut self) -> bool {
        let targets = std::mem::take(&mut self.targets);
        let mut complete = true;
        let mut written: Vec<&[u8]> = Vec::new();
        for (target, at) in targets {
            if written.contains(&target) {
                continue;
            }
            written.push(target);
            let owner = if at < 0x4000 {
                Owner::At(at)
            } else {
                Owner::Name(target)
            };
            let Some(node) = self.zone.tree.find(target) else {
                continue;
            };
            for rtype in [Rtype::A, Rtype::AAAA] {
                let Some(set) = node.set(rtype) else { continue };
                if !self.writer.set(ADDITIONAL, owner, &set, set.ttl, None) {
                    let needed = self.glue_below.as_deref();
                    complete &= !needed.is_some_and(|cut| is_under(target, cut));
                }
            }
        }
        complete
    }
}

/// Where a DNAME leads.
enum Followed {
    To(Vec<u8>),
    TooLong,
    NoRoom,
}

/// Whether a name in lower-case wire form is `ancestor` or below it.
pub(crate) fn is_under(name: &[u8], ancestor: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > ancestor.len() {
        match parent(rest) {
            Some(up) => rest = up,
            None => return false,
        }
    }
    rest == ancestor
}

fn step<'a>(zone: &'a Generation, name: &[u8], qtype: Rtype) -> Step<'a> {
    let tree = &zone.tree;
    let exact = tree.find(name);
    let mut encloser = exact;
    let mut above = name;
    while encloser.is_none()
        && let Some(up) = parent(above)
    {
        (above, encloser) = (up, tree.find(up));
    }
    if (tree.has_cuts() || zone.apex_dname)
        && let Some(step) = cut(zone, name, above, qtype)
    {
        return step;
    }
    if let Some(node) = exact {
        return at_node(&node, true, name, qtype);
    }
    match encloser {
        Some(node) if node.has(HAS_WILDCARD) => {
            let mut wild = [0; MAX_NAME + 2];
            let wild = wild.get_mut(..above.len() + 2).unwrap_or_default();
            if let Some((star, rest)) = wild.split_first_chunk_mut::<2>() {
                *star = *b"\x01*";
                rest.copy_from_slice(above);
            }
            match tree.find(wild) {
                Some(node) => at_node(&node, false, name, qtype),
                None => Step::NxDomain,
            }
        }
        _ => Step::NxDomain,
    }
}

/// The topmost delegation or DNAME between the apex and `name`, among the names that exist: those
/// from the apex down to `encloser`.
fn cut<'a>(zone: &'a Generation, name: &[u8], encloser: &[u8], qtype: Rtype) -> Option<Step<'a>> {
    let mut path: Vec<&[u8]> = Vec::with_capacity(8);
    let mut at = Some(encloser);
    while let Some(here) = at.filter(|here| here.len() >= zone.apex_wire.len()) {
        path.push(here);
        at = parent(here);
    }
    for here in path.into_iter().rev() {
        let node = zone.tree.find(here)?;
        // DS belongs to the parent's side of the cut (RFC 4035 §3.1.4.1).
        let parent_side = here.len() == name.len() && qtype == Rtype::DS;
        if node.has(HAS_NS)
            && here.len() != zone.apex_wire.len()
            && !parent_side
            && let Some(ns) = node.set(Rtype::NS)
        {
            return Some(Step::Referral(ns, here.len()));
        }
        if node.has(HAS_DNAME)
            && here.len() != name.len()
            && let Some(dname) = node.set(Rtype::DNAME)
        {
            return Some(Step::Dname(dname, here.len()));
        }
    }
    None
}

/// What the RRsets of a node say; it is the name itself, or the wildcard that stands for it.
#[inline]
fn at_node<'a>(node: &Node<'a>, itself: bool, name: &[u8], qtype: Rtype) -> Step<'a> {
    // A wildcard's NS is a delegation of what it stands for, in BIND; RFC 4592 §4.2 leaves it open.
    if !itself
        && qtype != Rtype::DS
        && let Some(ns) = node.set(Rtype::NS)
    {
        return Step::Referral(ns, name.len());
    }
    let data = match qtype {
        // RFC 8482 §4.1: one RRset, whichever.
        Rtype::ANY => node.sets().next(),
        _ => node.set(qtype),
    };
    if let Some(set) = data {
        return Step::Data(set);
    }
    match node.set(Rtype::CNAME) {
        Some(cname) if !stands_beside_cname(qtype) => Step::Cname(cname),
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
