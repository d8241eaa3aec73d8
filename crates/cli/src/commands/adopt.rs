//! `steadfast adopt ZONE`: take over a live zone without changing an answer.

use super::survey::{self, Survey};
use super::{ask, files, govern, keep, newcomer, out, show, words};
use crate::args::{AdoptArgs, Cli};
use crate::charter;
use crate::drift::{self, Edited};
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::led;
use crate::prepare::{self, Observed};
use crate::site::{Site, Style, ZoneSite};
use crate::source;
use cell::enactor::{Ended, now, open_book, refresh};
use cell::store::Store;
use dns::{Change, Digest, Name, RRset, Rtype, View, Zone};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::body::Body;
use steadfast_core::book::Book;
use steadfast_core::gate;
use steadfast_core::guards::Abilities;
use steadfast_core::ledger::{Adopted, Event, Origin, State};
use steadfast_core::lifecycle::Submission;
use steadfast_core::marker::{LedgerId, Marker, marker_text};
use steadfast_core::policy::Policy;
use steadfast_core::time::Millis;

/// How long planting the markers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command.
///
/// # Errors
/// Servers that do not answer or disagree, another ledger's marker, a store that fails.
pub fn run(cli: &Cli, args: &AdoptArgs, style: Style) -> Outcome {
    if let Some(file) = &args.from {
        return newcomer::from_file(args, file, style);
    }
    if !args.server.is_empty() {
        return newcomer::run(args, style);
    }
    if args.key.is_some() || args.into.is_some() {
        let help = format!(
            "steadfast adopt {} --server ADDR --key FILE --into DIR",
            args.zone
        );
        let message = "--key and --into belong to --server ADDR, which is missing";
        return Err(Fail::new(Exit::Usage, "needs-server", message, help));
    }
    let site = Site::open(cli)?;
    let zone = site.zone(&args.zone)?;
    if let Some(names) = &args.drift {
        return keep::run(&zone, &site.store()?, names, args, style);
    }
    if args.dry_run {
        return survey(&zone, args.like.as_deref(), style);
    }
    let store = site.store()?;
    adopt(&zone, &store, args, style)
}

/// Shows what adoption would own, of a configured zone.
fn survey(zone: &ZoneSite<'_>, like: Option<&str>, style: Style) -> Outcome {
    let observed = observe_all(zone)?;
    let agreed = agreed(zone, &observed, like)?;
    show::put_back(&agreed.others, style);
    let (id, content) = named(&observed, like, &zone.config.name)?;
    survey::show(
        &Survey {
            zone: content,
            from: id.clone(),
            policy: &zone.policy,
            proposal: None,
            next: match like {
                Some(like) => format!("steadfast adopt {} --like {like}", zone.config.name),
                None => format!("steadfast adopt {}", zone.config.name),
            },
        },
        style,
    );
    Ok(Exit::Done)
}

/// Adopts a configured zone.
///
/// # Errors
/// As [`run`].
pub fn adopt(zone: &ZoneSite<'_>, store: &Arc<Store>, args: &AdoptArgs, style: Style) -> Outcome {
    let key = zone.policy.zone.to_string();
    let mut book = open_book(store, &key).map_err(Fail::store)?;
    if book.state().is_adopted() && !args.take_over {
        return resume(zone, store, book.state(), style);
    }
    content_form(zone)?;
    // A signers file with a fault shows before anything is written.
    let charter = charter::proposed(zone)?;
    let Some(observed) = observe_unless_adopted(zone, store, &mut book, args.take_over)? else {
        return resume(zone, store, book.state(), style);
    };
    let like = args.like.as_deref();
    let others = agreed(zone, &observed, like)?.others;
    let assumed = BTreeMap::new();
    let standing = found(zone, &observed, book.state(), args.take_over, &assumed)?;
    show::put_back(&others, style);
    if !args.yes && !others.is_empty() {
        ask::confirm("Adopt the zone, and put these there?", style)?;
    }
    if args.take_over && !args.yes && standing.values().any(|o| o.marker.is_some()) {
        ask::confirm(
            "Take the zone over? The ledger that led it will be refused from now on.",
            style,
        )?;
    }
    let abilities = super::rehearse::rehearse_all(zone, style)?;
    // Anew: the rehearsal moved the serial, which fences the first marker.
    let Some(observed) = observe_unless_adopted(zone, store, &mut book, args.take_over)? else {
        return resume(zone, store, book.state(), style);
    };
    let Agreed { owned, others: now } = agreed(zone, &observed, like)?;
    if now != others {
        return Err(overtaken(&zone.config.name));
    }
    let found = found(zone, &observed, book.state(), args.take_over, &abilities)?;
    let (mut submission, configuration) = adoption(zone, owned, found, book.state())?;
    submission.events.extend(drift::settled(&others, true));
    content_file(zone, named(&observed, like, &zone.config.name)?.1, style)?;
    let unowned = prepare::unowned(&observed, &zone.policy);
    let mut enactor = enact::enactor(zone, store, Some(unowned))?;
    let run = enact::run(&mut enactor, Some(submission), PATIENCE, style);
    if run.ended == Ended::Done && !run.submitted {
        return Err(overtaken(&zone.config.name));
    }
    let exit = enact::verdict(&run, enactor.state(), configuration);
    if enactor.state().leash.charter.is_none()
        && let Some(charter) = &charter
    {
        govern::put_in_force(zone, store, 0, charter, style)?;
        let name = &zone.config.name;
        out::note(
            &format!(
                "  whose approval plans need is in the ledger: steadfast govern {name} --show"
            ),
            style,
        );
    }
    if exit != Exit::Done {
        show::applied(zone, enactor.state(), configuration, exit, style);
        return Ok(exit);
    }
    compare(zone, &observed, &others, enactor.state(), style)
}

