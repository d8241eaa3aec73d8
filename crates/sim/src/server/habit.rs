//! What server programs make of an UPDATE beyond RFC 2136. Each rule here was compared with the
//! program itself (`tests/models`): random UPDATEs to both, same answer and same content after.

use serde::{Deserialize, Serialize};

/// Which program a server is, and how it signs.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Habit {
    /// BIND 9.18, unsigned.
    #[default]
    #[serde(alias = "plain")]
    Bind,
    /// BIND with `dnssec-policy` in the dynamic zone itself.
    BindSigned,
    /// BIND with `inline-signing`: updates go to an unsigned zone, a signed copy is served.
    BindInline,
    /// Knot 3.2, unsigned.
    Knot,
    /// Knot with `dnssec-signing`: it loses data that become an alias.
    #[serde(alias = "loses-swaps")]
    KnotSigned,
    /// PowerDNS 4.7 with a database.
    #[serde(rename = "powerdns")]
    PowerDns,
}

impl Habit {
    /// All of them.
    pub const ALL: [Habit; 6] = [
        Habit::Bind,
        Habit::BindSigned,
        Habit::BindInline,
        Habit::Knot,
        Habit::KnotSigned,
        Habit::PowerDns,
    ];

    /// Its name in scenario files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Habit::Bind => "bind",
            Habit::BindSigned => "bind-signed",
            Habit::BindInline => "bind-inline",
            Habit::Knot => "knot",
            Habit::KnotSigned => "knot-signed",
            Habit::PowerDns => "powerdns",
        }
    }

    /// Whether it is BIND in any mode.
    pub fn is_bind(self) -> bool {
        matches!(self, Habit::Bind | Habit::BindSigned | Habit::BindInline)
    }

    /// Whether it is Knot in any mode.
    pub fn is_knot(self) -> bool {
        matches!(self, Habit::Knot | Habit::KnotSigned)
    }

    /// Whether it signs: the serial that it serves is its own.
    pub fn signs(self) -> bool {
        matches!(
            self,
            Habit::BindSigned | Habit::BindInline | Habit::KnotSigned
        )
    }

    /// Whether one UPDATE can turn other data into an alias and back.
    pub fn swaps(self) -> bool {
        self != Habit::KnotSigned
    }
}
