//! What goes wrong.

use crate::{Misread, as_text, nearest};
use std::fmt;
use std::str::FromStr;

macro_rules! whats {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum What {
            $($(#[$doc])* $name,)*
        }

        impl What {
            /// All there are.
            pub const ALL: &[What] = &[$(What::$name,)*];

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(What::$name => $text,)*
                }
            }
        }
    };
}

whats! {
    /// A process is stopped, and goes on with what it had in hand (SIGSTOP, a long pause).
    Stall "stall"
    /// A process dies with all that was not durable, and starts again.
    Crash "crash"
    /// A clock is off by a constant.
    Skew "skew"
    /// A clock jumps.
    Jump "jump"
    /// A packet does not arrive.
    Lose "lose"
    /// A packet arrives late, after others sent later.
    Delay "delay"
    /// A packet arrives twice.
    Duplicate "duplicate"
    /// Whoever asked stops waiting for the answer before it comes.
    GiveUp "give-up"
    /// Nothing passes between two.
    Cut "cut"
    /// A machine is off.
    Down "down"
    /// A server answers REFUSED to updates: frozen zone, access list, wrong key.
    Refuse "refuse"
    /// What a server answers with trails what it keeps.
    Lag "lag"
    /// A server loses "delete A, add CNAME" in one UPDATE, and says NOERROR.
    LoseSwap "lose-swap"
    /// A server comes back with the data of a backup.
    Restore "restore"
    /// A zone file made elsewhere is loaded: the marker is gone.
    Reload "reload"
    /// Somebody else changes an RRset.
    Edit "edit"
    /// A store answers with an error: disk full, file damaged.
    StoreFail "store-fail"
    /// A copy of a store comes into use.
    StoreCopy "store-copy"
    /// An operator stops all writing, and lets it go on, at bad moments.
    Freeze "freeze"
    /// A source of content answers with nothing, or with part of it.
    Truncate "truncate"
    /// A target fails its checks.
    Sick "sick"
    /// Answers: NOERROR without data.
    Empty "empty"
    /// Answers: the name does not exist.
    NxDomain "nxdomain"
    /// Answers: SERVFAIL.
    ServFail "servfail"
    /// Answers: an address that is not the name's.
    WrongAddress "wrong-address"
    /// Answers: of an older version.
    Stale "stale"
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for What {
    type Err = Misread;

    fn from_str(text: &str) -> Result<What, Misread> {
        let found = What::ALL.iter().find(|w| w.word() == text);
        found.copied().ok_or_else(|| {
            let words = || What::ALL.iter().map(|w| w.word());
            let help = match nearest(text, words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", words().collect::<Vec<_>>().join(", ")),
            };
            Misread::new(format!("no fault is called `{text}`"), help)
        })
    }
}

as_text!(What);
