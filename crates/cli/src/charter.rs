//! What the config proposes as a zone's charter, and how it stands to the one in the ledger.

use crate::commands::sign;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail};
use crate::site::ZoneSite;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use steadfast_core::leash::{Charter, CharterError, Class, NAMESPACE, Need};
use steadfast_core::ledger::State;
use steadfast_core::time::Millis;

/// No signers file is longer than this, in octets.
const SIGNERS: usize = 128 * 1024;

/// How the config stands to the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Neither says anything: nothing needs approval.
    Free,
    /// Both say the same.
    Same,
    /// The config wants approvals, and the ledger does not know it yet.
    New,
    /// They say different things: the ledger's holds.
    Differs,
    /// The config says nothing any more: the ledger's holds.
    Dropped,
}

impl Standing {
    /// What somebody should know, and the command; nothing where all is well.
    pub fn note(&self, zone: &str) -> Option<String> {
        Some(match self {
            Standing::Free | Standing::Same => return None,
            Standing::New => format!(
                "approvals: the config wants them, and the ledger does not know it yet: steadfast govern {zone}"
            ),
            Standing::Differs => format!(
                "approvals: the config differs from the ledger, whose charter holds; to propose the config's: steadfast govern {zone}"
            ),
            Standing::Dropped => format!(
                "approvals: the config says nothing, and the ledger's charter holds; to see it: steadfast govern {zone} --show"
            ),
        })
    }
}

/// The charter that the config proposes; `None`: it proposes none.
///
/// # Errors
/// A signers file that can't be read or has a fault; a charter that could not be kept.
pub fn proposed(zone: &ZoneSite<'_>) -> Result<Option<Charter>, Fail> {
    let Some(approvals) = &zone.config.approvals else {
        return Ok(None);
    };
    let file = shown_path(&approvals.signers);
    let signers = sign::read(&approvals.signers, SIGNERS)?.ok_or_else(|| {
        let message = format!("{file} is larger than {SIGNERS} octets: that is no signers file");
        Fail::new(
            Exit::Usage,
            "bad-signers",
            message,
            "name the allowed_signers file under `signers`",
        )
    })?;
    let charter = Charter {
        signers,
        groups: approvals.groups.clone(),
        classes: approvals.classes.clone(),
        otherwise: approvals.otherwise.clone(),
        waiver: approvals.waiver.clone(),
        critical: zone.policy.critical.clone(),
        lifetime: Millis(u64::try_from(approvals.expire.as_millis()).unwrap_or(u64::MAX)),
    };
    charter
        .check(&zone.policy.zone)
        .map_err(|error| match error {
            CharterError::Roll(roll) => {
                let message = format!("{file}:{}: {}", roll.line, roll.why);
                Fail::new(Exit::Usage, "bad-signers", message, roll.fix)
            }
            other => {
                let help = format!("see [zone.\"{}\".approvals] and {file}", zone.config.name);
                Fail::new(Exit::Usage, "bad-charter", other.to_string(), help)
            }
        })?;
    Ok(Some(charter))
}

/// How the config stands to the ledger.
///
/// # Errors
/// As [`proposed`].
pub fn standing(zone: &ZoneSite<'_>, state: &State) -> Result<Standing, Fail> {
    let held = state.leash.charter.as_ref().map(|c| &c.charter);
    Ok(match (held, proposed(zone)?) {
        (None, None) => Standing::Free,
        (None, Some(_)) => Standing::New,
        (Some(_), None) => Standing::Dropped,
        (Some(held), Some(new)) if *held == new => Standing::Same,
        (Some(_), Some(_)) => Standing::Differs,
    })
}

/// A charter as people read it, a line a thing.
pub fn lines(charter: &Charter) -> Vec<String> {
    let mut lines = Vec::new();
    for key in charter.roll().unwrap_or_default().keys {
        let mut line = format!("{} {}", key.who, key.fingerprint);
        if let Some(before) = key.before {
            let _ = write!(line, ", until {}", super::commands::words::time(before));
        }
        if let Some(after) = key.after {
            let _ = write!(line, ", from {}", super::commands::words::time(after));
        }
        if !key.may_sign(NAMESPACE) {
            line += ", not for steadfast";
        }
        lines.push(line);
    }
    for (group, members) in &charter.groups {
        lines.push(format!("group {group}: {}", members.join(", ")));
    }
    for class in &charter.classes {
        lines.push(format!("class {}: {}", class.name, class_text(class)));
    }
    lines.push(format!(
        "everything else: {}",
        need_text(&charter.otherwise)
    ));
    lines.push(format!("a waiver: {}", need_text(&charter.waiver)));
    let critical: Vec<String> = charter
        .critical
        .iter()
        .map(super::commands::words::name)
        .collect();
    if !critical.is_empty() {
        lines.push(format!("critical: {}", critical.join(", ")));
    }
    let span = super::commands::words::span(charter.lifetime);
    lines.push(format!("approvals count for {span}"));
    lines
}

fn need_text(need: &Need) -> String {
    let count = super::commands::words::count(need.count() as usize, "approval");
    match need.from.as_slice() {
        [] => count,
        from => format!("{count} from {}", from.join(" and ")),
    }
}

fn class_text(class: &Class) -> String {
    let mut what = Vec::new();
    if class.rollback {
        what.push("rollbacks".to_owned());
    }
    let types: Vec<String> = class.types.iter().map(ToString::to_string).collect();
    if !types.is_empty() {
        what.push(types.join(" "));
    }
    if !class.names.is_empty() {
        what.push(format!("at {}", class.names.join(" ")));
    }
    what.extend(class.critical.map(|yes| {
        if yes {
            "critical names"
        } else {
            "names that are not critical"
        }
        .to_owned()
    }));
    what.extend(
        class
            .deletes
            .map(|yes| if yes { "deletions" } else { "no deletions" }.to_owned()),
    );
    what.extend(
        class
            .author
            .map(|author| format!("by a {author:?}").to_lowercase()),
    );
    if let Some((count, share)) = class.above {
        let count = count.map(|c| format!("{c} RRsets"));
        let share = share.map(|s| format!("{} %", f64::from(s) / 10_000.0));
        let both: Vec<String> = [count, share].into_iter().flatten().collect();
        what.push(format!("above {}", both.join(" or ")));
    }
    if what.is_empty() {
        what.push("everything".into());
    }
    format!("{}: {}", what.join(", "), need_text(&class.need))
}

/// What differs between two charters, a line a thing: `-` goes, `+` comes.
pub fn difference(old: Option<&Charter>, new: &Charter) -> String {
    let before = old.map(lines).unwrap_or_default();
    let after = lines(new);
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
    let mut out = String::new();
    for line in before.iter().filter(|l| !is.contains(l)) {
        let _ = writeln!(out, "  - {line}");
    }
    for line in after.iter().filter(|l| !was.contains(l)) {
        let _ = writeln!(out, "  + {line}");
    }
    out
}
