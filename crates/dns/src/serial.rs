//! Serial number arithmetic (RFC 1982).

/// Whether `a` comes after `b`.
pub fn exceeds(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000_0000
}
