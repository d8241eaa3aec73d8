//! Times as text, in UTC and to the second: as approvals carry them, and as `allowed_signers` does.

use crate::time::Time;

/// The last second that four digits of a year can say.
const LAST: u64 = 253_402_300_799;

/// RFC 3339 in UTC, to the second: `2026-11-23T21:00:00Z`. What is after the year 9999 is shown as
/// its last second.
pub fn show(at: Time) -> String {
    let seconds = at.unix_seconds().min(LAST);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads what [`show`] writes, and nothing else.
pub fn read(text: &str) -> Option<Time> {
    let digits = text.as_bytes();
    let shape = b"0000-00-00T00:00:00Z";
    let fits = |(a, b): (&u8, &u8)| {
        if *b == b'0' {
            a.is_ascii_digit()
        } else {
            a == b
        }
    };
    if digits.len() != shape.len() || !digits.iter().zip(shape).all(fits) {
        return None;
    }
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    digits_to_time(&plain)
}

/// Reads `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ` (ssh-keygen(1), ALLOWED SIGNERS). The `Z`
/// is required here: without it OpenSSH means the time zone of whoever looks.
pub fn read_openssh(text: &str) -> Option<Time> {
    let digits = text.strip_suffix('Z')?;
    let whole = matches!(digits.len(), 8 | 12 | 14);
    if !whole || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits_to_time(&format!("{digits:0<14}"))
}

/// Fourteen digits.
fn digits_to_time(digits: &str) -> Option<Time> {
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_of(year, month, day)?;
    Some(Time(
        (days * 86_400 + hour * 3600 + minute * 60 + second) * 1000,
    ))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of January of `year`.
fn days_before(year: u64) -> u64 {
    let leaps = |y: u64| y / 4 - y / 100 + y / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || day == 0 || day > length(year, month) {
        return None;
    }
    let months: u64 = (1..month).map(|m| length(year, m)).sum();
    Some(days_before(year) + months + day - 1)
}

fn civil(days: u64) -> (u64, u64, u64) {
    let mut year = 1970 + days / 366;
    while days_before(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - days_before(year);
    let mut month = 1;
    while rest >= length(year, month) {
        rest -= length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(show(Time(seconds * 1000)), text);
            assert_eq!(read(text), Some(Time(seconds * 1000)));
        }
        assert_eq!(
            read_openssh("20231114221320Z"),
            Some(Time(1_700_000_000_000))
        );
        assert_eq!(read_openssh("202311142213Z"), Some(Time(1_699_999_980_000)));
        assert_eq!(read_openssh("19700101Z"), Some(Time(0)));
        for bad in [
            "20231114",
            "2023-11-14",
            "20230229Z",
            "20231301Z",
            "Z",
            "2023111422Z",
        ] {
            assert_eq!(read_openssh(bad), None, "{bad}");
        }
        for bad in [
            "2023-02-29T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14 22:13:20Z",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(seconds in 0..=LAST) {
            let at = Time(seconds * 1000);
            prop_assert_eq!(read(&show(at)), Some(at));
        }

        #[test]
        fn anything_may_be_read(text in "\\PC{0,24}") {
            if let Some(at) = read(&text) {
                prop_assert_eq!(show(at), text.clone());
            }
            let _ = read_openssh(&text);
        }
    }
}
