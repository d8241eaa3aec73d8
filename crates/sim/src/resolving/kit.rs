//! Which safeguards a world's resolver has, and the mutants: each without some, to be caught by the
//! exploration that passes clean with all.

use resolver::safeguards::Safeguard::{self, *};
use resolver::safeguards::Safeguards;

/// All safeguards but some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Without {
    /// A bit for each [`Safeguard`] that is taken out.
    out: u32,
}

impl Without {
    /// All of them, as in production.
    pub const NOTHING: Without = Without { out: 0 };

    /// All but these.
    pub const fn these(mut safeguards: &[Safeguard]) -> Without {
        let mut out = 0;
        while let [first, rest @ ..] = safeguards {
            out |= bit(*first);
            safeguards = rest;
        }
        Without { out }
    }
}

impl Safeguards for Without {
    fn has(self, safeguard: Safeguard) -> bool {
        self.out & bit(safeguard) == 0
    }
}

const fn bit(safeguard: Safeguard) -> u32 {
    1 << safeguard as u32
}

/// A resolver with a safeguard taken out.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name, as people type it.
    pub name: &'static str,
    /// What it does without.
    pub takes_out: &'static str,
    /// The rest.
    pub kit: Without,
}

/// Seeds within which each mutant has to be caught, and the control stays clean.
pub const SEEDS: u64 = 1_000;

/// All mutants.
pub static MUTANTS: [Mutant; 10] = [
    mutant(
        &[Quarantine],
        "empty-overwrites-lkg",
        "holding what says that a name is gone (R1)",
    ),
    mutant(
        &[Sources],
        "evidence-of-one",
        "as many sources as the pin demands (R1)",
    ),
    mutant(
        &[Hold],
        "hold-ignored",
        "for as long as the pin demands (R1)",
    ),
    mutant(
        &[SecondWord],
        "first-word-believed",
        "a second word where nothing is known (R1)",
    ),
    mutant(
        &[Age],
        "stale-without-age",
        "the longest age of a last known good answer (R2)",
    ),
    mutant(
        &[Release],
        "release-never",
        "giving up what sources agree is gone (R2)",
    ),
    mutant(&[LetGo], "let-go-ignored", "the operator's word (R2)"),
    mutant(
        &[LastUpstreams],
        "no-upstreams",
        "the last list of upstreams (R3)",
    ),
    mutant(&[Labels], "unlabelled", "saying that an answer is old (R4)"),
    mutant(
        &[Unvalidated],
        "old-and-authentic",
        "never calling an old answer validated (R5)",
    ),
];

/// The control: nothing is taken out, and nothing may break.
pub static CONTROL: Mutant = mutant(&[], "none", "nothing: the control");

/// The control or the mutant of that name.
pub fn named(name: &str) -> Option<&'static Mutant> {
    let mut every = MUTANTS.iter().chain([&CONTROL]);
    every.find(|mutant| mutant.name == name)
}

const fn mutant(out: &[Safeguard], name: &'static str, takes_out: &'static str) -> Mutant {
    Mutant {
        name,
        takes_out,
        kit: Without::these(out),
    }
}
