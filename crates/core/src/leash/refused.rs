//! Why a signature does not count: each reason by its name.

use super::stamp;
use crate::marker::LedgerId;
use crate::time::Time;
use dns::Name;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No roll is in force.
    #[error("nobody may approve: the ledger has no roll of approvers")]
    NoRoll,
    /// The key was never on the roll.
    #[error("unknown key: {0} is not on the roll of approvers")]
    UnknownKey(String),
    /// The key was on an earlier roll.
    #[error("revoked: the key {0} was taken off the roll of approvers")]
    Revoked(String),
    /// The key's `valid-before` has passed.
    #[error("revoked: the key of {who} was good until {}", stamp::show(*.before))]
    KeyEnded {
        /// Whose.
        who: String,
        /// Until when.
        before: Time,
    },
    /// The key's `valid-after` has not come.
    #[error("too early: the key of {who} is good from {} on", stamp::show(*.after))]
    KeyNotYet {
        /// Whose.
        who: String,
        /// From when.
        after: Time,
    },
    /// The roll does not let the key sign for Steadfast.
    #[error("wrong namespace: the roll lets the key of {0} sign for other things alone")]
    NotForUs(String),
    /// It was made for another program.
    #[error("wrong namespace: the signature was made for {0:?}, not for \"steadfast\"")]
    Namespace(String),
    /// It is over.
    #[error("expired: it counted until {}", stamp::show(*.0))]
    Expired(Time),
    /// It would count longer than the charter permits.
    #[error("lives too long: it would count until {}, and at most until {} is permitted", stamp::show(*.until), stamp::show(*.most))]
    TooLong {
        /// What it says.
        until: Time,
        /// What the charter permits.
        most: Time,
    },
    /// It is about another plan.
    #[error("replayed: it is about plan {found}, not about plan {wanted}")]
    OtherPlan {
        /// What it says.
        found: u64,
        /// What is asked for.
        wanted: u64,
    },
    /// It is about other bytes under the same number.
    #[error("other content: it is about a plan {wanted} with another hash")]
    OtherHash {
        /// The number.
        wanted: u64,
    },
    /// It is about another zone.
    #[error("other zone: it is about {0}")]
    OtherZone(Name),
    /// It is about another ledger.
    #[error("other ledger: it is about ledger {0}, which does not lead this zone")]
    OtherLedger(LedgerId),
    /// It is about something else than asked for.
    #[error("other matter: it permits {0}")]
    OtherMatter(String),
    /// The configuration moved on since.
    #[error(
        "voided: it was given for what follows generation {parent}, and the ledger is at {held}"
    )]
    BaseMoved {
        /// What it says.
        parent: u64,
        /// What the ledger holds.
        held: u64,
    },
    /// The same person has approved already.
    #[error("same person twice: {0} has approved already")]
    Twice(String),
    /// The key is somebody else's.
    #[error("one key under two names: it was given as {said}, and the key is {is}'s")]
    TwoNames {
        /// The name that it was given under.
        said: String,
        /// Whose the key is.
        is: String,
    },
    /// The plan's author.
    #[error("own plan: {0} proposed it, and whoever proposes does not count")]
    Author(String),
    /// The signature does not fit, or can't be read.
    #[error("broken signature: {0}")]
    Broken(String),
    /// There is no armour.
    #[error("no SSH signature: it does not start with -----BEGIN SSH SIGNATURE-----")]
    NoArmour,
    /// It is too large to be one.
    #[error("oversize: {0} octets are no signature or statement")]
    Oversize(usize),
    /// The signature has a format of another version.
    #[error("unknown signature format {0}")]
    Version(u32),
    /// The statement has a format of another version.
    #[error("unknown statement format {0:?}: this version writes and reads 1")]
    Format(String),
    /// The text is no statement.
    #[error("no statement: the signed text is not one that steadfast wrote, to the letter")]
    NoStatement,
    /// A sort of key that can't be verified here.
    #[error("{0} signatures are not verified here")]
    Algorithm(String),
    /// Nothing bakes.
    #[error("no rollout goes on: there is no bake to shorten")]
    NoRollout,
    /// Nobody waits for the bake.
    #[error("the last stage has begun: no server waits for its bake any more")]
    LastStage,
    /// The guard can't be waived.
    #[error("no waiver passes {0}: {why}", why = super::why_never(.0))]
    NeverWaived(String),
}

