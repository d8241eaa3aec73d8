//! Server cookies (RFC 7873): who brings one back is who it says it is, and need not be slowed down.
//!
//! Fields and times are those of RFC 9018 §4, the hash is not: keyed BLAKE3 in the place of
//! SipHash-2-4. The secret is drawn at each start, so no other server could check one anyway.

use crate::request::Cookie;
use std::net::IpAddr;

/// How old a cookie may be, and how far ahead, in seconds (RFC 9018 §4.3).
const OLDEST: u32 = 3600;
const AHEAD: u32 = 300;
/// From this age on, in seconds, who brings one back gets a new one (RFC 9018 §4.3).
const RENEWED: i32 = 1800;

/// The secret of this run.
#[derive(Clone)]
pub(crate) struct Cookies([u8; 32]);

impl Cookies {
    pub(crate) fn new(mut draw: impl FnMut() -> u64) -> Cookies {
        let mut secret = [0; 32];
        for word in secret.as_chunks_mut::<8>().0 {
            *word = draw().to_ne_bytes();
        }
        Cookies(secret)
    }

    /// The server's part for a client: version, reserved, time, hash.
    pub(crate) fn make(&self, client: [u8; 8], from: IpAddr, second: u32) -> [u8; 16] {
        let mut cookie = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Some(time) = cookie.get_mut(4..8) {
            time.copy_from_slice(&second.to_be_bytes());
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&client);
        hasher.update(cookie.get(..8).unwrap_or_default());
        match from {
            IpAddr::V4(v4) => hasher.update(&v4.octets()),
            IpAddr::V6(v6) => hasher.update(&v6.octets()),
        };
        let hash = hasher.finalize();
        if let (Some(end), Some(start)) = (cookie.get_mut(8..), hash.as_bytes().get(..8)) {
            end.copy_from_slice(start);
        }
        cookie
    }

    /// What a client is given that brings this, and whether it brings back what it was given.
    pub(crate) fn judge(&self, cookie: Cookie, from: IpAddr, second: u32) -> ([u8; 16], bool) {
        let proven = self.proves(cookie, from, second);
        match cookie.server.filter(|_| proven) {
            Some(server) if age(&server, second) < RENEWED => (server, proven),
            _ => (self.make(cookie.client, from, second), proven),
        }
    }

    /// Whether the client brings back what it was given.
    pub(crate) fn proves(&self, cookie: Cookie, from: IpAddr, second: u32) -> bool {
        let Some(server) = cookie.server else {
            return false;
        };
        let (made, age) = (made_at(&server), age(&server, second));
        let in_time = age <= OLDEST as i32 && age >= -(AHEAD as i32);
        let due = self.make(cookie.client, from, made);
        // Not faster for a good guess: all octets are looked at.
        let differ = due.iter().zip(&server).fold(0, |sum, (x, y)| sum | (x ^ y));
        in_time && differ == 0
    }
}

/// When a server's part was made, in Unix seconds.
fn made_at(server: &[u8; 16]) -> u32 {
    let [_, _, _, _, a, b, c, d, ..] = *server;
    u32::from_be_bytes([a, b, c, d])
}

/// RFC 9018 §4.3: times are compared as serial numbers are.
fn age(server: &[u8; 16], second: u32) -> i32 {
    second.wrapping_sub(made_at(server)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_renewed_before_it_is_too_old() {
        let cookies = Cookies::new(|| 0x1234);
        let here = IpAddr::from([192, 0, 2, 1]);
        let first = Cookie {
            client: [7; 8],
            server: None,
        };
        let (made, proven) = cookies.judge(first, here, 1000);
        assert!(!proven);
        let back = Cookie {
            client: [7; 8],
            server: Some(made),
        };
        assert_eq!(cookies.judge(back, here, 1000), (made, true));
        assert_eq!(cookies.judge(back, here, 1000 + 1799), (made, true));
        let (renewed, proven) = cookies.judge(back, here, 1000 + 1800);
        assert!(proven && renewed != made);
        assert!(!cookies.judge(back, here, 1001 + OLDEST).1);
    }

    #[test]
    fn only_who_was_given_a_cookie_can_bring_it_back() {
        let cookies = Cookies::new(|| 0x1234);
        let here = IpAddr::from([192, 0, 2, 1]);
        let server = Some(cookies.make([7; 8], here, 1000));
        let cookie = Cookie {
            client: [7; 8],
            server,
        };
        assert!(cookies.proves(cookie, here, 1000));
        assert!(cookies.proves(cookie, here, 1000 + OLDEST));
        assert!(!cookies.proves(cookie, here, 1001 + OLDEST));
        assert!(!cookies.proves(cookie, here, 1000 - AHEAD - 1));
        assert!(!cookies.proves(cookie, IpAddr::from([192, 0, 2, 2]), 1000));
        assert!(!cookies.proves(
            Cookie {
                client: [8; 8],
                server
            },
            here,
            1000
        ));
        assert!(!cookies.proves(
            Cookie {
                client: [7; 8],
                server: None
            },
            here,
            1000
        ));
        assert!(!Cookies::new(|| 0x4321).proves(cookie, here, 1000));
    }
}
