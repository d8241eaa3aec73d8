//! What an UPDATE does to a generation (RFC 2136 §3): all of it as changes, or the reason why not.

use crate::generation::{Generation, is_signature};
use dns::message::{CLASS_ANY, CLASS_IN, CLASS_NONE, Message, Record};
use dns::{Change, Name, RRset, Rcode, Rtype, Soa};
use std::collections::BTreeMap;

type Sets = BTreeMap<Rtype, RRset>;

/// The zone that an UPDATE is for.
///
/// # Errors
/// FORMERR: a zone section that is not one SOA of class IN (RFC 2136 §3.1.1).
pub(crate) fn zone_of(message: &Message) -> Result<&Name, Rcode> {
    match &message.question {
        Some(zone) if zone.rtype == Rtype::SOA && zone.class == CLASS_IN => Ok(&zone.name),
        _ => Err(Rcode::FORMERR),
    }
}

/// The changes that `message` makes to `generation`, the SOA's among them; none when it asks for
/// what stands already.
///
/// # Errors
/// The prerequisite that does not hold, or what is wrong with the message (RFC 2136 §3.2, §3.4.1).
pub(crate) fn changes(generation: &Generation, message: &Message) -> Result<Vec<Change>, Rcode> {
    prerequisites(generation, &message.answer)?;
    for record in &message.authority {
        check(generation.apex(), record)?;
    }
    let mut draft = Draft {
        generation,
        owners: BTreeMap::new(),
        soa_given: false,
    };
    for record in &message.authority {
        draft.apply(record)?;
    }
    draft.changes()
}

/// RFC 2136 §3.2: each of the five, and RRsets by value as wholes.
fn prerequisites(generation: &Generation, records: &[Record]) -> Result<(), Rcode> {
    let mut wanted: BTreeMap<(&Name, Rtype), Vec<&[u8]>> = BTreeMap::new();
    for record in records {
        if record.ttl != 0 || (record.class != CLASS_IN && !record.data.is_empty()) {
            return Err(Rcode::FORMERR);
        }
        if !record.name.is_under(generation.apex()) {
            return Err(Rcode::NOTZONE);
        }
        let sets = generation.at(&record.name);
        let there = sets.contains_key(&record.rtype);
        match (record.class, record.rtype) {
            (CLASS_ANY, Rtype::ANY) if sets.is_empty() => return Err(Rcode::NXDOMAIN),
            (CLASS_NONE, Rtype::ANY) if !sets.is_empty() => return Err(Rcode::YXDOMAIN),
            (CLASS_ANY | CLASS_NONE, Rtype::ANY) => {}
            (_, rtype) if rtype.is_meta() => return Err(Rcode::FORMERR),
            (CLASS_ANY, _) if !there => return Err(Rcode::NXRRSET),
            (CLASS_NONE, _) if there => return Err(Rcode::YXRRSET),
            (CLASS_ANY | CLASS_NONE, _) => {}
            (CLASS_IN, rtype) => {
                let data = wanted.entry((&record.name, rtype)).or_default();
                data.push(&record.data);
            }
            _ => return Err(Rcode::FORMERR),
        }
    }
    for ((name, rtype), data) in wanted {
        let wanted = RRset::new(name.clone(), rtype, 0, data).map_err(|_| Rcode::FORMERR)?;
        let stands = generation.at(name).remove(&rtype);
        if !stands.is_some_and(|set| set.same_data(&wanted)) {
            return Err(Rcode::NXRRSET);
        }
    }
    Ok(())
}

/// RFC 2136 §3.4.1.3.
fn check(apex: &Name, record: &Record) -> Result<(), Rcode> {
    if !record.name.is_under(apex) {
        return Err(Rcode::NOTZONE);
    }
    let (rtype, any) = (record.rtype, record.rtype == Rtype::ANY);
    let bare = record.ttl == 0 && record.data.is_empty();
    let sound = match record.class {
        CLASS_IN => {
            let datum = std::iter::once(&record.data);
            let sound = RRset::new(record.name.clone(), rtype, record.ttl, datum).is_ok();
            !rtype.is_meta() && sound
        }
        CLASS_ANY => bare && (any || !rtype.is_meta()),
        CLASS_NONE => record.ttl == 0 && !rtype.is_meta(),
        _ => false,
    };
    match sound {
        // A signed zone is not ours to serve: see `ZoneRefused::Signed`.
        true if record.class == CLASS_IN && is_signature(rtype) => Err(Rcode::REFUSED),
        true => Ok(()),
        false => Err(Rcode::FORMERR),
    }
}

/// The owners that the update touched, as they are now.
struct Draft<'a> {
    generation: &'a Generation,
    owners: BTreeMap<Name, Sets>,
    soa_given: bool,
}

