//! Signed checkpoints: somebody's word that a ledger had this hash at this entry, to be kept
//! elsewhere. A text that a person can read, and below it an SSH signature of it in a namespace of
//! its own, so that no checkpoint is ever an approval, nor the other way round.

use super::export::Checked;
use super::trust::digest;
use super::{files, out, sign};
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome, Said};
use crate::site::Style;
use cell::enactor::now;
use dns::Digest;
use serde_json::json;
use std::path::Path;
use steadfast_core::leash::{MOST_SIGNATURE, MOST_STATEMENT, Refused, Roll};
use steadfast_core::leash::{fingerprint, read_signature_in, stamp, verify_in};
use steadfast_core::ledger::State;
use steadfast_core::marker::LedgerId;
use steadfast_core::time::Time;

/// What checkpoints are signed for (`ssh-keygen -Y sign -n`).
pub const NAMESPACE: &str = "steadfast-checkpoint";

/// The first line, with the format's version.
const HEAD: &str = "steadfast checkpoint 1";

/// Where the text ends and the signature begins.
const ARMOUR: &str = "-----BEGIN SSH SIGNATURE-----";
/// The last line.
const ARMOUR_END: &str = "-----END SSH SIGNATURE-----";

/// No file of signers is longer, in octets.
const MOST_SIGNERS: usize = 128 * 1024;

/// What a checkpoint says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Of which zone, as people type it.
    pub zone: String,
    /// Of which ledger.
    pub ledger: LedgerId,
    /// At which entry.
    pub seq: u64,
    /// The hash of that entry.
    pub head: Digest,
    /// When it was made, by the clock of whoever made it; whole seconds.
    pub at: Time,
}

/// A checkpoint that holds, and by whom.
pub struct Held {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Who signed it, as the file of signers has it.
    pub who: String,
    /// With which key.
    pub key: String,
}

impl Held {
    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        let Checkpoint { seq, at, .. } = &self.checkpoint;
        json!({ "entry": seq, "time": stamp::show(*at), "by": self.who, "key": self.key })
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checkpoint { seq, at, .. } = &self.checkpoint;
        let (who, key, at) = (&self.who, &self.key, stamp::show(*at));
        write!(f, "entry {seq} is as {who} signed it, with {key} on {at}")
    }
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Checkpoint {
            zone,
            ledger,
            seq,
            head,
            at,
        } = self;
        let at = stamp::show(*at);
        format!("{HEAD}\nzone: {zone}\nledger: {ledger}\nentry: {seq}\nhead: {head}\ntime: {at}\n")
    }

    /// Reads what [`Checkpoint::text`] writes, and nothing else.
    pub fn read(text: &str) -> Option<Checkpoint> {
        let mut lines = text.lines();
        (lines.next()? == HEAD).then_some(())?;
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ");
        let found = Checkpoint {
            zone: value("zone")?.to_owned(),
            ledger: value("ledger")?.parse().ok()?,
            seq: value("entry")?.parse().ok()?,
            head: digest(value("head")?)?,
            at: stamp::read(value("time")?)?,
        };
        (found.text() == text).then_some(found)
    }
}

