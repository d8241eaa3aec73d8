//! The roll of approvers: an OpenSSH `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS), read
//! more strictly than OpenSSH does: a key names one person, and a person is no pattern.

use super::NAMESPACE;
use super::stamp;
use crate::time::Time;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey};
use std::collections::BTreeMap;

/// No roll is longer than this, in octets.
pub(super) const MOST_OCTETS: usize = 128 * 1024;

/// Fewer octets of an RSA modulus are not accepted: 2048 bits.
const RSA_LEAST: usize = 256;

/// Who may approve.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roll {
    /// In the order of the file.
    pub keys: Vec<Signer>,
}

/// One key of one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// Whose, as the roll has it.
    pub who: String,
    /// The public key.
    pub key: KeyData,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The patterns of each `namespaces` option: what it may sign. None: everything.
    namespaces: Vec<String>,
    /// Not before…
    pub after: Option<Time>,
    /// …and only before this.
    pub before: Option<Time>,
}

impl Signer {
    /// Whether it may sign in a namespace (`ssh-keygen -Y sign -n`). A pattern after `!` forbids,
    /// whatever others permit (ssh_config(5), PATTERNS).
    pub fn may_sign(&self, namespace: &str) -> bool {
        self.namespaces.iter().all(|patterns| {
            let fits = |pattern: &str| matches(pattern, namespace);
            let mut not = patterns.split(',').filter_map(|p| p.strip_prefix('!'));
            patterns.split(',').any(fits) && !not.any(fits)
        })
    }
}

/// What is wrong with a roll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}; {fix}")]
pub struct RollError {
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub why: String,
    /// How to mend it.
    pub fix: String,
}

fn bad(line: usize, why: impl Into<String>, fix: impl Into<String>) -> RollError {
    let (why, fix) = (why.into(), fix.into());
    RollError { line, why, fix }
}

impl Roll {
    /// Reads a roll.
    ///
    /// # Errors
    /// The first line that is broken, an authority, a person that is a pattern, a key of two people
    /// or of a sort that can't be verified here.
    pub fn parse(text: &str) -> Result<Roll, RollError> {
        if text.len() > MOST_OCTETS {
            let why = format!("the file has {} octets", text.len());
            return Err(bad(0, why, format!("at most {MOST_OCTETS} are read")));
        }
        let mut roll = Roll::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t', '\r']);
            if !line.is_empty() && !line.starts_with('#') {
                let signer = read_line(at + 1, line)?;
                roll.admit(at + 1, signer)?;
            }
        }
        Ok(roll)
    }

    fn admit(&mut self, line: usize, signer: Signer) -> Result<(), RollError> {
        let (new, of) = (person(&signer.who), &signer.fingerprint);
        if let Some(known) = self.keys.iter().find(|k| k.fingerprint == *of) {
            let why = match person(&known.who) == new {
                true => format!("the key {of} of {} is there twice", signer.who),
                false => format!("{} and {} have the same key {of}", known.who, signer.who),
            };
            let fix =
                "a key names one person, and stands on one line; dual control by one key is none";
            return Err(bad(line, why, fix));
        }
        let twin = |k: &&Signer| person(&k.who) == new && k.who != signer.who;
        if let Some(twin) = self.keys.iter().find(twin) {
            let why = format!("{} and {} differ in case alone", twin.who, signer.who);
            return Err(bad(line, why, "write a person's name in one way"));
        }
        self.keys.push(signer);
        Ok(())
    }

    /// Everybody on it, each once, in canonical order.
    pub fn people(&self) -> Vec<&str> {
        let all: BTreeMap<String, &str> = self
            .keys
            .iter()
            .map(|k| (person(&k.who), k.who.as_str()))
            .collect();
        all.into_values().collect()
    }

    /// Everybody whose key may sign for Steadfast at `at`.
    pub fn able(&self, at: Time) -> Vec<&str> {
        let able = |who: &&str| {
            let same = |k: &&Signer| person(&k.who) == person(who);
            self.keys.iter().filter(same).any(|k| k.is_good(at))
        };
        self.people().into_iter().filter(able).collect()
    }

    /// The person that a key belongs to.
    pub fn signer(&self, key: &KeyData) -> Option<&Signer> {
        self.keys.iter().find(|k| k.key == *key)
    }
}

impl Signer {
    /// Whether it may sign for Steadfast at `at`.
    pub fn is_good(&self, at: Time) -> bool {
        let begun = self.after.is_none_or(|after| after <= at);
        self.may_sign(NAMESPACE) && begun && self.before.is_none_or(|before| at < before)
    }
}

/// The name under which a person counts: case makes no second one.
pub(crate) fn person(who: &str) -> String {
    who.to_lowercase()
}

