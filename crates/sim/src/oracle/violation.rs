//! What is broken, and what did not come to rest.

use super::Oracle;

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Violation {
    /// Its name in DESIGN.md.
    pub invariant: &'static str,
    /// What happened.
    pub text: String,
    /// What did not come to rest, and which way: the kind, and the server where there is one.
    pub open: Vec<(&'static str, String)>,
}

impl Violation {
    /// Whether it is the same one, or a part of it: nothing else was left open.
    pub fn is_part_of(&self, other: &Violation) -> bool {
        let known = |one| other.open.contains(one);
        self.invariant == other.invariant
            && self.open.is_empty() == other.open.is_empty()
            && self.open.iter().all(known)
    }
}

/// Something that should have come to rest (I12).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    kind: &'static str,
    whose: String,
    text: String,
}

impl Open {
    /// What it is, at which server if it is at one, and the story of it.
    pub fn new(kind: &'static str, whose: &str, text: String) -> Open {
        let whose = whose.to_owned();
        Open { kind, whose, text }
    }
}

impl Oracle {
    /// Says that an invariant is broken; the first one counts.
    pub fn accuse(&mut self, invariant: &'static str, text: String) {
        let open = Vec::new();
        self.violation.get_or_insert(Violation {
            invariant,
            text,
            open,
        });
    }

    /// Says that these did not come to rest (I12).
    pub fn unsettled(&mut self, all: Vec<Open>) {
        let texts: Vec<&str> = all.iter().map(|o| o.text.as_str()).collect();
        let text = texts.join("; ");
        let open = all.into_iter().map(|o| (o.kind, o.whose)).collect();
        let invariant = "I12";
        self.violation.get_or_insert(Violation {
            invariant,
            text,
            open,
        });
    }
}
