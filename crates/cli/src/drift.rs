//! Foreign edits as they stand on the servers now, and what a person decides about them.

use crate::exit::Fail;
use crate::prepare::Observed;
use dns::{Change, Name, Zone};
use steadfast_core::book::Book;
use steadfast_core::ledger::{Event, Found, HaltKind, Settlement};
use steadfast_core::policy::Policy;

/// What somebody else edited on one server.
#[derive(PartialEq, Debug)]
pub struct Edited {
    /// The server.
    pub server: String,
    /// From what the ledger says to what stands.
    pub changes: Vec<Change>,
    /// It is halted because its marker is gone and these stand in the place of what was recorded.
    halted: bool,
}

impl Edited {
    /// What a server that is adopted holds in place of what is recorded.
    pub fn instead(server: &str, recorded: &Zone, stands: &Zone) -> Edited {
        Edited {
            server: server.to_owned(),
            changes: recorded.diff(stands),
            halted: false,
        }
    }
}

/// What was edited at `names`, or, without names, everywhere.
///
/// # Errors
/// A ledger that lacks its content.
pub fn edited(
    book: &mut Book,
    observed: &Observed,
    policy: &Policy,
    names: &[Name],
) -> Result<Vec<Edited>, Fail> {
    let mut all = Vec::new();
    for (id, stands) in &observed.zones {
        let server = book.state().servers.get(id);
        let Some(holding) = server.and_then(|s| s.holding()).copied() else {
            continue;
        };
        let halt = server.and_then(|s| s.halted.as_ref());
        let halted = halt.is_some_and(|h| h.kind == HaltKind::Differs);
        let held = book.held(&holding).map_err(Fail::store)?;
        let mut changes = held.diff(&stands.filter(|r| policy.owns_set(r)));
        changes.retain(|c| names.is_empty() || names.contains(c.name()));
        if !changes.is_empty() {
            all.push(Edited {
                server: id.clone(),
                changes,
                halted,
            });
        }
    }
    Ok(all)
}

/// The entries by which a person decides about edits: they are kept (by the plan that comes with
/// these entries), or what was recorded is put back. A server that was halted over them is looked at
/// again: its marker is planted beside exactly what was decided about, or it halts anew.
pub fn settled(edited: &[Edited], put_back: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for edit in edited {
        let server = edit.server.clone();
        let found = |c: &Change| Found {
            name: c.name().clone(),
            rtype: c.rtype(),
            found: c.after().cloned(),
        };
        let found: Vec<Found> = edit.changes.iter().map(found).collect();
        let rrsets = found.iter().map(|f| (f.name.clone(), f.rtype)).collect();
        events.push(Event::Drifted {
            server: server.clone(),
            found,
        });
        if put_back {
            events.push(Event::Settled {
                server: server.clone(),
                rrsets,
                how: Settlement::Overwrite,
            });
        }
        if edit.halted {
            events.push(Event::Resumed { server });
        }
    }
    events
}