/// Signs where a ledger stands, and writes that to a new file; to standard output without one.
///
/// # Errors
/// No key, a key that can't sign or be verified here, a file that is there already.
pub fn write(
    zone: &str,
    state: &State,
    named: Option<&Path>,
    file: Option<&Path>,
    style: Style,
) -> Outcome {
    let file = file.filter(|file| *file != Path::new("-"));
    if let Some(file) = file.filter(|file| file.symlink_metadata().is_ok()) {
        let message = format!("{} is there already", shown_path(file));
        let help = "name another file: checkpoints are kept, not replaced";
        return Err(Fail::new(Exit::Usage, "exists", message, help));
    }
    let roll = match &state.leash.charter {
        Some(charter) => charter.charter.roll().map_err(Fail::store)?,
        None => Roll::default(),
    };
    let checkpoint = Checkpoint {
        zone: zone.to_owned(),
        ledger: state.ledger,
        seq: state.last,
        head: state.last_hash,
        at: Time(now().0 / 1000 * 1000),
    };
    let text = checkpoint.text();
    let key = sign::key(named, &roll).map_err(here)?;
    let armour = sign::sign_in(NAMESPACE, &key, &text).map_err(here)?;
    let sig =
        read_signature_in(NAMESPACE, &armour).map_err(|why| refused("the signature", &why))?;
    verify_in(NAMESPACE, &sig, text.as_bytes()).map_err(|why| refused("the signature", &why))?;
    let key = fingerprint(sig.public_key());
    let whole = format!("{text}{}\n", armour.trim_end());
    let shown = file.map(shown_path);
    match file {
        Some(file) => files::replace(file, whole.as_bytes())?,
        None if !style.json => out::text(&whole),
        None => {}
    }
    if style.json {
        let Checkpoint { seq, head, .. } = checkpoint;
        out::json(&json!({
            "zone": zone, "entry": seq, "head": head, "key": key, "file": shown,
            "checkpoint": whole,
        }));
    } else if let Some(shown) = shown {
        out::text(&format!(
            "{zone}: entry {}, {}\n  signed with {key}, and written to {shown}\n  next: keep it where nobody who writes the ledger can; steadfast log verify EXPORT --checkpoint {shown} --signers ALLOWED_SIGNERS\n",
            checkpoint.seq, checkpoint.head
        ));
    }
    Ok(Exit::Done)
}

/// What helps an approval and not here is not said.
fn here(mut fail: Fail) -> Fail {
    if let Said::Words { help, .. } = &mut fail.said
        && help.contains("--print")
    {
        *help = "name a key with --key FILE; one with a passphrase goes into ssh-agent (`ssh-add KEY`), and its .pub file is named".into();
    }
    fail
}

/// Holds a checkpoint against an export.
///
/// # Errors
/// Each by its name (exit 4): a file that was cut, a broken signature, one made for something else,
/// a signer who is unknown or may not, another zone or ledger, an entry that is not in the export,
/// another hash.
pub fn hold(
    file: &Path,
    signers: &Path,
    shown_export: &str,
    checked: &Checked,
) -> Result<Held, Fail> {
    let shown = shown_path(file);
    let whole = sign::read(file, MOST_SIGNATURE + MOST_STATEMENT)?;
    let whole = whole.ok_or_else(|| refused(&shown, &Refused::Oversize(MOST_SIGNATURE)))?;
    let (checkpoint, armour) = parts(&shown, &whole)?;
    let sig = read_signature_in(NAMESPACE, armour).map_err(|why| refused(&shown, &why))?;
    let text = checkpoint.text();
    verify_in(NAMESPACE, &sig, text.as_bytes()).map_err(|why| refused(&shown, &why))?;
    let key = fingerprint(sig.public_key());
    let who = signer(&shown, signers, &key, now())?;
    fits(&shown, &checkpoint, shown_export, checked)?;
    Ok(Held {
        checkpoint,
        who,
        key,
    })
}

/// The text and the signature.
fn parts<'t>(shown: &str, whole: &'t str) -> Result<(Checkpoint, &'t str), Fail> {
    let bad = |code: &'static str, why: &str| {
        let help = "get it anew from where it is kept: it is held against the ledger whole, to the letter, or not at all";
        Fail::new(Exit::Refused, code, format!("{shown}: {why}"), help)
    };
    let first = whole.lines().next().unwrap_or_default();
    if first.starts_with("steadfast checkpoint ") && first != HEAD {
        let why = format!("unknown format {first:?}: this version writes and reads {HEAD:?}");
        return Err(bad("checkpoint-format", &why));
    }
    let Some((text, _)) = whole.split_once(ARMOUR).filter(|_| first == HEAD) else {
        return Err(match first == HEAD || HEAD.starts_with(first) {
            true => bad("cut-checkpoint", "it was cut: it has no signature"),
            false => bad("no-checkpoint", "no checkpoint: it does not start as one"),
        });
    };
    let armour = whole.get(text.len()..).unwrap_or_default();
    if !armour.trim_end().ends_with(ARMOUR_END) {
        return Err(bad(
            "cut-checkpoint",
            "it was cut: its signature has no end",
        ));
    }
    let checkpoint = Checkpoint::read(text);
    let why = "no checkpoint: its text is not one that steadfast wrote, to the letter";
    Ok((checkpoint.ok_or_else(|| bad("no-checkpoint", why))?, armour))
}