fn read_line(line: usize, text: &str) -> Result<Signer, RollError> {
    let shape = "a line is: NAME [OPTIONS] KEY-TYPE KEY, such as `anna@example.com namespaces=\"steadfast\" ssh-ed25519 AAAA…`";
    let (who, rest) = word(text).ok_or_else(|| bad(line, "a quotation mark has no end", shape))?;
    let who = principal(line, who.trim_matches('"'))?;
    let mut signer = Signer {
        who,
        key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
        fingerprint: String::new(),
        namespaces: Vec::new(),
        after: None,
        before: None,
    };
    let (next, after) =
        word(rest).ok_or_else(|| bad(line, "a quotation mark has no end", shape))?;
    let key = if is_key_type(next) {
        rest
    } else {
        options(line, next, &mut signer)?;
        after
    };
    if key.is_empty() {
        return Err(bad(line, format!("{} has no key", signer.who), shape));
    }
    signer.key = public_key(line, key)?;
    signer.fingerprint = fingerprint(&signer.key);
    Ok(signer)
}

/// As `ssh-keygen -l` shows it.
pub fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Reads a public key of a sort that can be verified here.
fn public_key(line: usize, text: &str) -> Result<KeyData, RollError> {
    let mut words = text.split([' ', '\t']).filter(|w| !w.is_empty());
    let two = format!(
        "{} {}",
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default()
    );
    let key = PublicKey::from_openssh(&two);
    let key = key.map_err(|e| {
        bad(
            line,
            format!("the key can't be read: {e}"),
            "copy the line of the .pub file as it is",
        )
    })?;
    let data = key.key_data().clone();
    let fix = "use an Ed25519 key (ssh-keygen -t ed25519), or a security key (ed25519-sk)";
    let short = data.rsa().and_then(|rsa| rsa.n.as_positive_bytes());
    match data.algorithm() {
        Algorithm::Rsa { .. } if short.is_none_or(|n| n.len() < RSA_LEAST) => {
            Err(bad(line, "an RSA key of fewer than 2048 bits", fix))
        }
        Algorithm::Ed25519 | Algorithm::SkEd25519 | Algorithm::Rsa { .. } => Ok(data),
        Algorithm::Ecdsa {
            curve: ssh_key::EcdsaCurve::NistP256 | ssh_key::EcdsaCurve::NistP384,
        } => Ok(data),
        other => Err(bad(
            line,
            format!("{other} keys are not verified here"),
            fix,
        )),
    }
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|p| word.starts_with(p))
}

fn principal(line: usize, text: &str) -> Result<String, RollError> {
    if text.contains(',') {
        let why = format!("{text} are several names for one key");
        let fix = "a key names one person: keep one of the names";
        return Err(bad(line, why, fix));
    }
    if text.contains(['*', '?', '!']) {
        let why = format!("{text} is a pattern");
        return Err(bad(
            line,
            why,
            "write the name of one person: a pattern is nobody",
        ));
    }
    let plain = |c: char| c.is_alphanumeric() || "@._+-".contains(c);
    if text.is_empty() || text.len() > 200 || is_key_type(text) || !text.chars().all(plain) {
        let why = format!("{:?} is no name of a person", super::shown(text));
        let fix = "a line starts with a name such as anna@example.com, then comes the key; names have letters, digits and @ . _ + -";
        return Err(bad(line, why, fix));
    }
    Ok(text.to_owned())
}

fn options(line: usize, text: &str, signer: &mut Signer) -> Result<(), RollError> {
    let mut rest = text;
    while !rest.is_empty() {
        let (one, more) = option(rest);
        rest = more;
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        let value = value.trim_matches('"');
        let time = || {
            let fix = "write the time as 20261231Z or 202612312359Z, with the Z: a time zone that depends on who looks is none";
            stamp::read_openssh(value).ok_or_else(|| {
                bad(
                    line,
                    format!("{name}={}: no time", super::shown(value)),
                    fix,
                )
            })
        };
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => signer.namespaces.push(value.to_owned()),
            "valid-after" => signer.after = Some(time()?),
            "valid-before" => signer.before = Some(time()?),
            "cert-authority" => {
                let why = "a certificate authority can make any number of people";
                return Err(bad(line, why, "list each approver's own key"));
            }
            _ => {
                let why = format!("the option {:?} is unknown", super::shown(name));
                let fix = "known are namespaces=\"…\", valid-after=\"…\" and valid-before=\"…\"";
                return Err(bad(line, why, fix));
            }
        }
    }
    Ok(())
}

/// The text up to a blank outside of quotation marks, and what follows the blank.
fn word(text: &str) -> Option<(&str, &str)> {
    let (one, rest) = cut(text, |c| c == ' ' || c == '\t')?;
    Some((one, rest.trim_start_matches([' ', '\t'])))
}

/// The text up to a comma outside of quotation marks, and what follows the comma.
fn option(text: &str) -> (&str, &str) {
    let (one, rest) = cut(text, |c| c == ',').unwrap_or((text, ""));
    (one, rest.strip_prefix(',').unwrap_or(rest))
}

fn cut(text: &str, ends: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        quoted ^= c == '"';
        if !quoted && ends(c) {
            return Some(text.split_at(at));
        }
    }
    (!quoted).then_some((text, ""))
}

/// `*` and `?` in a namespace.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match (rest.next(), text.chars().next()) {
        (None, none) => none.is_none(),
        (Some('*'), some) => {
            matches(rest.as_str(), text)
                || some.is_some_and(|c| matches(pattern, &text[c.len_utf8()..]))
        }
        (Some(p), Some(c)) if p == '?' || p == c => matches(rest.as_str(), &text[c.len_utf8()..]),
        _ => false,
    }
}