impl Draft<'_> {
    /// RFC 2136 §3.4.2.
    fn apply(&mut self, record: &Record) -> Result<(), Rcode> {
        let generation = self.generation;
        let at_apex = record.name == *generation.apex();
        let owner = self.owners.entry(record.name.clone());
        let sets = owner.or_insert_with(|| generation.at(&record.name));
        // SOA and NS of the apex are not deleted.
        let kept = |rtype: Rtype| at_apex && matches!(rtype, Rtype::SOA | Rtype::NS);
        match (record.class, record.rtype) {
            (CLASS_IN, Rtype::SOA) if at_apex && is_newer(sets, record) => {
                self.soa_given = true;
                insert(sets, record, false)?;
            }
            (CLASS_IN, Rtype::SOA) => {}
            (CLASS_IN, rtype) => {
                // §3.4.2.2: what conflicts with a CNAME is left out without a word.
                let alias = sets.contains_key(&Rtype::CNAME);
                let conflict = match rtype {
                    Rtype::CNAME => !alias && !sets.is_empty(),
                    _ => alias,
                };
                if !conflict {
                    insert(sets, record, !matches!(rtype, Rtype::CNAME | Rtype::DNAME))?;
                }
            }
            (CLASS_ANY, Rtype::ANY) => sets.retain(|rtype, _| kept(*rtype)),
            (CLASS_ANY, rtype) if !kept(rtype) => drop(sets.remove(&rtype)),
            (CLASS_NONE, Rtype::SOA) => {}
            (CLASS_NONE, rtype) => delete(sets, record, kept(rtype)),
            _ => {}
        }
        Ok(())
    }

    /// What differs from the generation; with a new serial, unless the update brought one.
    fn changes(mut self) -> Result<Vec<Change>, Rcode> {
        let differ = |(name, sets): (&Name, &Sets)| self.generation.at(name) != *sets;
        if !self.owners.iter().any(differ) {
            return Ok(Vec::new());
        }
        if !self.soa_given {
            let apex = self.generation.apex().clone();
            let soa = self.generation.soa();
            let next = soa.with_serial(soa.serial.next());
            let next = next.to_rrset(apex.clone(), self.generation.soa_ttl());
            let owner = self.owners.entry(apex.clone());
            let sets = owner.or_insert_with(|| self.generation.at(&apex));
            sets.insert(Rtype::SOA, next.map_err(|_| Rcode::SERVFAIL)?);
        }
        let mut changes = Vec::new();
        for (name, mut after) in self.owners {
            for (rtype, before) in self.generation.at(&name) {
                changes.extend(Change::new(Some(before), after.remove(&rtype)));
            }
            let new = after.into_values();
            changes.extend(new.filter_map(|set| Change::new(None, Some(set))));
        }
        Ok(changes)
    }
}

/// Whether an SOA's serial is greater than the one that stands (§3.4.2.2).
fn is_newer(sets: &Sets, record: &Record) -> bool {
    let stands = sets.get(&Rtype::SOA).map(Soa::from_rrset);
    match (stands, Soa::from_wire(&record.data)) {
        (Some(Ok(stands)), Some(new)) => new.serial.exceeds(stands.serial),
        _ => false,
    }
}

/// Adds a record to its RRset, which takes the record's TTL, or puts it in its place.
fn insert(sets: &mut Sets, record: &Record, beside: bool) -> Result<(), Rcode> {
    let stands = sets.get(&record.rtype).filter(|_| beside);
    let data: Vec<&[u8]> = stands.iter().flat_map(|set| set.data()).collect();
    let data = data.into_iter().chain([record.data.as_slice()]);
    let set = RRset::new(record.name.clone(), record.rtype, record.ttl, data);
    sets.insert(record.rtype, set.map_err(|_| Rcode::FORMERR)?);
    Ok(())
}

/// Deletes one record; the last NS of the apex stays (§3.4.2.4).
fn delete(sets: &mut Sets, record: &Record, keep_last: bool) {
    let Some(set) = sets.get(&record.rtype) else {
        return;
    };
    let wanted = RRset::new(record.name.clone(), record.rtype, 0, [&record.data]);
    let gone: Vec<Vec<u8>> = match &wanted {
        Ok(one) => one.data().map(<[u8]>::to_vec).collect(),
        Err(_) => return,
    };
    let left = set.data().filter(|d| !gone.iter().any(|g| g == d));
    match RRset::new(record.name.clone(), record.rtype, set.ttl(), left) {
        Ok(left) => drop(sets.insert(record.rtype, left)),
        Err(_) if keep_last => {}
        Err(_) => drop(sets.remove(&record.rtype)),
    }
}