/// Who signed, by the file of signers.
fn signer(shown: &str, file: &Path, key: &str, at: Time) -> Result<String, Fail> {
    let listed = shown_path(file);
    let broken = |why: String| {
        let help = "it is an allowed_signers file of OpenSSH: NAME [OPTIONS] KEY-TYPE KEY";
        Fail::new(Exit::Usage, "bad-signers", format!("{listed}: {why}"), help)
    };
    let text = sign::read(file, MOST_SIGNERS)?;
    let text = text.ok_or_else(|| broken(format!("larger than {MOST_SIGNERS} octets")))?;
    let roll = Roll::parse(&text).map_err(|e| broken(e.to_string()))?;
    let Some(signer) = roll.keys.iter().find(|s| s.fingerprint == key) else {
        let message = format!("{shown}: unknown signer: the key {key} is not in {listed}");
        let help = "who signed it? Only somebody whom you trust goes into that file";
        return Err(Fail::new(Exit::Refused, "unknown-key", message, help));
    };
    let who = signer.who.clone();
    if !signer.may_sign(NAMESPACE) {
        let message =
            format!("{shown}: wrong namespace: {listed} does not let {who} sign checkpoints");
        let help = format!("where {who} may: add {NAMESPACE} to namespaces=\"…\" on that line");
        return Err(Fail::new(Exit::Refused, "wrong-namespace", message, help));
    }
    match (signer.after, signer.before) {
        (Some(after), _) if at < after => Err(refused(shown, &Refused::KeyNotYet { who, after })),
        (_, Some(before)) if before <= at => {
            Err(refused(shown, &Refused::KeyEnded { who, before }))
        }
        _ => Ok(who),
    }
}

/// Whether a checkpoint that somebody signed is about this export.
fn fits(shown: &str, checkpoint: &Checkpoint, export: &str, checked: &Checked) -> Result<(), Fail> {
    let Checkpoint {
        zone,
        ledger,
        seq,
        head,
        ..
    } = checkpoint;
    let bad = |code: &'static str, why: String, help: &str| {
        Err(Fail::new(
            Exit::Refused,
            code,
            format!("{shown}: {why}"),
            help,
        ))
    };
    if *zone != checked.zone {
        let why = format!(
            "other zone: it is about {zone}, and {export} is of {}",
            checked.zone
        );
        return bad("other-zone", why, "take the checkpoint of that zone");
    }
    let other = checked.ledger(*seq).filter(|found| found != ledger);
    if let Some(other) = other {
        let why = format!("other ledger: it is about ledger {ledger}, and {export} is of {other}");
        let help = "another ledger leads the zone now, or this copy is not of the one that did";
        return bad("other-ledger", why, help);
    }
    match checked.links.hash(*seq) {
        Some(found) if found == *head => Ok(()),
        Some(found) => {
            let why = format!(
                "hash differs: entry {seq} of {export} has the hash {found}, and {head} was signed"
            );
            let help = "the ledger was rewritten at that entry or before it: keep both as evidence";
            bad("head-differs", why, help)
        }
        None => {
            let why = format!("entry {seq} is not in {export}: {}", checked.links.range());
            let help = "export it again: a copy without that entry says nothing of it";
            bad("head-missing", why, help)
        }
    }
}

fn refused(shown: &str, why: &Refused) -> Fail {
    let message = match why {
        Refused::Namespace(found) => format!(
            "{shown}: wrong namespace: the signature was made for {found:?}, not for {NAMESPACE:?}"
        ),
        Refused::KeyEnded { who, before } => {
            let before = stamp::show(*before);
            format!("{shown}: revoked: the key of {who} was good until {before}")
        }
        other => format!("{shown}: {other}"),
    };
    let help = "a checkpoint counts as `steadfast log checkpoint` wrote it, by a key that may sign now; take another one";
    Fail::new(Exit::Refused, why.code(), message, help)
}