/// What stands on the servers; `None` where another process with this store was faster and adopted
/// the zone. A take-over is decided on the ledger as it was first read, and fails if that moves.
fn observe_unless_adopted(
    zone: &ZoneSite<'_>,
    store: &Store,
    book: &mut Book,
    take_over: bool,
) -> Result<Option<Observed>, Fail> {
    let observed = observe_all(zone)?;
    if take_over {
        return Ok(Some(observed));
    }
    refresh(store, &zone.policy.zone.to_string(), book).map_err(Fail::store)?;
    Ok((!book.state().is_adopted()).then_some(observed))
}

/// The ledger grew between looking and adopting.
fn overtaken(zone: &str) -> Fail {
    Fail::new(
        Exit::Superseded,
        "overtaken",
        format!("another process wrote to the ledger of {zone} meanwhile; nothing was adopted"),
        format!("see `steadfast status {zone}`; where it is still needed, run the command again"),
    )
}

/// The zone is under this ledger already: plants what is not planted yet.
fn resume(zone: &ZoneSite<'_>, store: &Arc<Store>, state: &State, style: Style) -> Outcome {
    let name = &zone.config.name;
    if state
        .servers
        .values()
        .all(|s| s.verified.is_some() && s.halted.is_none())
    {
        if style.json {
            out::json(&json!({ "zone": name, "adopted": true, "ledger": state.ledger }));
        } else {
            out::text(&format!(
                "{name}: adopted already, by ledger {}\n  next: steadfast status {name}\n",
                state.ledger
            ));
        }
        return Ok(Exit::Done);
    }
    let configuration = state.configuration;
    let mut enactor = enact::enactor(zone, store, None)?;
    let run = enact::run(&mut enactor, None, PATIENCE, style);
    let exit = enact::verdict(&run, enactor.state(), configuration);
    show::applied(zone, enactor.state(), configuration, exit, style);
    Ok(exit)
}

/// Adoption can write a zone file where none is, and nothing else.
fn content_form(zone: &ZoneSite<'_>) -> Result<(), Fail> {
    let path = &zone.config.content;
    if path.exists() || !source::is_yaml(path) {
        return Ok(());
    }
    let message = format!(
        "{} is not there, and adoption writes no YAML; nothing was written",
        crate::diag::shown_path(path)
    );
    let help = "let octoDNS write it (`octodns-dump`), or name a file that ends in .zone under `content`: adoption writes that one";
    Err(Fail::new(Exit::Usage, "no-content", message, help))
}

/// Writes the zone's content from the transfer, where the config names a file that is not there.
fn content_file(zone: &ZoneSite<'_>, content: &Zone, style: Style) -> Result<(), Fail> {
    let path = &zone.config.content;
    if path.exists() {
        return Ok(());
    }
    let text = files::zone_text(content, &zone.policy);
    files::create(&[(path.clone(), text.into_bytes(), 0o644)])?;
    let shown = crate::diag::shown_path(path);
    out::note(
        &format!("  {shown} was not there: written from the transfer"),
        style,
    );
    Ok(())
}

