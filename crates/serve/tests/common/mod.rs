//! Random zones over a small alphabet, and every question about them.

// Each test takes what it needs.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dns::{Name, Rtype, Zone, zonefile};

/// The types that are asked for.
pub(crate) const TYPES: [Rtype; 9] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::CNAME,
    Rtype::TXT,
    Rtype::NS,
    Rtype::MX,
    Rtype::DS,
    Rtype::DNAME,
    Rtype::SOA,
];

/// A small generator of numbers (xorshift), so that each run asks the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn relative(&mut self) -> String {
        let depth = 1 + self.below(3);
        let labels: Vec<&str> = (0..depth)
            .map(|_| self.pick(&["a", "b", "*", "w"]))
            .collect();
        labels.join(".")
    }

    fn target(&mut self) -> String {
        match self.below(8) {
            0 => "x.elsewhere.invalid.".into(),
            1 => "@".into(),
            _ => self.relative(),
        }
    }
}

/// A zone file: SOA, NS, and up to a dozen names with what makes answering hard.
pub(crate) fn random_zone(dice: &mut Dice) -> String {
    let mut text =
        "$TTL 60\n@ SOA ns.invalid. admin.invalid. 1 60 60 60 30\n@ NS ns.invalid.\n".to_owned();
    if dice.below(8) == 0 {
        let _ = writeln!(text, "@ DNAME {}", dice.target());
    }
    let mut taken = BTreeSet::new();
    for _ in 0..1 + dice.below(12) {
        let owner = dice.relative();
        if !taken.insert(owner.clone()) {
            continue;
        }
        match dice.below(9) {
            0..=2 => {
                let _ = writeln!(text, "{owner} CNAME {}", dice.target());
                continue;
            }
            3 => {
                // Some so long that what they make is too long (YXDOMAIN).
                let label = "l".repeat(63);
                let target = match dice.below(4) {
                    0 => format!("{label}.{label}.{label}.{}", "m".repeat(46 + dice.below(5))),
                    _ => dice.target(),
                };
                let _ = writeln!(text, "{owner} DNAME {target}");
            }
            4 => {
                let target = dice.target();
                let _ = writeln!(
                    text,
                    "{owner} NS ns.elsewhere.invalid.\n{owner} NS {target}"
                );
                if dice.below(2) == 0 {
                    let _ = writeln!(text, "{owner} DS 1 8 2 {}", "ab".repeat(32));
                }
            }
            _ => {}
        }
        if dice.below(2) == 0 {
            let _ = writeln!(text, "{owner} A 192.0.2.{}", dice.below(9));
            let _ = writeln!(text, "{owner} MX 1 {}", dice.target());
        }
        if dice.below(3) == 0 {
            let _ = writeln!(text, "{owner} AAAA 2001:db8::{}", dice.below(9));
            let _ = writeln!(text, "{owner} TXT \"{}\"", dice.below(9));
        }
    }
    text
}

/// All names over the alphabet down to three labels, one label more than the zones use.
pub(crate) fn names(apex: &Name) -> Vec<Name> {
    let mut all = vec![apex.clone()];
    let mut last = all.clone();
    for _ in 0..3 {
        let with =
            |name: &Name| ["a", "b", "*", "w", "c"].map(|l| name.child(l.as_bytes()).unwrap());
        last = last.iter().flat_map(with).collect();
        all.extend(last.iter().cloned());
    }
    all
}

/// Reads a zone file.
pub(crate) fn read(text: &str, apex: &Name) -> Zone {
    let options = zonefile::Options::default();
    let mut none = zonefile::no_includes;
    zonefile::parse(text.as_bytes(), "test", apex, &options, &mut none)
        .unwrap()
        .zone
}
