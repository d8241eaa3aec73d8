//! Whom it befalls.

use crate::{Misread, as_text, nearest};
use std::fmt;
use std::str::FromStr;

/// What sort of thing it befalls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A process that enacts.
    Enactor,
    /// A DNS server that is written to.
    Server,
    /// A server that transfers from another.
    Follower,
    /// A cell's store.
    Store,
    /// The way between an enactor and a server.
    Link,
    /// Where wanted content comes from.
    Source,
    /// An operator.
    Operator,
    /// A DNS name, as clients ask for it.
    Name,
    /// A target of an endpoint.
    Target,
    /// What checks targets.
    Prober,
    /// A resolver's upstream.
    Upstream,
    /// Who asks.
    Client,
}

impl Kind {
    /// All there are.
    pub const ALL: &[Kind] = &[
        Kind::Enactor,
        Kind::Server,
        Kind::Follower,
        Kind::Store,
        Kind::Link,
        Kind::Source,
        Kind::Operator,
        Kind::Name,
        Kind::Target,
        Kind::Prober,
        Kind::Upstream,
        Kind::Client,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Enactor => "enactor",
            Kind::Server => "server",
            Kind::Follower => "follower",
            Kind::Store => "store",
            Kind::Link => "link",
            Kind::Source => "source",
            Kind::Operator => "operator",
            Kind::Name => "name",
            Kind::Target => "target",
            Kind::Prober => "prober",
            Kind::Upstream => "upstream",
            Kind::Client => "client",
        }
    }
}

/// Whom it befalls: `any server`, `every server`, `server ns1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Whom {
    /// One of them, drawn anew each time.
    Any(Kind),
    /// All of them at once.
    Every(Kind),
    /// This one, by its id: one word without comma.
    One(Kind, String),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whom::Any(kind) => write!(f, "any {}", kind.word()),
            Whom::Every(kind) => write!(f, "every {}", kind.word()),
            Whom::One(kind, id) => write!(f, "{} {id}", kind.word()),
        }
    }
}

impl FromStr for Whom {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Whom, Misread> {
        let help = "write `any server`, `every server`, or `server ns1`";
        let odd = || Misread::new(format!("`{text}` names nobody"), help);
        let (first, second) = text.split_once(' ').ok_or_else(odd)?;
        match first {
            "any" => Ok(Whom::Any(kind(second)?)),
            "every" => Ok(Whom::Every(kind(second)?)),
            _ => {
                let kind = kind(first)?;
                let word = !second.is_empty() && !second.contains([' ', ',']);
                word.then(|| Whom::One(kind, second.to_owned()))
                    .ok_or_else(odd)
            }
        }
    }
}

fn kind(word: &str) -> Result<Kind, Misread> {
    let found = Kind::ALL.iter().find(|k| k.word() == word);
    found.copied().ok_or_else(|| {
        let words = || Kind::ALL.iter().map(|k| k.word());
        let help = match nearest(word, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", words().collect::<Vec<_>>().join(", ")),
        };
        Misread::new(format!("faults befall no `{word}`"), help)
    })
}

as_text!(Whom);
