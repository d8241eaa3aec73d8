//! One fault, whole.

use crate::{Misread, Often, Range, Span, What, Whom, as_text};
use std::fmt;
use std::str::FromStr;

/// A fault: what goes wrong, with whom, how often, for how long, from when, until when.
///
/// What is not said is up to who executes it, who has to say what was taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fault {
    /// What goes wrong.
    pub what: What,
    /// Whom it befalls.
    pub whom: Whom,
    /// How often.
    pub often: Option<Often>,
    /// How long each one lasts.
    pub lasts: Option<Range>,
    /// From when on, counted from the start.
    pub from: Option<Span>,
    /// Until when, counted from the start. It ends by itself then, whoever is alive.
    pub until: Option<Span>,
}

impl Fault {
    /// A fault of which nothing more is said.
    pub fn new(what: What, whom: Whom) -> Fault {
        Fault {
            what,
            whom,
            often: None,
            lasts: None,
            from: None,
            until: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.whom)?;
        if let Some(often) = &self.often {
            write!(f, ", {often}")?;
        }
        if let Some(lasts) = &self.lasts {
            write!(f, ", for {lasts}")?;
        }
        if let Some(from) = &self.from {
            write!(f, ", from {from}")?;
        }
        if let Some(until) = &self.until {
            write!(f, ", until {until}")?;
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Fault, Misread> {
        let mut parts = text.split(", ");
        let help = "write what and whom: `stall any enactor, up to 6%, for 50ms..15s, until 1m`";
        let odd = |why: &str| Misread::new(format!("`{text}` {why}"), help);
        let first = parts.next().unwrap_or_default();
        let (what, whom) = first.split_once(' ').ok_or_else(|| odd("says not whom"))?;
        let mut fault = Fault::new(what.parse()?, whom.parse()?);
        for part in parts {
            let (key, value) = part.split_once(' ').unwrap_or((part, ""));
            let taken = match key {
                "for" => fault.lasts.replace(value.parse()?).is_some(),
                "from" => fault.from.replace(value.parse()?).is_some(),
                "until" => fault.until.replace(value.parse()?).is_some(),
                _ => fault.often.replace(part.parse()?).is_some(),
            };
            if taken {
                return Err(odd("says something twice"));
            }
        }
        if let (Some(from), Some(until)) = (fault.from, fault.until)
            && from >= until
        {
            return Err(odd("ends before it begins"));
        }
        Ok(fault)
    }
}

as_text!(Fault);
