//! Faults on the wire: what a DNS server's clients get in place of its answers.

use crate::{Misread, Share, Span, as_text, nearest};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The longest that a fault on the wire may last: what takes longer is no drill.
pub const LONGEST: Span = Span(86_400_000);
/// The longest that an answer may be held back: every client has given up by then.
pub const SLOWEST: Span = Span(60_000);

/// What a client gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Nothing: `timeout`.
    Timeout,
    /// SERVFAIL: `servfail`.
    ServFail,
    /// REFUSED: `refused`.
    Refused,
    /// That the name does not exist, with the SOA that says so: `nxdomain`.
    NxDomain,
    /// NOERROR with nothing in it: `nodata`, and without the SOA that a proper one has
    /// (RFC 2308 §2.2) `nodata soa=no`.
    NoData {
        /// Whether the SOA is there.
        soa: bool,
    },
    /// An address that is not the name's: `wrong-address to=10.0.0.1`. Questions for addresses of
    /// the other family are left alone.
    WrongAddress(IpAddr),
    /// The right answer, so much later: `delay by=800ms`.
    Delay(Span),
}

/// The words for them.
const WORDS: [&str; 7] = [
    "timeout",
    "servfail",
    "refused",
    "nxdomain",
    "nodata",
    "wrong-address",
    "delay",
];
/// The fields, besides the first word.
const FIELDS: [&str; 8] = ["name", "type", "share", "to", "by", "soa", "from", "for"];

/// One fault on the wire: what, of which questions, how often, for how long.
///
/// ```
/// use steadfast_fault::{OnWire, Span};
///
/// let line = "nodata name=**.example.com share=50% for=10m";
/// let fault: OnWire = line.parse()?;
/// assert_eq!(fault.lasts, Span::seconds(600));
/// assert_eq!(fault.to_string(), line);
/// # Ok::<(), steadfast_fault::Misread>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OnWire {
    /// What a client gets.
    pub answer: Answer,
    /// The pattern of names, as it was written; whoever executes it reads it. None: every name.
    pub name: Option<String>,
    /// The types asked for, in capitals; none: every type.
    pub types: Vec<String>,
    /// The share of these questions.
    pub share: Share,
    /// From when on, counted from the start.
    pub from: Span,
    /// For how long. It ends by itself then, whoever is alive.
    pub lasts: Span,
}

impl OnWire {
    /// Whether a question that the fault is about is hit: `elapsed` is the time since the start,
    /// `draw` a number below 1,000,000, each as likely as the others. Never once its time is over.
    pub fn hits(&self, elapsed: Span, draw: u32) -> bool {
        self.is_on(elapsed) && draw % 1_000_000 < self.share.in_ppm()
    }

    /// Whether it has begun and is not over.
    pub fn is_on(&self, elapsed: Span) -> bool {
        self.from <= elapsed && elapsed < self.end()
    }

    /// When it is over, counted from the start.
    pub fn end(&self) -> Span {
        Span(self.from.0.saturating_add(self.lasts.0))
    }

    /// From now to its end.
    pub fn left(&self, elapsed: Span) -> Span {
        Span(self.end().0.saturating_sub(elapsed.0))
    }
}

impl fmt::Display for OnWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.answer {
            Answer::Timeout => "timeout",
            Answer::ServFail => "servfail",
            Answer::Refused => "refused",
            Answer::NxDomain => "nxdomain",
            Answer::NoData { .. } => "nodata",
            Answer::WrongAddress(_) => "wrong-address",
            Answer::Delay(_) => "delay",
        })?;
        match self.answer {
            Answer::NoData { soa: false } => f.write_str(" soa=no")?,
            Answer::WrongAddress(to) => write!(f, " to={to}")?,
            Answer::Delay(by) => write!(f, " by={by}")?,
            _ => {}
        }
        if let Some(name) = &self.name {
            write!(f, " name={name}")?;
        }
        if !self.types.is_empty() {
            write!(f, " type={}", self.types.join(","))?;
        }
        if self.share != Share::ppm(1_000_000) {
            write!(f, " share={}", self.share)?;
        }
        if self.from != Span(0) {
            write!(f, " from={}", self.from)?;
        }
        write!(f, " for={}", self.lasts)
    }
}

/// The values of the fields, as they are written; each once.
#[derive(Default)]
struct Fields<'a>([Option<&'a str>; FIELDS.len()]);

impl<'a> Fields<'a> {
    fn read(words: impl Iterator<Item = &'a str>) -> Result<Fields<'a>, Misread> {
        let mut fields = Fields::default();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let Some(at) = FIELDS.iter().position(|field| *field == key) else {
                let help = match nearest(key, FIELDS) {
                    Some(near) => format!("did you mean `{near}=`?"),
                    None => format!("there are: {}=", FIELDS.join("=, ")),
                };
                return Err(Misread::new(format!("no field is called `{key}`"), help));
            };
            if value.is_empty() {
                let message = format!("{key}: has no value");
                return Err(Misread::new(
                    message,
                    format!("write `{key}=` and its value, without spaces"),
                ));
            }
            if let Some(slot) = fields.0.get_mut(at)
                && slot.replace(value).is_some()
            {
                let message = format!("{key}: is there twice");
                return Err(Misread::new(message, "keep one, or write two faults"));
            }
        }
        Ok(fields)
    }

