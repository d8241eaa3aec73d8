//! Gathers records into RRsets and RRsets into a zone, by sorting, not by maps: a million
//! one-record RRsets must not take a second.

use super::problem::{Raw, Warnings, shorten};
use crate::name::Name;
use crate::rdata;
use crate::rrset::RRset;
use crate::rtype::Rtype;
use crate::zone::Zone;
use std::cmp::Ordering;

/// Records in the order of the text. Neighbours of one owner, type and TTL are one group.
#[derive(Default)]
pub(super) struct Builder {
    groups: Vec<RRset>,
    /// The index of each group's first record.
    firsts: Vec<u32>,
    /// Where each record's owner or first token stands.
    places: Vec<u32>,
    open: Option<(Name, Rtype, u32)>,
    /// The data of the open group, each after its big-endian 16-bit length.
    data: Vec<u8>,
    unsorted: bool,
}

impl Builder {
    /// How many records.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds a record of canonical data.
    pub(super) fn push(&mut self, name: &Name, rtype: Rtype, ttl: u32, data: &[u8], place: u32) {
        let same = |(n, t, s): &(Name, Rtype, u32)| *t == rtype && *s == ttl && n == name;
        if !self.open.as_ref().is_some_and(same) {
            self.close();
            self.open = Some((name.clone(), rtype, ttl));
            self.firsts.push(self.places.len() as u32);
        }
        self.data
            .extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.data.extend_from_slice(data);
        self.places.push(place);
    }

    fn close(&mut self) {
        let Some((name, rtype, ttl)) = self.open.take() else {
            return;
        };
        if let Some(last) = self.groups.last() {
            self.unsorted |= (last.name(), last.rtype()) >= (&name, rtype);
        }
        self.groups
            .push(RRset::from_packed(name, rtype, ttl, &self.data));
        self.data.clear();
    }

    /// The zone, and what was odd about its RRsets.
    pub(super) fn finish(mut self, apex: &Name, warnings: &mut Warnings) -> Zone {
        self.close();
        if self.unsorted {
            let order = sorted_order(&self.groups, apex);
            permute(order, &mut self.groups, &mut self.firsts);
        }
        let mut out = 0;
        let mut from = 0;
        while let Some(first) = self.groups.get(from) {
            let key = (first.name(), first.rtype());
            let same = |r: &&RRset| (r.name(), r.rtype()) == key;
            let rest = self.groups.get(from..).unwrap_or_default();
            let until = from + rest.iter().take_while(same).count();
            let alone = until == from + 1 && first.is_single();
            if !alone {
                let merged = self.merge(from, until, warnings);
                if let Some(room) = self.groups.get_mut(from) {
                    *room = merged;
                }
            }
            self.groups.swap(out, from);
            out += 1;
            from = until;
        }
        self.groups.truncate(out);
        Zone::from_sorted(apex.clone(), self.groups)
    }

    /// One canonical RRset of neighbouring groups: data sorted, duplicates dropped, lowest TTL.
    fn merge(&self, from: usize, until: usize, warnings: &mut Warnings) -> RRset {
        let groups = self.groups.get(from..until).unwrap_or_default();
        let mut data: Vec<(&[u8], u32)> = Vec::new();
        let mut ttls: Vec<(u32, u32)> = Vec::new();
        for (group, first) in groups
            .iter()
            .zip(self.firsts.get(from..).unwrap_or_default())
        {
            let places = self.places.get(*first as usize..).unwrap_or_default();
            data.extend(group.data().zip(places.iter().copied()));
            ttls.extend(places.first().map(|place| (group.ttl(), *place)));
        }
        // Groups are in the order of the text, and so are records of equal data after this.
        data.sort();
        let (name, rtype) = match groups.first() {
            Some(group) => (group.name().clone(), group.rtype()),
            None => (Name::root(), Rtype(0)),
        };
        for pair in data.windows(2) {
            if let [(one, _), (two, place)] = pair
                && one == two
            {
                warnings.push(Raw {
                    at: *place,
                    token: shorten(name.to_string().as_bytes()),
                    code: "duplicate-record",
                    message: format!(
                        "the record {rtype} {} is there twice",
                        shorten(rdata::to_text(rtype, one).as_bytes())
                    ),
                    help: "remove one; the second changes nothing".into(),
                });
            }
        }
        data.dedup_by_key(|(datum, _)| *datum);
        let lowest = ttls.iter().map(|(ttl, _)| *ttl).min().unwrap_or_default();
        // RRSIGs take the TTLs of what they sign (RFC 4034 §3).
        if rtype != Rtype::RRSIG {
            warn_of_ttls(&name, rtype, &ttls, lowest, warnings);
        }
        let mut packed = Vec::new();
        for (datum, _) in data {
            packed.extend_from_slice(&(datum.len() as u16).to_be_bytes());
            packed.extend_from_slice(datum);
        }
        RRset::from_packed(name, rtype, lowest, &packed)
    }
}

