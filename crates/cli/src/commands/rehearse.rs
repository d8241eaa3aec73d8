//! Rehearsal at adoption: what each server can do, tried on scratch names.

use crate::config::model::Fence;
use crate::exit::{Exit, Fail};
use crate::site::{Style, ZoneSite};
use cell::servers::RehearseError;
use std::collections::BTreeMap;
use steadfast_core::abilities::{Abilities, Primitive};

/// Rehearses every server of a zone, all at once, and says one line of each on standard error.
///
/// # Errors
/// A server that takes no writes, or whose fence is weaker than the zone demands.
pub fn rehearse_all(
    zone: &ZoneSite<'_>,
    style: Style,
) -> Result<BTreeMap<String, Abilities>, Fail> {
    let (deadline, read_back) = (zone.policy.deadline, zone.policy.read_back);
    let threads: Vec<_> = zone
        .servers
        .iter()
        .map(|(id, server)| {
            let server = server.clone();
            let rehearsal = move || server.rehearse(deadline, read_back);
            (id.clone(), std::thread::spawn(rehearsal))
        })
        .collect();
    let mut all = BTreeMap::new();
    let mut failed = Vec::new();
    for (id, thread) in threads {
        match thread.join() {
            Ok(Ok(abilities)) => {
                if !style.json {
                    eprintln!("  {id}  rehearsed: {abilities}");
                }
                all.insert(id, abilities);
            }
            Ok(Err(why)) => failed.push((id, why)),
            Err(_) => {
                let why = RehearseError::Random("the rehearsal ended unexpectedly".into());
                failed.push((id, why));
            }
        }
    }
    if !failed.is_empty() {
        return Err(not_rehearsed(&failed));
    }
    judge(zone.config.min_fence, &all)?;
    Ok(all)
}

fn not_rehearsed(failed: &[(String, RehearseError)]) -> Fail {
    let why: Vec<String> = failed
        .iter()
        .map(|(id, why)| format!("{id}: {why}"))
        .collect();
    let left = |(_, why): &&(String, RehearseError)| matches!(why, RehearseError::LeftOver { .. });
    let help = match failed.iter().find(left) {
        Some((_, RehearseError::LeftOver { owner, .. })) => {
            format!("remove what stands below {owner}, then adopt again")
        }
        _ => "nothing but scratch names was touched; mend this, then adopt again".into(),
    };
    Fail::new(Exit::Error, "rehearsal", why.join("\n  "), help)
}

/// Refuses servers whose fence is weaker than `min-fence`.
fn judge(min_fence: Fence, all: &BTreeMap<String, Abilities>) -> Result<(), Fail> {
    if min_fence != Fence::Server {
        return Ok(());
    }
    let weak: Vec<String> = all
        .iter()
        .flat_map(|(id, a)| a.unfenced.iter().map(move |p| format!("{id} fails {p}")))
        .collect();
    if weak.is_empty() {
        return Ok(());
    }
    let races = all.values().any(|a| a.unfenced.contains(&Primitive::Race));
    let help = match races {
        true => {
            "several processes seem to write one database there, each with a lock of its own: let one alone take updates and name its own address, not a load balancer's; or let their database serialize (PostgreSQL: default_transaction_isolation = serializable). Two writers could overwrite each other otherwise; a lower `min-fence` accepts that"
        }
        false => {
            "two writers could overwrite each other there; use another server, or accept that with a lower `min-fence`"
        }
    };
    let message = weak.join("\n  ");
    Err(Fail::new(Exit::Refused, "weak-fence", message, help))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use steadfast_core::abilities::Primitive;

    #[test]
    fn a_weak_fence_is_refused_and_named_unless_it_is_allowed() {
        let weak = Abilities {
            unfenced: vec![Primitive::Deadline],
            ..Abilities::assumed()
        };
        let all = BTreeMap::from([
            ("ns1".to_owned(), Abilities::assumed()),
            ("ns2".to_owned(), weak),
        ]);
        let fail = judge(Fence::Server, &all).unwrap_err();
        assert_eq!(fail.exit, Exit::Refused);
        let said = fail.render(false);
        assert!(
            said.contains("ns2 fails deadline") && !said.contains("ns1"),
            "{said}"
        );
        assert!(judge(Fence::Batch, &all).is_ok());
    }
}