impl Refused {
    /// A stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refused::NoRoll => "no-roll",
            Refused::UnknownKey(_) => "unknown-key",
            Refused::Revoked(_) | Refused::KeyEnded { .. } => "revoked",
            Refused::KeyNotYet { .. } => "key-not-yet",
            Refused::NotForUs(_) | Refused::Namespace(_) => "wrong-namespace",
            Refused::Expired(_) => "expired",
            Refused::TooLong { .. } => "lives-too-long",
            Refused::OtherPlan { .. } => "replayed",
            Refused::OtherHash { .. } => "other-hash",
            Refused::OtherZone(_) => "other-zone",
            Refused::OtherLedger(_) => "other-ledger",
            Refused::OtherMatter(_) => "other-matter",
            Refused::BaseMoved { .. } => "voided",
            Refused::Twice(_) => "same-person",
            Refused::TwoNames { .. } => "two-names",
            Refused::Author(_) => "own-plan",
            Refused::Broken(_) => "broken-signature",
            Refused::NoArmour => "no-signature",
            Refused::Oversize(_) => "oversize",
            Refused::Version(_) => "signature-format",
            Refused::Format(_) => "statement-format",
            Refused::NoStatement => "no-statement",
            Refused::Algorithm(_) => "key-type",
            Refused::NoRollout => "no-rollout",
            Refused::LastStage => "last-stage",
            Refused::NeverWaived(_) => "never-waived",
        }
    }

    /// What to do about it, for the plan `number` of `zone`.
    pub fn fix(&self, zone: &str, number: u64) -> String {
        let anew = format!("`steadfast approve {number} --zone {zone}` signs it anew");
        match self {
            Refused::NoRoll => {
                format!("`steadfast govern {zone}` puts the config's roll into the ledger")
            }
            Refused::UnknownKey(_) | Refused::Revoked(_) | Refused::KeyEnded { .. } => format!(
                "sign with a key that is on the roll (`steadfast govern {zone} --show`), or put this one there: two people approve that"
            ),
            Refused::NotForUs(_) => format!(
                "add steadfast to its namespaces=\"…\" in the signers file, then `steadfast govern {zone}`"
            ),
            Refused::KeyNotYet { .. } => "wait, or let somebody else approve".into(),
            Refused::Namespace(_) => {
                "sign with `ssh-keygen -Y sign -n steadfast -f KEY FILE`".into()
            }
            Refused::OtherPlan { found, .. } => format!(
                "each plan is approved by itself: `steadfast approve {number} --zone {zone}`; that one is for {found}"
            ),
            Refused::BaseMoved { .. } => {
                format!("`steadfast plan {zone} --save` plans anew; that plan is approved anew")
            }
            Refused::Twice(_) | Refused::Author(_) => {
                format!(
                    "somebody else is needed: `steadfast approve {number} --zone {zone}`, as them"
                )
            }
            Refused::NoArmour | Refused::Broken(_) | Refused::Oversize(_) => format!(
                "hand in what `ssh-keygen -Y sign -n steadfast -f KEY FILE` wrote to FILE.sig, whole; {anew}"
            ),
            Refused::Algorithm(_) => "use an Ed25519 key (ssh-keygen -t ed25519)".into(),
            Refused::NoRollout | Refused::LastStage => {
                format!("`steadfast status {zone}` shows how far it is")
            }
            Refused::NeverWaived(_) => {
                "change the plan, so that the guard has nothing to say".into()
            }
            _ => anew,
        }
    }
}
