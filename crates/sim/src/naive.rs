//! The oracle's own resolver: slow, plain, and without a line in common with the guards. Its
//! answers were compared with BIND's (`tests/models`).

use crate::server::Records;
use dns::{Change, Name, RRset, Rtype};

/// How many aliases in a row are followed, as BIND does by default.
const RESTARTS: usize = 11;

/// What one name holds of a type, as an authority sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look<'z> {
    /// The RRset, perhaps a wildcard's.
    Data(&'z RRset),
    /// An alias of this name, by CNAME or DNAME.
    Alias(Name),
    /// The name is there, the type is not.
    NoData,
    /// No such name.
    NoName,
    /// At or below a delegation.
    Delegated,
}

/// Where a question for addresses ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// At an address.
    Address,
    /// At nothing.
    Nothing,
    /// In somebody else's zone.
    Elsewhere,
}

/// Whether anybody who asks for the name's addresses (A or AAAA) gets one, as far as this zone
/// decides it: what another zone answers is not ours to judge.
pub fn has_address(zone: &Records, apex: &Name, name: &Name) -> bool {
    [Rtype::A, Rtype::AAAA]
        .into_iter()
        .any(|family| end(zone, apex, name, family) != End::Nothing)
}

/// Whether every name is as empty or not in one view as in the other, for a reason that needs no
/// resolving: the same RRsets are there, and aliases lead to where they led. What addresses there
/// are makes no name empty.
pub fn as_full(one: &Records, other: &Records) -> bool {
    let mut both = one.iter().zip(other);
    one.len() == other.len()
        && both.all(|((a, old), (b, new))| a == b && (!leads(a.1) || old == new))
}

/// Whether a change lets every name be as empty or not as before, for the same reason.
pub fn keeps_full(change: &Change) -> bool {
    let stays = change.before().is_some() && change.after().is_some();
    stays && !leads(change.rtype())
}

fn leads(rtype: Rtype) -> bool {
    [Rtype::CNAME, Rtype::DNAME].contains(&rtype)
}

/// Where the question for a name's addresses of one family ends.
pub fn end(zone: &Records, apex: &Name, name: &Name, family: Rtype) -> End {
    let mut name = name.clone();
    for _ in 0..=RESTARTS {
        if !name.is_under(apex) {
            return End::Elsewhere;
        }
        match look(zone, apex, &name, family) {
            Look::Data(_) => return End::Address,
            Look::Alias(target) => name = target,
            Look::NoData | Look::NoName => return End::Nothing,
            Look::Delegated => return End::Elsewhere,
        }
    }
    End::Nothing
}

/// What a name of the zone holds of a type.
pub fn look<'z>(zone: &'z Records, apex: &Name, name: &Name, rtype: Rtype) -> Look<'z> {
    // From the apex down: the first cut or DNAME above the name decides.
    let mut path: Vec<Name> = std::iter::successors(Some(name.clone()), Name::parent)
        .take_while(|at| at.is_under(apex))
        .collect();
    path.reverse();
    for at in &path {
        let get = |rtype: Rtype| zone.get(&(at.clone(), rtype));
        if at != apex && get(Rtype::NS).is_some() {
            return Look::Delegated;
        }
        let renamed = get(Rtype::DNAME).filter(|_| at != name);
        if let Some(dname) = renamed {
            let target = dname
                .targets()
                .next()
                .and_then(|to| name.rebase(at, &to).ok());
            return target.map_or(Look::NoName, Look::Alias);
        }
    }
    if exists(zone, name) {
        return here(zone, name, rtype);
    }
    // The closest ancestor that exists; the apex always does.
    let mut above = path.iter().rev().skip(1);
    let encloser = above.find(|at| *at == apex || exists(zone, at));
    match encloser.and_then(|at| at.child(b"*").ok()) {
        Some(star) if exists(zone, &star) => match zone.get(&(star.clone(), Rtype::NS)) {
            Some(_) => Look::Delegated,
            None => here(zone, &star, rtype),
        },
        _ => Look::NoName,
    }
}

fn here<'z>(zone: &'z Records, owner: &Name, rtype: Rtype) -> Look<'z> {
    if let Some(set) = zone.get(&(owner.clone(), rtype)) {
        return Look::Data(set);
    }
    let alias = zone.get(&(owner.clone(), Rtype::CNAME));
    let target = alias.and_then(|set| set.targets().next());
    target.map_or(Look::NoData, Look::Alias)
}

/// It owns records, or something below it does: what follows it in canonical order.
fn exists(zone: &Records, name: &Name) -> bool {
    let next = zone.range((name.clone(), Rtype(0))..).next();
    next.is_some_and(|((owner, _), _)| owner.is_under(name))
}
