//! The time since a drill began.

use fault::Span;
use nix::time::{ClockId, clock_gettime};

/// Counts from a start, and counts the time that a machine sleeps: a fault that was to last ten
/// minutes is over when a laptop wakes up an hour later. It never jumps, whoever sets the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: u64,
    /// Milliseconds since the machine was started.
    read: fn() -> Option<u64>,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Clock {
        Clock::of(boot)
    }

    fn of(read: fn() -> Option<u64>) -> Clock {
        Clock {
            start: read().unwrap_or(0),
            read,
        }
    }

    /// How long it has been. Without a clock every fault is over.
    pub(crate) fn elapsed(self) -> Span {
        (self.read)().map_or(Span(u64::MAX), |now| Span(now.saturating_sub(self.start)))
    }
}

fn boot() -> Option<u64> {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    Some(
        u64::try_from(time.tv_sec()).ok()? * 1000 + u64::try_from(time.tv_nsec()).ok()? / 1_000_000,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fault::OnWire;
    use std::sync::atomic::{AtomicU64, Ordering};

    static NOW: AtomicU64 = AtomicU64::new(5_000);

    #[test]
    fn whoever_slept_through_the_end_wakes_after_it() {
        let fault: OnWire = "nodata for=10m".parse().unwrap();
        let clock = Clock::of(|| Some(NOW.load(Ordering::Relaxed)));
        assert!(fault.hits(clock.elapsed(), 0));
        NOW.store(5_000 + 599_999, Ordering::Relaxed);
        assert!(fault.hits(clock.elapsed(), 0));
        // An hour asleep: the clock has counted it.
        NOW.store(5_000 + 3_600_000, Ordering::Relaxed);
        assert!(!fault.hits(clock.elapsed(), 0));
    }

    #[test]
    fn without_a_clock_every_fault_is_over() {
        let longest: OnWire = "nodata for=1d".parse().unwrap();
        assert!(!longest.hits(Clock::of(|| None).elapsed(), 0));
    }

    #[test]
    fn the_system_s_clock_goes_forward_and_counts_from_the_start() {
        let clock = Clock::start();
        assert!(clock.elapsed() < Span(1_000));
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(clock.elapsed() >= Span(30));
    }
}
