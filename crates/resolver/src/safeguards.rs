//! What the resolver looks at before it believes or says something: production has it all, as a
//! type that can't say otherwise.
//!
//! The simulator has a type of its own, which takes some away, to prove that it notices. Each
//! safeguard is asked for in one place, where it is enforced.

/// What the resolver checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Safeguard {
    /// What says that a pinned name is gone is held until it is confirmed (R1).
    Quarantine,
    /// As many sources have to say so as the pin demands, not one (R1).
    Sources,
    /// They have to say so for as long as the pin demands (R1).
    Hold,
    /// The first word about a pinned name of which nothing is known is confirmed by a second (R1).
    SecondWord,
    /// A last known good answer has a longest age (R2).
    Age,
    /// Sources that agree for long enough release it (R2).
    Release,
    /// What the operator lets go of is given up at once (R2).
    LetGo,
    /// An empty list of upstreams leaves the last one in place (R3).
    LastUpstreams,
    /// Old and held answers say so (R4).
    Labels,
    /// They never say that they were validated (R5).
    Unvalidated,
}

impl Safeguard {
    /// Every one.
    pub const ALL: [Safeguard; 10] = [
        Safeguard::Quarantine,
        Safeguard::Sources,
        Safeguard::Hold,
        Safeguard::SecondWord,
        Safeguard::Age,
        Safeguard::Release,
        Safeguard::LetGo,
        Safeguard::LastUpstreams,
        Safeguard::Labels,
        Safeguard::Unvalidated,
    ];
}

/// Which safeguards a resolver has.
pub trait Safeguards: Copy {
    /// Whether it has this one.
    fn has(self, safeguard: Safeguard) -> bool;
}

/// All of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full;

impl Safeguards for Full {
    fn has(self, _: Safeguard) -> bool {
        true
    }
}
