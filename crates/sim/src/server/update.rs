//! What an UPDATE does to a zone (RFC 2136 §3), as each server program does it.

use super::{Habit, Records, exceeds, serial_of, set_serial};
use crate::naive::{self, Look};
use dns::{Edit, Name, Prerequisite, RRset, Rcode, Rtype};
use std::collections::{BTreeMap, BTreeSet};

/// Most records in an RRset of BIND's (`max-records-per-type`, by default).
const BIND_MOST: usize = 100;

/// What an UPDATE does: prerequisites, then edits in the order given, all of it at one instant.
///
/// # Errors
/// The response code of what is refused; nothing has changed then.
pub fn update(
    records: &Records,
    apex: &Name,
    habit: Habit,
    require: &[Prerequisite],
    edits: &[Edit],
) -> Result<Records, Rcode> {
    let outside = edits.iter().any(|edit| !edit.name().is_under(apex));
    if outside && !habit.is_knot() {
        // They look at the whole message before anything else.
        return Err(Rcode::NOTZONE);
    }
    holds(records, apex, habit, require)?;
    if outside {
        return Err(Rcode::NOTZONE);
    }
    if habit == Habit::PowerDns && contradicts(edits) {
        return Err(Rcode::FORMERR);
    }
    let mut work = Work {
        before: records,
        records: records.clone(),
        apex,
        habit,
        touched: false,
        cleared: BTreeSet::new(),
    };
    let (now, aliases, data) = match habit {
        Habit::PowerDns => in_turns(edits),
        _ => (edits.iter().collect(), Vec::new(), Vec::new()),
    };
    for edit in now {
        work.edit(edit)?;
    }
    for edit in aliases.into_iter().chain(data) {
        if work.meets(edit.name(), is_alias(edit)) {
            return Err(Rcode::REFUSED);
        }
        work.edit(edit)?;
    }
    work.finish()
}

/// PowerDNS does deletions as they come, then adds aliases, then everything else, and refuses all
/// of it where an alias would stand beside data.
fn in_turns(edits: &[Edit]) -> (Vec<&Edit>, Vec<&Edit>, Vec<&Edit>) {
    let adds = |edit: &&Edit| matches!(edit, Edit::AddRRset(_));
    let (adds, now): (Vec<&Edit>, Vec<&Edit>) = edits.iter().partition(adds);
    let (aliases, data) = adds.into_iter().partition(|edit| is_alias(edit));
    (now, aliases, data)
}

/// PowerDNS refuses to read an UPDATE that adds both an alias and something else at one name.
fn contradicts(edits: &[Edit]) -> bool {
    let adds = || edits.iter().filter(|e| matches!(e, Edit::AddRRset(_)));
    let mut aliases = adds().filter(|edit| is_alias(edit));
    aliases.any(|a| adds().any(|b| !is_alias(b) && a.name() == b.name()))
}

fn is_alias(edit: &Edit) -> bool {
    matches!(edit, Edit::AddRRset(set) if set.rtype() == Rtype::CNAME)
}

/// RFC 2136 §3.2: single conditions in order, then values, each RRset as a whole.
fn holds(
    records: &Records,
    apex: &Name,
    habit: Habit,
    require: &[Prerequisite],
) -> Result<(), Rcode> {
    let mut values: BTreeMap<(Name, Rtype), Vec<Vec<u8>>> = BTreeMap::new();
    for one in require {
        let name = match one {
            Prerequisite::NameInUse(name)
            | Prerequisite::NameNotInUse(name)
            | Prerequisite::RRsetExists(name, _)
            | Prerequisite::RRsetAbsent(name, _) => name,
            Prerequisite::RRsetEquals(set) => set.name(),
        };
        if !name.is_under(apex) {
            return Err(Rcode::NOTZONE);
        }
        let there = |rtype: Rtype| records.contains_key(&(name.clone(), rtype));
        match one {
            Prerequisite::NameInUse(name) if !in_use(records, name) => return Err(Rcode::NXDOMAIN),
            Prerequisite::NameNotInUse(name) if in_use(records, name) => {
                return Err(Rcode::YXDOMAIN);
            }
            Prerequisite::RRsetExists(_, rtype) if !there(*rtype) => return Err(Rcode::NXRRSET),
            Prerequisite::RRsetAbsent(_, rtype) if there(*rtype) => return Err(Rcode::YXRRSET),
            Prerequisite::RRsetEquals(set) => {
                let key = (set.name().clone(), set.rtype());
                let wanted = values.entry(key).or_default();
                wanted.extend(set.data().map(<[u8]>::to_vec));
            }
            _ => {}
        }
    }
    for (key, mut wanted) in values {
        wanted.sort_unstable();
        if habit.is_knot() {
            // The others take a value that is said twice for two.
            wanted.dedup();
        }
        let found = records.get(&key).map(RRset::data);
        let mut found: Vec<&[u8]> = found.into_iter().flatten().collect();
        found.sort_unstable();
        if found != wanted {
            return Err(Rcode::NXRRSET);
        }
    }
    Ok(())
}

