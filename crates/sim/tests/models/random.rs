//! Random UPDATEs: not only such as ours, but whatever the protocol allows.

use dns::{Edit, Name, Prerequisite, RRset, Rtype, rdata};
use steadfast_sim::rng::Rng;
use steadfast_sim::server::{Habit, Records};

const NAMES: [&str; 12] = [
    "@", "a", "b", "c", "x.y", "y", "w", "*.w", "q.w", "d", "ns.d", "marker",
];
const TYPES: [Rtype; 7] = [
    Rtype::A,
    Rtype::A,
    Rtype::CNAME,
    Rtype::TXT,
    Rtype::AAAA,
    Rtype::MX,
    Rtype::NS,
];

pub(crate) struct Random {
    rng: Rng,
    apex: Name,
    /// Whether the SOA that is compared is the one that is served.
    soa: bool,
    /// Whether its value is a condition. PowerDNS refuses that at times although it stands.
    soa_value: bool,
}

impl Random {
    pub(crate) fn new(seed: u64, zone: &str, habit: Habit) -> Random {
        Random {
            rng: Rng::new(seed),
            apex: Name::absolute(zone).unwrap(),
            soa: !habit.signs(),
            soa_value: habit != Habit::PowerDns,
        }
    }

    /// Conditions and edits, half of them about what stands.
    pub(crate) fn update(&mut self, records: &Records) -> (Vec<Prerequisite>, Vec<Edit>) {
        let conditions = self.rng.below(3);
        let require = (0..conditions).map(|_| self.condition(records)).collect();
        let edits = self.rng.below(6);
        let mut all: Vec<Edit> = (0..edits).map(|_| self.edit(records)).collect();
        if self.rng.chance(250_000) {
            all.extend(self.swap(records));
        }
        if self.rng.chance(30_000) {
            all.push(self.many());
        }
        (require, all)
    }

    /// An address to be added.
    pub(crate) fn address(&mut self, owner: &str) -> Edit {
        let name = Name::parse(owner, &self.apex).unwrap();
        Edit::AddRRset(self.set(name, Rtype::A))
    }

    /// A name of the zone, or one below it, and a family of addresses.
    pub(crate) fn question(&mut self) -> (Name, Rtype) {
        let mut name = loop {
            let name = self.name();
            if name.is_under(&self.apex) {
                break name;
            }
        };
        while self.rng.chance(300_000) && !name.is_wildcard() {
            let label = self.rng.pick(&["q", "x", "w"]).copied().unwrap();
            name = name.child(label.as_bytes()).unwrap();
        }
        let family = if self.rng.chance(800_000) {
            Rtype::A
        } else {
            Rtype::AAAA
        };
        (name, family)
    }

    fn some(&mut self, records: &Records) -> Option<RRset> {
        let at = self.rng.below(records.len() as u64) as usize;
        let set = records.values().nth(at).cloned();
        set.filter(|s| self.soa || s.rtype() != Rtype::SOA)
    }

    fn condition(&mut self, records: &Records) -> Prerequisite {
        let stands = self.some(records).filter(|_| !self.rng.chance(250_000));
        let (name, rtype) = match &stands {
            Some(set) => (set.name().clone(), set.rtype()),
            None => (self.name(), self.rtype()),
        };
        match (self.rng.below(9), stands) {
            (0, _) => Prerequisite::NameInUse(name),
            (1, None) => Prerequisite::NameNotInUse(name),
            (2, _) => Prerequisite::RRsetExists(name, rtype),
            (3, None) => Prerequisite::RRsetAbsent(name, rtype),
            (4, Some(_)) if self.rng.chance(100_000) => Prerequisite::NameNotInUse(name),
            (_, Some(set)) if set.len() > 1 && self.rng.chance(100_000) => {
                // A part of it.
                let part: Vec<Vec<u8>> = set.data().skip(1).map(<[u8]>::to_vec).collect();
                Prerequisite::RRsetEquals(RRset::new(name, rtype, 60, part).unwrap())
            }
            (_, Some(set)) if set.rtype() == Rtype::SOA && !self.soa_value => {
                Prerequisite::RRsetExists(name, rtype)
            }
            (_, Some(set)) => Prerequisite::RRsetEquals(set),
            _ => Prerequisite::RRsetEquals(self.set(name, rtype)),
        }
    }

