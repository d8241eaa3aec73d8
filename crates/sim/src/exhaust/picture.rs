//! A world as 128 bits: equal pictures behave alike.
//!
//! Numbers of ledger entries and serials are replaced by their rank among those in the picture,
//! times by their distance from now. Chain hashes are left out; plans and courses count by the hash
//! of their bytes, in which there is neither a chain nor a time. Enactors that are in the same
//! state are interchangeable: their pictures are sorted. That is exact but for the jitter of
//! pauses, which their names decide: it moves a timer, which time in whole seconds mostly hides,
//! and is in the picture once it is set.

use crate::enactor::{Ask, Enactor, Progress, Request};
use crate::kit::Life;
use crate::world::World;
use dns::{Name, RRset, Rtype};
use steadfast_core::ledger::{Expect, State};
use steadfast_core::lifecycle::{Print, print_reading};
use steadfast_core::server::{Require, Write};
use steadfast_core::time::Time;

/// Two lanes of multiply and rotate: no adversary is here, only many states.
#[derive(Clone, Copy)]
struct Mix(u64, u64);

impl Mix {
    const NEW: Mix = Mix(0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f);

    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29);
        self.1 = (self.1.rotate_left(31) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25);
        self.1 ^= self.1 >> 32;
    }

    fn end(mut self) -> u128 {
        self.add(0x5851_f42d_4c95_7f2d);
        self.0 ^= self.0 >> 31;
        u128::from(self.0) << 64 | u128::from(self.1)
    }
}

/// The stream of words, with the places where ranks go.
struct Picture<'a> {
    now: Time,
    marker: &'a Name,
    words: Vec<u64>,
    seqs: Vec<(usize, u64)>,
    serials: Vec<(usize, u64)>,
}

impl Print for Picture<'_> {
    fn word(&mut self, word: u64) {
        self.words.push(word);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let mut mix = Mix::NEW;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            mix.add(chunk.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
        }
        let rest = chunks.remainder().iter();
        mix.add(rest.fold(1, |n, b| n << 8 | u64::from(*b)));
        self.words.extend([mix.0, mix.1]);
    }

    fn seq(&mut self, seq: u64) {
        self.seqs.push((self.words.len(), seq));
        self.words.push(0);
    }

    fn time(&mut self, at: Time) {
        self.words.push(at.0.wrapping_sub(self.now.0));
    }

    fn set(&mut self, set: &RRset) {
        self.bytes(set.name().key());
        self.words
            .push(u64::from(set.rtype().0) << 32 | u64::from(set.ttl()));
        for datum in set.data() {
            if set.rtype() == Rtype::SOA {
                self.soa(datum);
            } else if set.rtype() == Rtype::TXT && set.name() == self.marker {
                self.marked(datum);
            } else {
                self.bytes(datum);
            }
        }
    }

    fn now(&self) -> Time {
        self.now
    }
}

