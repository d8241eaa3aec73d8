//! The clocks, and entropy.

use nix::time::{ClockId, clock_gettime};
use resolver::Now;
use std::time::{SystemTime, UNIX_EPOCH};

/// Octets of entropy that are drawn from the system at a time.
const POOL: usize = 2048;

/// Now. The clock that goes only forward counts the time that a machine sleeps: an answer grows
/// old meanwhile.
pub(crate) fn now() -> Now {
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME);
    let mono = boot.map_or(0, |time| {
        time.tv_sec() as u64 * 1000 + time.tv_nsec() as u64 / 1_000_000
    });
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    Now {
        mono,
        wall: wall.map_or(0, |since| since.as_secs()),
    }
}

/// Numbers that nobody can foresee, from the system, drawn in advance. One pool for all threads.
#[derive(Debug)]
pub(crate) struct Entropy {
    pool: [u8; POOL],
    left: usize,
}

impl Entropy {
    pub(crate) fn new() -> Entropy {
        Entropy {
            pool: [0; POOL],
            left: 0,
        }
    }

    /// 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        if self.left == 0 {
            // Without entropy questions would be foreseeable: it waits until there is some.
            while getrandom::fill(&mut self.pool).is_err() {
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            self.left = POOL / 8;
        }
        self.left -= 1;
        let words = self.pool.as_chunks_mut::<8>().0;
        words
            .get_mut(self.left)
            .map_or(0, |word| u64::from_ne_bytes(std::mem::take(word)))
    }
}
