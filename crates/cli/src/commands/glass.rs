//! Break-glass in words: what it is about, who asks for it, until when.

use super::{out, stages, words};
use crate::site::Style;
use anstyle::AnsiColor;
use cell::enactor::now;
use dns::Digest;
use serde_json::{Value, json};
use std::fmt::Write as _;
use steadfast_core::leash::{GLASS_PEOPLE, Refused, glass, glass_asked, glass_matter};
use steadfast_core::ledger::State;
use steadfast_core::time::Time;

/// Hash and parent of the plan that goes out, which must be this one.
///
/// # Errors
/// No rollout, its last stage, another plan.
pub fn matter(state: &State, number: u64) -> Result<(Digest, u64), Refused> {
    let (wanted, hash, parent) = glass_matter(state)?;
    match wanted == number {
        true => Ok((hash, parent)),
        false => Err(Refused::OtherPlan {
            found: number,
            wanted,
        }),
    }
}

/// The rollout that it is about.
pub fn show(zone: &str, state: &State, style: Style) {
    if !style.json {
        let mut text = format!("{zone}: break-glass, for an hour at most\n");
        stages::show(&mut text, zone, state, now(), style);
        text.push_str("  every check still has to pass, once, after the servers were read back; guards, approvals and freezes hold as ever\n");
        out::text(&text);
    }
}

/// What a signature led to.
pub fn told(zone: &str, number: u64, state: &State, who: &str, style: Style) {
    let now = now();
    let force = glass(state, now);
    if style.json {
        out::json(&json!({
            "zone": zone, "number": number, "by": who, "break-glass": document(state, now),
        }));
        return;
    }
    let text = match force {
        Some(glass) => format!(
            "{zone}: the glass is broken until {}, by {}\n  next: steadfast status {zone}\n",
            words::time(glass.until),
            glass.who.join(", ")
        ),
        None => format!(
            "{zone}: {who} asks to break the glass; {} of {GLASS_PEOPLE} people\n  next: steadfast break-glass {number} --reason '…', as somebody else\n",
            glass_asked(state, now).have.len()
        ),
    };
    out::text(&text);
}

/// Who cuts the bake short, or asks for it.
pub fn status(out: &mut String, state: &State, now: Time, style: Style) {
    let word = || out::painted("break-glass", AnsiColor::Red, style);
    if let Some(glass) = glass(state, now) {
        let _ = writeln!(
            out,
            "  {} until {} (in {}) by {}: no bake but the last is waited for: {}",
            word(),
            words::time(glass.until),
            words::span(glass.until.since(now)),
            glass.who.join(", "),
            glass.reason
        );
        return;
    }
    let asked = glass_asked(state, now);
    for (who, until, reason) in &asked.have {
        let _ = writeln!(
            out,
            "  {} is asked for by {who} until {}, and a second person is needed: {reason}",
            word(),
            words::time(*until)
        );
    }
    for void in &asked.void {
        let _ = writeln!(
            out,
            "  {}: the signature of {} does not count: {}",
            word(),
            void.by,
            void.why
        );
    }
}

/// The same for programs.
pub fn document(state: &State, now: Time) -> Value {
    let asked = glass_asked(state, now);
    if asked.have.is_empty() && asked.void.is_empty() {
        return Value::Null;
    }
    let force = glass(state, now);
    let one = |(who, until, reason): &(String, Time, String)| json!({ "who": who, "until": words::time(*until), "reason": reason });
    json!({
        "in-force": force.is_some(),
        "until": force.map(|g| words::time(g.until)),
        "signatures": asked.have.iter().map(one).collect::<Vec<_>>(),
        "void": asked.void.iter().map(|v| json!({ "who": v.by, "why": v.why.to_string() })).collect::<Vec<_>>(),
    })
}