/// Every server must answer: a zone is adopted whole.
///
/// # Errors
/// The servers that gave no transfer, each with the reason.
pub fn observe_all(zone: &ZoneSite<'_>) -> Result<Observed, Fail> {
    let observed = prepare::observe(&zone.servers);
    if observed.silent.is_empty() {
        return Ok(observed);
    }
    let why: Vec<String> = observed
        .silent
        .iter()
        .map(|(id, why)| format!("{id}: {why}"))
        .collect();
    let help =
        "every primary must transfer the zone with its key; check address, key and transfer ACL";
    Err(Fail::new(
        Exit::Error,
        "no-transfer",
        why.join("\n  "),
        help,
    ))
}

/// What is to be recorded, and where something else stands.
pub struct Agreed {
    /// The owned content.
    pub owned: Zone,
    /// Servers that differ from it, because one was named that they are to be like.
    pub others: Vec<Edited>,
}

/// The owned content, which all servers must agree on, unless they are to be `like` one of them.
///
/// # Errors
/// Servers that differ; nothing owned; no such server.
pub fn agreed(
    zone: &ZoneSite<'_>,
    observed: &Observed,
    like: Option<&str>,
) -> Result<Agreed, Fail> {
    let name = &zone.config.name;
    let (first, content) = named(observed, like, name)?;
    let own = |content: &Zone| content.filter(|r| zone.policy.owns_set(r));
    let owned = own(content);
    let all = observed.zones.iter();
    let all = all.map(|(id, other)| Edited::instead(id, &owned, &own(other)));
    let others: Vec<Edited> = all.filter(|o| !o.changes.is_empty()).collect();
    if let (Some(other), None) = (others.first(), like)
        && let Some(change) = other.changes.first()
    {
        let message = format!(
            "{first} and {} differ in {}, the first {} {}",
            other.server,
            words::count(other.changes.len(), "owned RRset"),
            change.name(),
            change.rtype()
        );
        let take_over = if first_led(zone, observed) {
            " --take-over"
        } else {
            ""
        };
        let help = format!(
            "make them agree, or name the one whose content is right: `steadfast adopt {name}{take_over} --like {first}` shows what the others would get, and asks"
        );
        return Err(Fail::new(Exit::Refused, "servers-differ", message, help));
    }
    if owned.is_empty() {
        let help = "check `own` and `ignore`";
        return Err(Fail::new(
            Exit::Refused,
            "nothing-owned",
            "nothing in the zone is owned",
            help,
        ));
    }
    Ok(Agreed { owned, others })
}

/// Whether a marker stands on some server.
fn first_led(zone: &ZoneSite<'_>, observed: &Observed) -> bool {
    let owner = zone.policy.marker_name();
    let mut zones = observed.zones.values();
    zones.any(|content| content.get(&owner, Rtype::TXT).is_some())
}

/// The server whose content counts: that of this name, or the first.
fn named<'o>(
    observed: &'o Observed,
    like: Option<&str>,
    zone: &str,
) -> Result<(&'o String, &'o Zone), Fail> {
    let mut servers = observed.zones.iter();
    let found = match like {
        Some(like) => servers.find(|(id, _)| *id == like),
        None => servers.next(),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = observed.zones.keys().map(String::as_str).collect();
        let message = match like {
            Some(like) => format!("{zone} has no server {like:?}"),
            None => format!("{zone} has no servers"),
        };
        let help = format!("it has: {}", known.join(", "));
        Fail::new(Exit::Usage, "unknown-server", message, help)
    })
}

/// What stands on each server in place of our marker.
///
/// # Errors
/// A marker, where nothing is to be taken over.
pub fn found(
    zone: &ZoneSite<'_>,
    observed: &Observed,
    state: &State,
    take_over: bool,
    abilities: &BTreeMap<String, Abilities>,
) -> Result<BTreeMap<String, Origin>, Fail> {
    let name = &zone.config.name;
    let owner = zone.policy.marker_name();
    let mut found = BTreeMap::new();
    for (id, content) in &observed.zones {
        let standing = content.get(&owner, Rtype::TXT);
        let marker = standing.map(marker_text).transpose().map_err(|e| {
            let help = format!("something else uses the name {owner}; remove it first");
            Fail::new(Exit::Refused, "foreign-marker", format!("{id}: {e}"), help)
        })?;
        if let Some(text) = marker.as_ref().filter(|_| !take_over) {
            return Err(led::led(name, id, text, state));
        }
        let soa = content.rrset(content.apex(), Rtype::SOA).cloned();
        let abilities = abilities.get(id).cloned();
        let abilities = abilities.unwrap_or_else(Abilities::assumed);
        found.insert(
            id.clone(),
            Origin {
                marker,
                soa,
                abilities,
            },
        );
    }
    Ok(found)
}

