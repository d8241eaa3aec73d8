//! Response rate limits: a spoofed question must not aim our answers at somebody else.
//!
//! Each network (an IPv4 /24, an IPv6 /56) has a bucket of answers that refills every second. When
//! it is empty, every second answer is left out and every other one says "ask over TCP" in no more
//! octets than the question had: a victim is spared, a real client gets through.

use std::net::IpAddr;

/// Networks share buckets by hash; with this many, strangers seldom meet.
const BUCKETS: usize = 1 << 15;

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer,
    /// The question with TC set.
    Slip,
    Nothing,
}

/// The buckets of one worker.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Answers a second and network.
    rate: u32,
    spare_loopback: bool,
    seed: u64,
    /// Second of the last answer, and answers within it.
    buckets: Vec<(u32, u32)>,
}

impl Limiter {
    /// `rate` is in answers a second and network, `None` for no limit; `seed` is random.
    pub(crate) fn new(rate: Option<u32>, spare_loopback: bool, seed: u64) -> Limiter {
        let buckets = if rate.is_some() { BUCKETS } else { 0 };
        Limiter {
            rate: rate.unwrap_or(u32::MAX),
            spare_loopback,
            seed,
            buckets: vec![(0, 0); buckets],
        }
    }

    /// Judges an answer to `client` in this second.
    pub(crate) fn judge(&mut self, client: IpAddr, second: u32) -> Verdict {
        if self.buckets.is_empty() || self.spare_loopback && client.is_loopback() {
            return Verdict::Answer;
        }
        let network = match client {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => (v6.to_bits() >> 72) as u64 | 1 << 63,
        };
        let mut hash = (network ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let at = (hash >> 40) as usize % BUCKETS;
        let Some(bucket) = self.buckets.get_mut(at) else {
            return Verdict::Answer;
        };
        if bucket.0 != second {
            *bucket = (second, 0);
        }
        bucket.1 = bucket.1.saturating_add(1);
        match bucket.1 {
            n if n <= self.rate => Verdict::Answer,
            n if n % 2 == 0 => Verdict::Slip,
            _ => Verdict::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn count(limiter: &mut Limiter, client: IpAddr, second: u32) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..1000 {
            match limiter.judge(client, second) {
                Verdict::Answer => counts[0] += 1,
                Verdict::Slip => counts[1] += 1,
                Verdict::Nothing => counts[2] += 1,
            }
        }
        counts
    }

    #[test]
    fn a_network_gets_its_rate_and_then_half_of_it_the_advice_to_use_tcp() {
        let mut limiter = Limiter::new(Some(100), true, 7);
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(count(&mut limiter, client, 5), [100, 450, 450]);
        let neighbour = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
        assert_eq!(count(&mut limiter, neighbour, 5), [0, 500, 500]);
        let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        assert_eq!(count(&mut limiter, other, 5)[0], 100);
        assert_eq!(count(&mut limiter, client, 6)[0], 100);
    }

    #[test]
    fn loopback_and_no_limit_are_not_limited() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(
            count(&mut Limiter::new(Some(1), true, 7), loopback, 5)[0],
            1000
        );
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(count(&mut Limiter::new(None, true, 7), client, 5)[0], 1000);
    }
}
