//! The oracle's own resolver: slow, plain, and without a line in common with the guards.

use crate::server::Records;
use dns::{Name, Rtype};

/// Whether anybody who asks for the name's addresses (A or AAAA) gets one, as an authority would
/// answer inside the zone: aliases, wildcards, empty non-terminals, delegations.
pub fn has_address(zone: &Records, apex: &Name, name: &Name) -> bool {
    [Rtype::A, Rtype::AAAA]
        .into_iter()
        .any(|family| answers(zone, apex, name, family))
}

fn answers(zone: &Records, apex: &Name, name: &Name, family: Rtype) -> bool {
    let mut name = name.clone();
    for _ in 0..16 {
        if !name.is_under(apex) {
            // Somebody else's zone: not ours to judge.
            return true;
        }
        if delegated(zone, apex, &name) {
            return true;
        }
        let owner = if exists(zone, &name) {
            name.clone()
        } else {
            match wildcard(zone, apex, &name) {
                Some(owner) => owner,
                None => return false,
            }
        };
        if zone.contains_key(&(owner.clone(), family)) {
            return true;
        }
        let alias = zone.get(&(owner, Rtype::CNAME));
        match alias.and_then(|set| set.targets().next()) {
            Some(target) => name = target,
            None => return false,
        }
    }
    false
}

/// It owns records, or something below it does.
fn exists(zone: &Records, name: &Name) -> bool {
    zone.keys().any(|(owner, _)| owner.is_under(name))
}

/// The wildcard under the closest encloser.
fn wildcard(zone: &Records, apex: &Name, name: &Name) -> Option<Name> {
    let mut encloser = name.parent()?;
    while !exists(zone, &encloser) {
        if &encloser == apex {
            return None;
        }
        encloser = encloser.parent()?;
    }
    let star = encloser.child(b"*").ok()?;
    exists(zone, &star).then_some(star)
}

fn delegated(zone: &Records, apex: &Name, name: &Name) -> bool {
    let mut at = Some(name.clone());
    while let Some(owner) = at {
        if &owner == apex {
            return false;
        }
        if zone.contains_key(&(owner.clone(), Rtype::NS)) {
            return true;
        }
        at = owner.parent();
    }
    false
}