/// The entry that records the zone, and the configuration generation that it is.
fn adoption(
    zone: &ZoneSite<'_>,
    owned: Zone,
    servers: BTreeMap<String, Origin>,
    state: &State,
) -> Result<(Submission, u64), Fail> {
    let markers = servers
        .values()
        .filter_map(|o| o.marker.as_ref()?.parse::<Marker>().ok());
    let standing = markers.map(|m| m.configuration).max().unwrap_or(0);
    let configuration = standing.max(state.configuration) + 1;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| {
        Fail::new(
            Exit::Error,
            "entropy",
            format!("the system gives no random numbers: {e}"),
            "",
        )
    })?;
    let ledger = LedgerId(u64::from_be_bytes(random));
    let result: Digest = owned.digest();
    let body = Arc::new(Body::Content(Arc::new(owned)));
    let (content, _) = body.encode();
    let until = Millis(PATIENCE.as_millis() as u64);
    let cleared = gate::adopt(state, content, configuration, now(), until);
    let adopted = Adopted {
        ledger,
        zone: zone.policy.zone.clone(),
        content,
        result,
        configuration,
        servers,
    };
    let events = vec![Event::Adopted(adopted)];
    Ok((
        Submission {
            cleared: Some(cleared),
            events,
            bodies: vec![body],
        },
        configuration,
    ))
}

/// Transfers again: nothing but marker, serial and what servers make may differ.
fn compare(
    zone: &ZoneSite<'_>,
    before: &Observed,
    brought: &[Edited],
    state: &State,
    style: Style,
) -> Outcome {
    let after = observe_all(zone)?;
    let mut lines = Vec::new();
    for (id, content) in &after.zones {
        let Some(old) = before.zones.get(id) else {
            continue;
        };
        if brought.iter().any(|b| b.server == *id) {
            continue;
        }
        let differing = foreign_changes(&zone.policy, old, content);
        if !differing.is_empty() {
            let count = words::count(differing.len(), "RRset");
            lines.push(format!("{id}: {count} changed meanwhile"));
        }
    }
    let name = &zone.config.name;
    let (sets, owned) = counts(&zone.policy, &after);
    if style.json {
        let document = json!({
            "zone": name,
            "adopted": true,
            "ledger": state.ledger,
            "configuration": state.configuration,
            "servers": after.zones.keys().collect::<Vec<_>>(),
            "owned": owned,
            "changed-meanwhile": lines,
        });
        out::json(&document);
    } else {
        let mut text = format!(
            "{name}: adopted by ledger {}, configuration {}; {owned} of {sets} RRsets owned\n",
            state.ledger, state.configuration
        );
        for one in brought {
            text += &format!("  {}: brought to that content\n", one.server);
        }
        if lines.is_empty() && brought.is_empty() {
            text += "  transfers before and after differ in the marker and the serial alone\n";
        }
        for line in &lines {
            text += &format!(
                "  {line}: somebody else edits the zone; `steadfast plan {name}` shows it\n"
            );
        }
        text += "  octoDNS users: tell it to leave the marker alone, or it deletes it:\n";
        text += "    processors: steadfast: {class: octodns.processor.filter.NameRejectlistFilter, rejectlist: [_steadfast]}\n";
        text += &format!("  next: steadfast plan {name}\n");
        out::text(&text);
    }
    Ok(Exit::Done)
}

/// What differs between two transfers beside marker, serial and what servers make.
pub fn foreign_changes(policy: &Policy, old: &Zone, new: &Zone) -> Vec<Change> {
    let marker: Name = policy.marker_name();
    let kept = |r: &RRset| {
        !r.rtype().is_server_made() && r.rtype() != Rtype::SOA && !r.name().is_under(&marker)
    };
    old.filter(kept).diff(&new.filter(kept))
}

fn counts(policy: &Policy, observed: &Observed) -> (usize, usize) {
    let Some(zone) = observed.zones.values().next() else {
        return (0, 0);
    };
    let theirs = zone.iter().filter(|r| !policy.is_marker_side(r.name()));
    let owned = zone.iter().filter(|r| policy.owns_set(r));
    (theirs.count(), owned.count())
}
