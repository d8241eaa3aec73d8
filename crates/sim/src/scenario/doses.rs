//! How often faults happen, and for how long.

use crate::rng::Rng;

/// How often: parts per million per occasion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// Drawn for each run, below this.
    UpTo(u32),
    /// This.
    Is(u32),
}

/// How often, and for how long in milliseconds, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dose {
    /// How often.
    pub often: Rate,
    /// For how long.
    pub lasts: (u64, u64),
}

/// How often faults happen that are switched on, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doses {
    /// An enactor stops between two effects.
    pub stall: Dose,
    /// It dies; how long until it starts again.
    pub crash: Dose,
    /// A packet is lost.
    pub lose: Dose,
    /// A packet is late.
    pub delay: Dose,
    /// A packet comes twice; the second one so much later.
    pub duplicate: Dose,
    /// Whoever asked stops waiting.
    pub give_up: Dose,
    /// The store answers with an error.
    pub store_fail: Dose,
    /// How many servers trail, and how long at most.
    pub lag: Dose,
    /// How many servers lose a swap to an alias.
    pub lose_swap: Dose,
    /// Most that a clock is off, in milliseconds.
    pub skew: u64,
    /// How many misfortunes befall servers and stores in a run: fewest and most.
    pub misfortunes: (u64, u64),
    /// How long one lasts.
    pub misfortune: (u64, u64),
    /// Whether one of them is a server that is down…
    pub down: bool,
    /// …a link that is cut…
    pub cut: bool,
    /// …a server that refuses.
    pub refuse: bool,
}

impl Rate {
    /// The rate of a run. One number is drawn in either case.
    pub fn draw(self, rng: &mut Rng) -> u32 {
        let drawn = rng.below(u64::from(self.most())) as u32;
        match self {
            Rate::UpTo(_) => drawn,
            Rate::Is(ppm) => ppm,
        }
    }

    /// The most that it can be.
    pub fn most(self) -> u32 {
        match self {
            Rate::UpTo(ppm) | Rate::Is(ppm) => ppm,
        }
    }
}

impl Dose {
    const fn up_to(ppm: u32, low: u64, high: u64) -> Dose {
        Dose {
            often: Rate::UpTo(ppm),
            lasts: (low, high),
        }
    }
}

impl Default for Doses {
    fn default() -> Doses {
        Doses {
            stall: Dose::up_to(60_000, 50, 15_000),
            crash: Dose::up_to(30_000, 10, 5_000),
            lose: Dose::up_to(200_000, 0, 0),
            delay: Dose::up_to(200_000, 100, 13_000),
            duplicate: Dose::up_to(200_000, 0, 12_000),
            give_up: Dose::up_to(100_000, 1, 5_000),
            store_fail: Dose::up_to(5_000, 0, 0),
            lag: Dose {
                often: Rate::Is(500_000),
                lasts: (1, 3_000),
            },
            lose_swap: Dose {
                often: Rate::Is(300_000),
                lasts: (0, 0),
            },
            skew: 2_000,
            misfortunes: (0, 3),
            misfortune: (100, 15_000),
            down: true,
            cut: true,
            refuse: true,
        }
    }
}

impl Doses {
    /// Nothing happens, whatever is switched on.
    pub fn none() -> Doses {
        let standard = Doses::default();
        let never = |dose: Dose| Dose {
            often: Rate::Is(0),
            ..dose
        };
        Doses {
            stall: never(standard.stall),
            crash: never(standard.crash),
            lose: never(standard.lose),
            delay: never(standard.delay),
            duplicate: never(standard.duplicate),
            give_up: never(standard.give_up),
            store_fail: never(standard.store_fail),
            lag: never(standard.lag),
            lose_swap: never(standard.lose_swap),
            misfortunes: (0, 3),
            down: false,
            cut: false,
            refuse: false,
            ..standard
        }
    }
}
