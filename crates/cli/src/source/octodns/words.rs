//! What octoDNS makes of a word without quotes: it reads YAML 1.1, where `no` is false, `1:20` is
//! eighty and `0x10` is sixteen. Such a word is refused where a text or a number belongs, because
//! what it looks like and what octoDNS serves for it differ.

/// What YAML 1.1 makes of a plain word, if octoDNS would not get the text as it stands. Whole
/// numbers in plain decimal form come out as they went in, and pass.
pub(super) fn misread(word: &str) -> Option<&'static str> {
    let first = word.bytes().next().unwrap_or(b'~');
    match first {
        b'~' if word.len() <= 1 => Some("nothing (null)"),
        b'n' | b'N' if ["null", "Null", "NULL"].contains(&word) => Some("nothing (null)"),
        b'=' | b'<' if ["=", "<<"].contains(&word) => Some("a sign of YAML's own"),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            is_truth(word).then_some("true or false")
        }
        b'0'..=b'9' | b'-' | b'+' | b'.' => number(word),
        _ => None,
    }
}

/// yes, no, true, false, on, off: in lower case, in capitals, or with one capital at the start.
pub(super) fn is_truth(word: &str) -> bool {
    let known = ["yes", "no", "true", "false", "on", "off"];
    let tail = word.get(1..).unwrap_or("");
    let one_case = !tail.bytes().any(|b| b.is_ascii_uppercase())
        || !word.bytes().any(|b| b.is_ascii_lowercase());
    one_case && known.iter().any(|k| k.eq_ignore_ascii_case(word))
}

fn number(word: &str) -> Option<&'static str> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let loose = |t: &str| t.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if digits(unsigned) {
        let zero = unsigned.len() > 1 && unsigned.starts_with('0');
        if zero && unsigned.contains(['8', '9']) {
            return None; // neither octal nor decimal: text
        }
        let changes = zero || word.starts_with('+') || word == "-0";
        return changes.then_some("another number");
    }
    if ["inf", "nan"].iter().any(|t| {
        unsigned
            .strip_prefix('.')
            .is_some_and(|u| u.eq_ignore_ascii_case(t))
    }) {
        return Some("a number");
    }
    let starts_with_digit = unsigned.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit && loose(unsigned) {
        return Some("a number without the `_`");
    }
    let based = |prefix: &str, base: u32| {
        let rest = unsigned.strip_prefix(prefix);
        rest.is_some_and(|r| !r.is_empty() && r.chars().all(|c| c == '_' || c.is_digit(base)))
    };
    if based("0x", 16) || based("0b", 2) {
        return Some("a number in another base");
    }
    if let Some((whole, rest)) = unsigned.split_once('.') {
        let (part, exponent) = match rest.find(['e', 'E']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let signed = exponent.get(1..).and_then(|e| e.strip_prefix(['-', '+']));
        let power = exponent.is_empty() || signed.is_some_and(digits);
        let mantissa = loose(whole) && loose(part) && !(whole.is_empty() && part.is_empty());
        if mantissa && power {
            return Some("a number with decimals");
        }
    }
    if is_sexagesimal(unsigned) {
        return Some("a number in base 60");
    }
    is_date(word).then_some("a date")
}

/// `1:20:30`, the last part possibly with decimals.
fn is_sexagesimal(word: &str) -> bool {
    let mut parts = word.split(':');
    let first = parts.next().unwrap_or("");
    let starts = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixtieth = |part: &str| {
        let whole = part.split('.').next().unwrap_or("");
        let rest = part.get(whole.len()..).unwrap_or("");
        let fits = matches!(whole.len(), 1 | 2) && whole.parse::<u8>().is_ok_and(|n| n < 60);
        fits && rest
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.' || b == b'_')
    };
    let mut rest = parts.peekable();
    starts && rest.peek().is_some() && rest.all(sixtieth)
}

/// `2001-12-14`, alone or with a time after it.
fn is_date(word: &str) -> bool {
    let mut parts = word.splitn(3, '-');
    let numeric = |part: Option<&str>, lens: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|p| lens.contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month) = (parts.next(), parts.next());
    let day = parts.next().and_then(|d| d.split(['T', 't', ' ']).next());
    numeric(year, 4..=4) && numeric(month, 1..=2) && numeric(day, 1..=2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these comes out of PyYAML 6 as something else than the text that went in.
    #[test]
    fn yaml_1_1_misreads() {
        for word in [
            "",
            "~",
            "null",
            "NULL",
            "yes",
            "No",
            "ON",
            "off",
            "True",
            "=",
            "<<",
            "010",
            "+5",
            "1_000",
            "0x1F",
            "0b11",
            "1.5",
            "1.",
            ".5",
            "1.5e+3",
            ".inf",
            "-.INF",
            ".nan",
            "1:20",
            "190:20:30",
            "190:20:30.15",
            "2001:10:20:30",
            "2001-12-14",
            "2001-12-14T21:59:43Z",
            "-0",
            "00",
        ] {
            assert!(misread(word).is_some(), "{word}");
        }
    }

    #[test]
    fn text_stays_text() {
        for word in [
            "www",
            "a",
            "y",
            "n",
            "Y",
            "yEs",
            "nO",
            "nulL",
            "192.0.2.1",
            "1.2.3",
            "2001:db8::1",
            "::1",
            "0",
            "10",
            "-5",
            "ns1.example.com.",
            "1e3",
            "12ab",
            "1:60",
            "-",
            "+",
            ".",
            "..",
            "_dmarc",
            "v=spf1 -all",
            "0x",
            "2001-1",
            "10.in",
            "*",
            "tRUE",
            "9:9a",
            "012345678",
            "+08",
        ] {
            assert_eq!(misread(word), None, "{word}");
        }
    }
}
