//! What an auditor holds against a ledger: a head that was noted before.

use crate::exit::{Exit, Fail};
use dns::Digest;
use std::path::Path;
use std::str::FromStr;

/// What an export is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noted<'a> {
    /// A noted head.
    pub head: Option<&'a Head>,
    /// A signed checkpoint…
    pub checkpoint: Option<&'a Path>,
    /// …and whose signature counts.
    pub signers: Option<&'a Path>,
}

/// A noted head: the hash of an entry, which covers all entries up to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Of which entry; `None`: of the last.
    pub seq: Option<u64>,
    /// Its hash.
    pub hash: Digest,
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Head, String> {
        let shape = "a head is HASH or NUMBER:HASH, the hash with all its 64 digits, as `log verify` prints it";
        let (seq, hash) = match text.split_once(':') {
            Some((seq, hash)) => (Some(seq), hash),
            None => (None, text),
        };
        let seq = match seq {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse::<u64>().map_err(|_| shape.to_owned())?)
            }
            Some(_) => return Err(shape.to_owned()),
            None => None,
        };
        let hash = digest(hash).ok_or_else(|| shape.to_owned())?;
        Ok(Head { seq, hash })
    }
}

/// A hash as it is always written: 64 digits, none of them upper-case.
pub fn digest(text: &str) -> Option<Digest> {
    let quoted = format!("\"{text}\"");
    let hash: Digest = serde_json::from_str(&quoted).ok()?;
    (hash.to_string() == text).then_some(hash)
}

/// The numbers and hashes of a ledger whose chain was verified, or of a part of it.
pub struct Links {
    /// What came before the first: 0 and zeros where nothing did.
    pub after: (u64, Digest),
    /// In their order.
    pub entries: Vec<(u64, Digest)>,
}

impl Links {
    /// The last.
    pub fn head(&self) -> (u64, Digest) {
        self.entries.last().copied().unwrap_or(self.after)
    }

    /// The hash of an entry; of the one before the first, too, if there is one.
    pub fn hash(&self, seq: u64) -> Option<Digest> {
        if self.after.0 == seq && seq > 0 {
            return Some(self.after.1);
        }
        let at = self.entries.binary_search_by_key(&seq, |(seq, _)| *seq);
        self.entries.get(at.ok()?).map(|(_, hash)| *hash)
    }

    /// Which entries there are, for people.
    pub fn range(&self) -> String {
        match self.entries.first() {
            Some((first, _)) => format!("it has entries {first} to {}", self.head().0),
            None => "it has no entries".to_owned(),
        }
    }

    /// Whether a noted head is in it. Returns the entry.
    ///
    /// # Errors
    /// It is not: another ledger, or this one rewritten (exit 4).
    pub fn holds(&self, what: &str, noted: &Head) -> Result<u64, Fail> {
        let (last, _) = self.head();
        let seq = noted.seq.unwrap_or(last);
        let help = "one of the two is not what it was: keep both; a head noted earlier yet says up to which entry they agree";
        let Some(found) = self.hash(seq) else {
            let message = format!("{what} has no entry {seq}: {}", self.range());
            let help = "export it again: a copy that ends before the noted head says nothing of it";
            return Err(Fail::new(Exit::Refused, "head-missing", message, help));
        };
        if found == noted.hash {
            return Ok(seq);
        }
        let entry = match noted.seq {
            Some(_) => format!("entry {seq}"),
            None => format!("the last entry, {seq},"),
        };
        let wanted = noted.hash;
        let message = format!("{what}: {entry} has the hash {found}, and you noted {wanted}");
        let elsewhere = self.entries.iter().find(|(_, hash)| *hash == wanted);
        let help = match elsewhere {
            Some((seq, _)) => format!("that is the hash of entry {seq}: --head {seq}:{wanted}"),
            None => help.to_owned(),
        };
        Err(Fail::new(Exit::Refused, "head-differs", message, help))
    }
}
