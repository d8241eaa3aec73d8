//! Who leads a zone, by the markers that stand on its servers.

use crate::exit::{Exit, Fail};
use crate::prepare::{Observed, observe_some};
use crate::site::ZoneSite;
use cell::enactor::refresh;
use cell::store::Store;
use dns::Rtype;
use steadfast_core::book::Book;
use steadfast_core::ledger::{ServerState, State};
use steadfast_core::marker::{Marker, marker_text};

/// Transfers from the servers of a zone, then reads on in its ledger: a write is in the ledger
/// before it is sent, so whatever stands is known by then, if this store leads the zone at all.
///
/// # Errors
/// No server answered; a marker from the future of this ledger, or everywhere another ledger's.
pub fn observe(zone: &ZoneSite<'_>, store: &Store, book: &mut Book) -> Result<Observed, Fail> {
    let observed = observe_some(zone)?;
    refresh(store, &zone.policy.zone.to_string(), book).map_err(Fail::store)?;
    let name = &zone.config.name;
    let owner = zone.policy.marker_name();
    let mut others = Vec::new();
    for (id, content) in &observed.zones {
        let standing = content.get(&owner, Rtype::TXT);
        let Some(Ok(text)) = standing.map(marker_text) else {
            continue;
        };
        match whose(
            book.state(),
            book.state().servers.get(id).map(AsRef::as_ref),
            &text,
        ) {
            Whose::Ours => {}
            Whose::Ahead(seq) => return Err(older_copy(name, id, seq, book.state())),
            Whose::Other => others.push((id, text)),
        }
    }
    match others.first() {
        // Elsewhere the enactor halts the one server, and goes on with the rest (I8).
        Some((id, text)) if others.len() == observed.zones.len() => {
            Err(led(name, id, text, book.state()))
        }
        _ => Ok(observed),
    }
}

enum Whose {
    Ours,
    /// Of this ledger, with a number that it has not reached.
    Ahead(u64),
    Other,
}

fn whose(state: &State, server: Option<&ServerState>, text: &str) -> Whose {
    let planted = server.is_none_or(|s| s.verified.is_some());
    if !planted && server.is_some_and(|s| s.origin.marker.as_deref() == Some(text)) {
        return Whose::Ours;
    }
    match text.parse::<Marker>() {
        Ok(marker) if marker.ledger != state.ledger => Whose::Other,
        Ok(marker) if marker.sequence > state.last => Whose::Ahead(marker.sequence),
        // What is wrong with one of ours, or with what can't be read, the enactor tells.
        _ => Whose::Ours,
    }
}

fn older_copy(zone: &str, server: &str, seq: u64, state: &State) -> Fail {
    let last = state.last;
    Fail::new(
        Exit::Superseded,
        "older-copy",
        format!(
            "{zone} on {server} carries ledger entry {seq}, and this store ends at entry {last}: the store is an older copy, the zone has newer data; nothing was written"
        ),
        format!("use the newer store; if it is gone for good: steadfast adopt {zone} --take-over"),
    )
}

/// The refusal of a zone whose marker `text` is not of this ledger.
pub fn led(zone: &str, server: &str, text: &str, state: &State) -> Fail {
    let who = match text.parse::<Marker>() {
        Ok(marker) if marker.ledger == state.ledger => {
            "an earlier adoption by this store".to_owned()
        }
        Ok(marker) => format!("ledger {}", marker.ledger),
        Err(_) => format!("something that left {text:?}"),
    };
    Fail::new(
        Exit::Refused,
        "led-by-another",
        format!("{zone} on {server} is led by {who}; nothing was written"),
        format!("if that ledger is gone for good: steadfast adopt {zone} --take-over"),
    )
}