    /// The value of a field, taken out.
    fn take(&mut self, key: &str) -> Option<&'a str> {
        let at = FIELDS.iter().position(|field| *field == key)?;
        self.0.get_mut(at)?.take()
    }

    /// A field that is left has no meaning with this word.
    fn none_left(&self, word: &str) -> Result<(), Misread> {
        let left = self.0.iter().zip(FIELDS).find(|(value, _)| value.is_some());
        left.map_or(Ok(()), |(_, key)| {
            let message = format!("{key}: means nothing with `{word}`");
            Err(Misread::new(message, "leave it out"))
        })
    }
}

/// Complaints name the field.
fn of<T>(field: &str, read: Result<T, Misread>) -> Result<T, Misread> {
    read.map_err(|odd| Misread::new(format!("{field}: {}", odd.message), odd.help))
}

impl FromStr for OnWire {
    type Err = Misread;

    fn from_str(text: &str) -> Result<OnWire, Misread> {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        if !WORDS.contains(&word) {
            let help = match nearest(word, WORDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", WORDS.join(", ")),
            };
            return Err(Misread::new(
                format!("no fault on the wire is called `{word}`"),
                help,
            ));
        }
        let mut fields = Fields::read(words)?;
        let answer = answer(word, &mut fields)?;
        let share = fields.take("share").map(|text| of("share", text.parse()));
        let share = share.transpose()?.unwrap_or(Share::ppm(1_000_000));
        if share == Share::ppm(0) {
            return Err(Misread::new(
                "share: 0% is no fault",
                "write more than 0%, or leave the fault out",
            ));
        }
        let fault = OnWire {
            answer,
            name: fields.take("name").map(str::to_owned),
            types: types(fields.take("type"))?,
            share,
            from: from(fields.take("from"))?,
            lasts: lasts(fields.take("for"))?,
        };
        fields.none_left(word)?;
        Ok(fault)
    }
}

fn answer(word: &str, fields: &mut Fields<'_>) -> Result<Answer, Misread> {
    Ok(match word {
        "timeout" => Answer::Timeout,
        "servfail" => Answer::ServFail,
        "refused" => Answer::Refused,
        "nxdomain" => Answer::NxDomain,
        "nodata" => match fields.take("soa") {
            None | Some("yes") => Answer::NoData { soa: true },
            Some("no") => Answer::NoData { soa: false },
            Some(other) => {
                let message = format!("soa: `{other}` is neither yes nor no");
                return Err(Misread::new(message, "write soa=no for NODATA without SOA"));
            }
        },
        "wrong-address" => {
            let help = "write the address that clients are to get: to=10.0.0.1, to=fd00::1";
            let to = fields.take("to");
            let to = to.ok_or_else(|| Misread::new("to: is missing", help))?;
            let odd = |_| Misread::new(format!("to: `{to}` is no address"), help);
            Answer::WrongAddress(to.parse().map_err(odd)?)
        }
        _ => {
            let by = fields.take("by");
            let missing = || Misread::new("by: is missing", "write how much later: by=800ms");
            let by: Span = of("by", by.ok_or_else(missing)?.parse())?;
            if by == Span(0) || by > SLOWEST {
                let message = format!("by: {by} is not between 1ms and {SLOWEST}");
                return Err(Misread::new(
                    message,
                    "nobody waits longer; for silence write `timeout`",
                ));
            }
            Answer::Delay(by)
        }
    })
}

fn types(text: Option<&str>) -> Result<Vec<String>, Misread> {
    let mut types: Vec<String> = Vec::new();
    for word in text.into_iter().flat_map(|text| text.split(',')) {
        let plain = word.bytes().all(|b| b.is_ascii_alphanumeric());
        let word = word.to_ascii_uppercase();
        if word.is_empty() || !plain || types.contains(&word) {
            let message = format!("type: `{word}` is no type, or there twice");
            return Err(Misread::new(
                message,
                "write type=A, or several: type=A,AAAA",
            ));
        }
        types.push(word);
    }
    Ok(types)
}

fn from(text: Option<&str>) -> Result<Span, Misread> {
    let from: Span = of("from", text.map_or(Ok(Span(0)), str::parse))?;
    if from > LONGEST {
        let message = format!("from: {from} is more than {LONGEST}");
        return Err(Misread::new(message, "start the drill when it is needed"));
    }
    Ok(from)
}

/// Every fault has an end (D1).
fn lasts(text: Option<&str>) -> Result<Span, Misread> {
    let help = format!("write how long it lasts, {LONGEST} at most: for=10m");
    let Some(text) = text else {
        return Err(Misread::new(
            "for: is missing; a fault without an end is an outage",
            help,
        ));
    };
    let lasts: Span = of("for", text.parse())?;
    if lasts < Span::seconds(1) || lasts > LONGEST {
        return Err(Misread::new(
            format!("for: {lasts} is not between 1s and {LONGEST}"),
            help,
        ));
    }
    Ok(lasts)
}

as_text!(OnWire);