/// RFC 2181 §5.2: one TTL an RRset.
fn warn_of_ttls(name: &Name, rtype: Rtype, ttls: &[(u32, u32)], lowest: u32, out: &mut Warnings) {
    let Some((first, _)) = ttls.first() else {
        return;
    };
    if let Some((ttl, place)) = ttls.iter().find(|(ttl, _)| ttl != first) {
        out.push(Raw {
            at: *place,
            token: shorten(name.to_string().as_bytes()),
            code: "ttl-differs",
            message: format!(
                "this {rtype} record has a TTL of {ttl} s, another of the same RRset has {first} s; \
                 an RRset has one TTL (RFC 2181 §5.2), so the lowest is taken: {lowest} s"
            ),
            help: format!("give all {rtype} records of this name the same TTL"),
        });
    }
}

/// Indices of `groups` in canonical order, those of one owner and type in the order given.
///
/// The first sixteen octets after what all names have in common decide nearly always, and they lie
/// side by side.
fn sorted_order(groups: &[RRset], apex: &Name) -> Vec<(u128, u32)> {
    let skip = common_front(groups, apex.key().len());
    let prefix = |group: &RRset| {
        let tail = group.name().key().get(skip..).unwrap_or_default();
        let mut front = [0; 16];
        let len = tail.len().min(16);
        front[..len].copy_from_slice(&tail[..len]);
        u128::from_be_bytes(front)
    };
    let mut order: Vec<(u128, u32)> = groups
        .iter()
        .zip(0..)
        .map(|(group, i)| (prefix(group), i))
        .collect();
    let whole = |i: u32| groups.get(i as usize).map(|r| (r.name(), r.rtype()));
    order.sort_unstable_by(|(a, i), (b, j)| match a.cmp(b) {
        Ordering::Equal => whole(*i).cmp(&whole(*j)).then(i.cmp(j)),
        order => order,
    });
    order
}

/// How many octets the keys of all names below the apex have in common; `apex` is the length of
/// the apex's key. Names that end inside of it sort first by their zero padding.
fn common_front(groups: &[RRset], apex: usize) -> usize {
    let below = |group: &&RRset| group.name().key().len() > apex;
    let mut keys = groups.iter().filter(below).map(|g| g.name().key());
    let Some(first) = keys.next() else {
        return apex;
    };
    keys.fold(first.len(), |common, key| {
        let front = first.get(..common).unwrap_or(first);
        match key.starts_with(front) {
            true => common,
            false => front.iter().zip(key).take_while(|(a, b)| a == b).count(),
        }
    })
}

/// Brings both lists into `order`, in place.
fn permute(mut order: Vec<(u128, u32)>, groups: &mut [RRset], firsts: &mut [u32]) {
    const DONE: u32 = u32::MAX;
    for start in 0..order.len() {
        // Walk the cycle that goes through `start`.
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at].1, DONE) as usize;
            if from == DONE as usize || from == start {
                break;
            }
            groups.swap(at, from);
            firsts.swap(at, from);
            at = from;
        }
    }
}
