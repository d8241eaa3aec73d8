//! Time as values.

/// A moment on two clocks: the one that never jumps, for everything in memory, and the one of the
/// calendar, for what is written to disk and compared after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Milliseconds of a clock that only goes forward, from wherever.
    pub mono: u64,
    /// Seconds since 1970. May jump, in both directions.
    pub wall: u64,
}

impl Now {
    /// Whole seconds since `mono` milliseconds; none if that is ahead.
    pub(crate) fn seconds_since(self, mono: u64) -> u64 {
        self.mono.saturating_sub(mono) / 1000
    }
}

/// A span for people: two units at most.
pub(crate) fn span(seconds: u64) -> String {
    let (d, h, m, s) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    match (d, h, m, s) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, 0) => format!("{m} min"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, 0, ..) => format!("{d} d"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let texts = [0, 59, 60, 61, 3600, 3660, 86_400, 90_000].map(span);
        assert_eq!(
            texts,
            [
                "0 s",
                "59 s",
                "1 min",
                "1 min 1 s",
                "1 h",
                "1 h 1 min",
                "1 d",
                "1 d 1 h"
            ]
        );
    }
}