    fn edit(&mut self, records: &Records) -> Edit {
        let stands = self.some(records).filter(|_| self.rng.chance(500_000));
        let (name, rtype) = match &stands {
            Some(set) if set.rtype() != Rtype::SOA => (set.name().clone(), set.rtype()),
            _ => (self.name(), self.rtype()),
        };
        match (self.rng.below(12), stands) {
            (0, _) => Edit::DeleteName(name),
            (1 | 2, _) => Edit::DeleteRRset(name, rtype),
            (3 | 4, Some(set)) => {
                let one = set.data().next().unwrap_or_default().to_vec();
                Edit::DeleteRecords(RRset::new(set.name().clone(), set.rtype(), 60, [one]).unwrap())
            }
            (5, _) => Edit::DeleteRecords(self.set(name, rtype)),
            (6, Some(set)) => Edit::AddRRset(set.with_ttl(30).unwrap()),
            (7, Some(set)) => Edit::AddRRset(set),
            (8, _) if self.soa && self.rng.chance(300_000) => Edit::AddRRset(self.soa(records)),
            _ => Edit::AddRRset(self.set(name, rtype)),
        }
    }

    /// Data to an alias or back, in both orders.
    fn swap(&mut self, records: &Records) -> Vec<Edit> {
        let Some(set) = self.some(records).filter(|s| *s.name() != self.apex) else {
            return Vec::new();
        };
        let name = set.name().clone();
        let to = if set.rtype() == Rtype::CNAME {
            Rtype::A
        } else {
            Rtype::CNAME
        };
        let new = self.set(name.clone(), to);
        let gone = Edit::DeleteRRset(name, set.rtype());
        if self.rng.chance(700_000) {
            vec![gone, Edit::AddRRset(new)]
        } else {
            vec![Edit::AddRRset(new), gone]
        }
    }

    fn many(&mut self) -> Edit {
        let count = self.rng.between(98, 103);
        let data = (0..count).map(|n| [10, 0, (n / 250) as u8, (n % 250) as u8]);
        let name = Name::parse("many", &self.apex).unwrap();
        Edit::AddRRset(RRset::new(name, Rtype::A, 60, data).unwrap())
    }

    fn name(&mut self) -> Name {
        if self.rng.chance(8_000) {
            return Name::absolute("elsewhere.example.net").unwrap();
        }
        let text = self.rng.pick(&NAMES).copied().unwrap();
        Name::parse(text, &self.apex).unwrap()
    }

    fn rtype(&mut self) -> Rtype {
        self.rng.pick(&TYPES).copied().unwrap()
    }

    fn ttl(&mut self) -> u32 {
        self.rng.pick(&[60, 60, 60, 60, 30, 300]).copied().unwrap()
    }

    fn set(&mut self, name: Name, rtype: Rtype) -> RRset {
        let n = self.rng.below(4);
        let host = self.rng.pick(&["a", "b", "ns.d", "c"]).copied().unwrap();
        let text = match rtype {
            Rtype::A => format!("192.0.2.{n}"),
            Rtype::AAAA => format!("2001:db8::{n}"),
            Rtype::CNAME | Rtype::NS => host.to_owned(),
            Rtype::MX => format!("{n} {host}"),
            _ => format!("t{n}"),
        };
        let tokens: Vec<&str> = text.split(' ').collect();
        let rtype = if rtype == Rtype::SOA {
            Rtype::TXT
        } else {
            rtype
        };
        let data = rdata::from_text(rtype, &tokens, &self.apex);
        let data = data
            .or_else(|_| rdata::from_text(Rtype::TXT, &tokens, &self.apex))
            .unwrap();
        let ttl = self.ttl();
        RRset::new(name, rtype, ttl, [data]).unwrap()
    }

    /// A SOA whose serial is a little before or after the one that stands.
    fn soa(&mut self, records: &Records) -> RRset {
        let soa = &records[&(self.apex.clone(), Rtype::SOA)];
        let mut datum = soa.data().next().unwrap().to_vec();
        let at = datum.len() - 20;
        let serial = u32::from_be_bytes(datum[at..at + 4].try_into().unwrap());
        let new = serial
            .wrapping_add(self.rng.below(6) as u32)
            .wrapping_sub(2);
        datum[at..at + 4].copy_from_slice(&new.to_be_bytes());
        RRset::new(self.apex.clone(), Rtype::SOA, soa.ttl(), [datum]).unwrap()
    }
}

fn text(set: &RRset) -> String {
    format!(
        "{} {} {} {:?}",
        set.name(),
        set.ttl(),
        set.rtype(),
        set.texts()
    )
}

pub(crate) fn prerequisite(one: &Prerequisite) -> String {
    match one {
        Prerequisite::RRsetEquals(set) => format!("equals {}", text(set)),
        other => format!("{other:?}"),
    }
}

pub(crate) fn edit(one: &Edit) -> String {
    match one {
        Edit::AddRRset(set) => format!("add {}", text(set)),
        Edit::DeleteRecords(set) => format!("delete {}", text(set)),
        Edit::DeleteRRset(name, rtype) => format!("delete {name} {rtype}"),
        Edit::DeleteName(name) => format!("delete {name}"),
        Edit::TryRRset(set) => format!("try {}", text(set)),
    }
}