impl Picture<'_> {
    /// The serial is the first of the last five numbers.
    fn soa(&mut self, datum: &[u8]) {
        let (names, numbers) = datum.split_at(datum.len().saturating_sub(20));
        let (serial, rest) = numbers.split_at(numbers.len().min(4));
        self.bytes(names);
        self.bytes(rest);
        let serial = serial.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        self.serials.push((self.words.len(), serial));
        self.words.push(0);
    }

    /// A marker's text with the number after ` s=` taken out.
    fn marked(&mut self, datum: &[u8]) {
        let at = datum.windows(3).position(|w| w == b" s=");
        let Some((head, tail)) = at.and_then(|at| datum.split_at_checked(at + 3)) else {
            return self.bytes(datum);
        };
        let digits = tail.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, tail) = tail.split_at(digits);
        // Its length is in front of the text.
        self.bytes(head.get(1..).unwrap_or_default());
        self.bytes(tail);
        self.seq(number.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')));
    }

    fn request(&mut self, request: &Request, life: u32) {
        let flags = [request.done, request.arrived, request.life == life];
        self.word(flags.into_iter().fold(1, |n, b| n << 1 | u64::from(b)));
        self.word(request.server as u64);
        match &request.ask {
            Ask::Write(write, _) => self.write(write),
            Ask::Read(wanted, progress) => {
                for (name, rtype) in wanted {
                    self.bytes(name.key());
                    self.word(u64::from(rtype.0));
                }
                match progress {
                    Progress::Start => self.word(1),
                    Progress::Marker(reading) | Progress::Sets(reading) => {
                        print_reading(reading, self);
                    }
                }
            }
            Ask::Transfer => self.word(2),
            Ask::Serials => self.word(3),
        }
    }

    fn write(&mut self, write: &Write) {
        self.seq(write.seq);
        self.time(write.signed_at);
        write.expect.iter().for_each(|set| self.set(set));
        write.marker.iter().for_each(|set| self.set(set));
        for require in &write.require {
            match require {
                Require::Equals(set) => self.set(set),
                Require::Absent(name, rtype) => {
                    self.bytes(name.key());
                    self.word(u64::from(rtype.0));
                }
            }
        }
        for change in &write.changes {
            self.bytes(change.name().key());
            change.after().into_iter().for_each(|set| self.set(set));
        }
    }

    /// What counts besides where a server may come back from a backup: the backups, decisions whose
    /// marker may stand again, and serials that a repair must exceed.
    fn past(&mut self, world: &World) {
        for server in &world.servers {
            self.word(u64::from(server.backup.is_some()));
            let backup = server.backup.iter().flat_map(|b| b.values());
            backup.for_each(|set| self.set(set));
            self.serial(server.highest);
        }
        if let Some(state) = world.oracle.state(0) {
            self.decisions(state);
        }
    }

    fn decisions(&mut self, state: &State) {
        for server in state.servers.values() {
            self.serial(server.serial.unwrap_or(0));
            for (seq, decided) in &server.decisions {
                let (d, held) = (&decided.decision, &decided.decision.holding);
                self.seq(*seq);
                self.word(
                    held.configuration << 32 | u64::from(held.step) << 16 | u64::from(held.of),
                );
                self.bytes(&held.body.0);
                self.word(u64::from(d.soa.is_some()));
                match &d.expect {
                    Expect::Ours(seq) => self.seq(*seq),
                    Expect::Foreign(text) => self.bytes(text.as_bytes()),
                    Expect::Absent => self.word(0),
                }
            }
        }
    }

    fn serial(&mut self, serial: u32) {
        self.serials.push((self.words.len(), u64::from(serial)));
        self.word(0);
    }

    fn enactor(&mut self, enactor: &Enactor, last: u64) {
        let waits = enactor.out.len() as u64;
        self.word(waits << 8 | u64::from(enactor.failed));
        if let Some(life) = &enactor.life {
            life.print(life.state().last == last, self);
        }
        for request in enactor.requests.values() {
            self.request(request, enactor.lives);
        }
    }
}

/// Replaces what stands at the places by its rank.
fn rank(words: &mut [u64], places: &[(usize, u64)]) {
    let mut values: Vec<u64> = places.iter().map(|(_, value)| *value).collect();
    values.sort_unstable();
    values.dedup();
    for (at, value) in places {
        if let (Some(word), Ok(rank)) = (words.get_mut(*at), values.binary_search(value)) {
            *word = rank as u64;
        }
    }
}

/// The picture of a world (`goes_back`: in which a server may come back from a backup), and of what the search itself remembers.
pub(super) fn picture(world: &World, beside: &[u64], goes_back: bool) -> u128 {
    let Some(marker) = world.servers.first().map(|s| &s.marker) else {
        return 0;
    };
    let mut all = Picture {
        now: Time(world.now),
        marker,
        words: Vec::with_capacity(1024),
        seqs: Vec::with_capacity(128),
        serials: Vec::with_capacity(32),
    };
    all.words.extend_from_slice(beside);
    world.oracle.print(&mut all);
    for server in &world.servers {
        all.word(u64::from(server.down) << 1 | u64::from(server.refuses));
        server.kept.values().for_each(|set| all.set(set));
        all.word(server.trailing.len() as u64);
        if !server.trailing.is_empty() {
            let views = server.trailing.iter().chain([&server.served]);
            views.flat_map(|v| v.values()).for_each(|set| all.set(set));
        }
    }
    if goes_back {
        all.past(world);
    }
    let common = all.words.len();
    let last = world.stores.first().map_or(0, |s| s.last());
    let mut ends = Vec::with_capacity(world.enactors.len());
    for enactor in &world.enactors {
        all.enactor(enactor, last);
        let behind = |l: &&Life| goes_back && l.state().last != last;
        if let Some(life) = enactor.life.as_ref().filter(behind) {
            all.decisions(life.state());
        }
        ends.push(all.words.len());
    }
    let Picture {
        mut words,
        seqs,
        serials,
        ..
    } = all;
    rank(&mut words, &seqs);
    rank(&mut words, &serials);
    let hash = |words: &[u64]| {
        let mut mix = Mix::NEW;
        words.iter().for_each(|word| mix.add(*word));
        mix.end()
    };
    let starts = std::iter::once(common).chain(ends.iter().copied());
    let mut enactors: Vec<u128> = starts
        .zip(&ends)
        .map(|(from, to)| hash(words.get(from..*to).unwrap_or_default()))
        .collect();
    enactors.sort_unstable();
    words.truncate(common);
    words.extend(enactors.iter().flat_map(|h| [*h as u64, (*h >> 64) as u64]));
    hash(&words)
}