fn in_use(records: &Records, name: &Name) -> bool {
    at(records, name).next().is_some()
}

fn at<'r>(records: &'r Records, name: &'r Name) -> impl Iterator<Item = (Rtype, &'r RRset)> + 'r {
    let from = (name.clone(), Rtype(0));
    let here = records
        .range(from..)
        .take_while(move |((n, _), _)| n == name);
    here.map(|((_, rtype), set)| (*rtype, set))
}

struct Work<'a> {
    before: &'a Records,
    records: Records,
    apex: &'a Name,
    habit: Habit,
    /// Something was written, be it the same as before.
    touched: bool,
    /// Names of which everything was deleted.
    cleared: BTreeSet<Name>,
}

impl Work<'_> {
    fn edit(&mut self, edit: &Edit) -> Result<(), Rcode> {
        match edit {
            Edit::DeleteRRset(name, rtype) => self.delete_set(name, *rtype),
            Edit::DeleteName(name) => {
                if self.habit == Habit::BindSigned && name == self.apex {
                    // Its keys stand there.
                    return Err(Rcode::REFUSED);
                }
                self.delete_name(name);
            }
            Edit::DeleteRecords(set) => set.data().for_each(|datum| self.delete_one(set, datum)),
            Edit::AddRRset(set) => self.add(set)?,
            Edit::TryRRset(set) => {
                self.add(set)?;
                self.delete_set(set.name(), set.rtype());
            }
        }
        Ok(())
    }

    fn add(&mut self, set: &RRset) -> Result<(), Rcode> {
        set.data().for_each(|datum| self.add_one(set, datum));
        let stands = self.records.get(&(set.name().clone(), set.rtype()));
        match stands.filter(|stands| self.habit.is_bind() && stands.len() > BIND_MOST) {
            Some(_) => Err(Rcode::SERVFAIL),
            None => Ok(()),
        }
    }

    /// SOA and NS at the apex stay (RFC 2136 §3.4.2.3).
    fn delete_set(&mut self, name: &Name, rtype: Rtype) {
        if !self.is_kept(name, rtype) {
            let gone = self.records.remove(&(name.clone(), rtype));
            // What comes again in the same UPDATE is a change to PowerDNS.
            self.touched |= self.habit == Habit::PowerDns && gone.is_some();
        }
    }

    fn is_kept(&self, name: &Name, rtype: Rtype) -> bool {
        name == self.apex && (rtype == Rtype::SOA || rtype == Rtype::NS)
    }

    fn delete_name(&mut self, name: &Name) {
        self.cleared.insert(name.clone());
        // To PowerDNS an empty non-terminal is a record, too.
        let next = self.records.range((name.clone(), Rtype(0))..).next();
        let stands = next.is_some_and(|((owner, _), _)| owner.is_under(name));
        self.touched |= self.habit == Habit::PowerDns && stands && !in_use(&self.records, name);
        let all: Vec<Rtype> = at(&self.records, name).map(|(rtype, _)| rtype).collect();
        for rtype in all {
            self.delete_set(name, rtype);
        }
    }

    /// The SOA stays, and the apex's last NS (RFC 2136 §3.4.2.4).
    fn delete_one(&mut self, set: &RRset, datum: &[u8]) {
        let key = (set.name().clone(), set.rtype());
        let Some(stands) = self.records.get(&key) else {
            return;
        };
        if key.1 == Rtype::SOA {
            return;
        }
        let rest: Vec<Vec<u8>> = stands
            .data()
            .filter(|d| *d != datum)
            .map(<[u8]>::to_vec)
            .collect();
        if rest.is_empty() && self.is_kept(&key.0, key.1) {
            return;
        }
        self.touched |= self.habit == Habit::PowerDns && rest.len() < stands.len();
        match RRset::new(key.0.clone(), key.1, stands.ttl(), rest) {
            Ok(rest) => drop(self.records.insert(key, rest)),
            Err(_) => drop(self.records.remove(&key)),
        }
    }

    /// RFC 2136 §3.4.2.2: what meets a CNAME, or is one that meets data, is dropped in silence; so
    /// is a SOA that does not exceed the one that stands. The TTL becomes that of the last record.
    fn add_one(&mut self, set: &RRset, datum: &[u8]) {
        let (name, rtype) = (set.name(), set.rtype());
        let alias = rtype == Rtype::CNAME;
        let meets = self.meets(name, alias) || alias && self.loses_swap(name);
        let no_place = self.habit.is_bind() && rtype == Rtype::NS && name.is_wildcard();
        if meets || no_place || rtype == Rtype::SOA && !self.is_newer_soa(set) {
            return;
        }
        let key = (name.clone(), rtype);
        let single = alias || rtype == Rtype::SOA;
        let stood = self.records.get(&key).filter(|_| !single);
        let known = stood.is_some_and(|s| s.data().any(|d| d == datum));
        if known && self.habit.is_knot() {
            // Not even its TTL.
            return;
        }
        // PowerDNS writes an alias whether it stood or not.
        let differs = !known || stood.is_some_and(|s| s.ttl() != set.ttl());
        self.touched |= (alias || differs) && self.habit == Habit::PowerDns;
        let data = stood.into_iter().flat_map(|s| s.data()).chain([datum]);
        let data: Vec<Vec<u8>> = data.map(<[u8]>::to_vec).collect();
        if let Ok(new) = RRset::new(name.clone(), rtype, set.ttl(), data) {
            self.records.insert(key, new);
        }
    }

    /// Whether an alias, or data, would stand beside the other.
    fn meets(&self, name: &Name, alias: bool) -> bool {
        at(&self.records, name)
            .any(|(other, _)| !other.is_server_made() && (other == Rtype::CNAME) != alias)
    }

    /// Knot that signs loses the alias that comes where its signatures still stand, those of an
    /// alias that was deleted in the same UPDATE among them.
    fn loses_swap(&self, name: &Name) -> bool {
        let stands = self.records.contains_key(&(name.clone(), Rtype::CNAME));
        self.habit == Habit::KnotSigned && !stands && self.was_signed(name)
    }

    /// Whether a signer's records stand at the name: it had records, does not lie below a
    /// delegation, and nobody deleted all there is.
    fn was_signed(&self, name: &Name) -> bool {
        let above = name.parent().filter(|_| name != self.apex);
        let look = above.map(|above| naive::look(self.before, self.apex, &above, Rtype::CNAME));
        in_use(self.before, name)
            && look != Some(Look::Delegated)
            && !(self.habit.is_knot() && self.cleared.contains(name))
    }

    fn is_newer_soa(&self, set: &RRset) -> bool {
        let stands = self.records.get(&(self.apex.clone(), Rtype::SOA));
        let stands = stands.and_then(serial_of);
        set.name() == self.apex
            && serial_of(set)
                .zip(stands)
                .is_some_and(|(new, old)| exceeds(new, old))
    }

    /// BIND's check of what results: each name server of the apex that lies in the zone has an
    /// address there, without an alias, or is delegated.
    fn names_servers(&self) -> bool {
        let ns = self.records.get(&(self.apex.clone(), Rtype::NS));
        let mut names = ns.into_iter().flat_map(RRset::targets);
        names.all(|name| {
            !matches!(
                self.address(&name),
                Some(Look::NoData | Look::NoName | Look::Alias(_))
            )
        })
    }

    /// And its check of what is new: an MX that points into the zone points at an address.
    fn names_exchangers(&self) -> bool {
        let new = |((name, rtype), set): (&(Name, Rtype), &RRset)| {
            let stood = self.before.get(&(name.clone(), *rtype));
            let known = |datum: &&[u8]| {
                stood.is_some_and(|s| s.ttl() == set.ttl() && s.data().any(|d| d == *datum))
            };
            let fresh = set.data().filter(|datum| !known(datum));
            let targets = fresh.filter_map(|d| Name::from_wire(d.get(2..)?).ok());
            targets.map(|(name, _)| name).collect::<Vec<_>>()
        };
        let exchangers = self.records.iter().filter(|((_, t), _)| *t == Rtype::MX);
        let mut names = exchangers.flat_map(new);
        names.all(|name| {
            !matches!(
                self.address(&name),
                Some(Look::NoData | Look::NoName | Look::Alias(_))
            )
        })
    }

    /// What the zone says about a name's addresses; `None`: the name is not in it.
    fn address(&self, name: &Name) -> Option<Look<'_>> {
        let see = |rtype| naive::look(&self.records, self.apex, name, rtype);
        if !name.is_under(self.apex) {
            return None;
        }
        let found = match see(Rtype::A) {
            Look::NoData => see(Rtype::AAAA),
            found => found,
        };
        // Where no signature proves yet that there is nothing, BIND does not see it.
        let unproven = self.habit == Habit::BindSigned && !self.was_signed(name);
        (found != Look::NoData || !unproven).then_some(found)
    }

    fn finish(mut self) -> Result<Records, Rcode> {
        if self.records == *self.before && !self.touched {
            return Ok(self.records);
        }
        if self.habit.is_bind() && !(self.names_servers() && self.names_exchangers()) {
            return Err(Rcode::REFUSED);
        }
        let soa = (self.apex.clone(), Rtype::SOA);
        let serial = |records: &Records| records.get(&soa).and_then(serial_of);
        if let (Some(old), true) = (
            serial(self.before),
            serial(self.before) == serial(&self.records),
        ) {
            set_serial(&mut self.records, self.apex, old.wrapping_add(1));
        }
        Ok(self.records)
    }
}
