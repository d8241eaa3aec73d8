//! 20 October 2025, with the fence and without it.
//!
//! The schedule is the same both times: `www` moves to pool-b; a writer decides to clean pool-a
//! away and is held up; a newer change brings `www` back to pool-a; the writer goes on.

use super::sampler::{Count, Sampler};
use super::scene::Scene;
use crate::exit::{Fail, Said};
use cell::enactor::now;
use cell::intake::{Intake, Outcome, Ticket};
use cell::servers::{Outcome as Sent, Rfc2136};
use dns::{Name, RRset, Rtype, Update, rdata};
use std::time::Duration;
use steadfast_core::marker::Marker;
use steadfast_core::plan::compose::{Base, Edit, Wish};
use steadfast_core::server::Reply;

/// How long one of these moments may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two generations: a reader shall be able to follow.
const BREATH: Duration = Duration::from_millis(150);
/// How long the emptiness is looked at before it is repaired.
const LOOK: Duration = Duration::from_secs(2);
/// How many generations go by while one writer stands still.
const MEANWHILE: u64 = 10;
/// Seconds.
const TTL: u32 = 5;
/// The deadline of a plain write, in seconds: what `nsupdate` uses.
const FUDGE: u16 = 300;

type Told = Result<(), String>;

/// Two enactors; A is stopped in mid-write.
pub(super) fn fenced(scene: &Scene) -> Told {
    let story = &scene.story;
    let sampler = sample(scene)?;
    let told = race(scene);
    // Whatever happened, nobody stays stopped.
    scene.gate.let_go(Duration::ZERO);
    let count = sampler.stop();
    told?;
    story.tell("", &counted(&count));
    match count.empty {
        0 => Ok(()),
        n => Err(format!("{n} answers were empty: this must never be")),
    }
}

fn race(scene: &Scene) -> Told {
    let story = &scene.story;
    let first = scene.state().map_err(words)?.configuration;
    let pool_a = pool_a(scene)?;
    let www = edit(scene, "www", Rtype::CNAME, Some(&["pool-b"]))?;
    let at = applied(&scene.a, vec![www, release(scene, first + 1)?])?;
    story.tell("A", &format!("{}  www → pool-b", generation(scene, at)));
    let ticket = stall(scene)?;
    let last = meanwhile(scene, pool_a, at)?;
    wake(scene, &ticket)?;
    // A goes on from what it learned: the next release is its own, and it lands.
    let next = applied(&scene.a, vec![release(scene, last + 1)?])?;
    let next_one = generation(scene, next);
    story.tell("A", &format!("caught up, and goes on: {next_one}"));
    scene.folder.release(&next.to_string()).map_err(words)
}

/// A decides to clean pool-a away, and is held up before it writes.
fn stall(scene: &Scene) -> Result<Ticket, String> {
    scene.gate.arm();
    let cleaned = wish(vec![edit(scene, "pool-a", Rtype::A, None)?])?;
    let ticket = scene.a.submit(cleaned).map_err(|e| e.to_string())?;
    let Some(write) = scene.gate.held(PATIENCE) else {
        let outcome = ticket.wait_for(PATIENCE);
        return Err(format!("A did not come to write: {outcome:?}"));
    };
    let decided = shown_marker(write.marker.as_ref());
    let what = format!("stopped before it writes {decided}  (- pool-a)");
    scene.story.tell("A", &what);
    Ok(ticket)
}

/// B brings `www` back to pool-a, and goes on. The configuration that it comes to.
fn meanwhile(scene: &Scene, pool_a: RRset, at: u64) -> Result<u64, String> {
    let back = Edit {
        name: pool_a.name().clone(),
        rtype: Rtype::A,
        base: Base::Anything,
        after: Some(pool_a),
    };
    let www = edit(scene, "www", Rtype::CNAME, Some(&["pool-a"]))?;
    let from = applied(&scene.b, vec![www, back, release(scene, at + 2)?])?;
    let mut to = from;
    for _ in 1..MEANWHILE {
        std::thread::sleep(BREATH);
        to = applied(&scene.b, vec![release(scene, to + 1)?])?;
    }
    let (first, last) = (generation(scene, from), generation(scene, to));
    let releases = MEANWHILE - 1;
    let what = format!("{first} … {last}  www → pool-a, and {releases} releases");
    scene.story.tell("B", &what);
    Ok(to)
}

/// A goes on with what it had decided.
fn wake(scene: &Scene, ticket: &Ticket) -> Told {
    let story = &scene.story;
    story.tell("A", "goes on, sends what it had decided");
    match scene.gate.let_go(PATIENCE) {
        Some(Reply::Fenced(why)) => {
            story.tell("dns", &format!("{why}; the marker says {}", marker(scene)?));
        }
        Some(other) => return Err(format!("the server said {other:?} to A's write")),
        None => return Err("A's write got no answer".into()),
    }
    match ticket.wait_for(PATIENCE) {
        Some(Outcome::Superseded(_)) => story.tell("A", "refused: newer present"),
        other => return Err(format!("A's change ended with {other:?}")),
    }
    Ok(())
}

/// The same by a writer that looks at nothing but what it wants to write.
pub(super) fn careless(scene: &Scene) -> Told {
    let story = &scene.story;
    pool_a(scene)?;
    let writer = scene.plain_writer().map_err(words)?;
    let sampler = sample(scene)?;
    let told = careless_race(scene, &writer);
    let repaired = told.and_then(|()| repair(scene));
    let count = sampler.stop();
    repaired?;
    story.tell("", &counted(&count));
    match count.empty {
        0 => Err("the careless writer emptied nothing: the race before proves nothing".into()),
        _ => Ok(()),
    }
}

fn careless_race(scene: &Scene, writer: &Rfc2136) -> Told {
    let story = &scene.story;
    let point = |pool: &str| {
        let www = edit(scene, "www", Rtype::CNAME, Some(&[pool]))?.after;
        Ok::<_, String>(Update::new(scene.apex.clone()).replace(www.ok_or("no www")?))
    };
    story.tell(
        "",
        "a writer without prerequisites, as other tools are; the same key, the same server",
    );
    say(scene, "1st", "www → pool-b", writer, &point("pool-b")?);
    let pool_a = name(scene, "pool-a")?;
    let delete = Update::new(scene.apex.clone()).edit(dns::Edit::DeleteRRset(pool_a, Rtype::A));
    story.tell("1st", "decides to delete pool-a, and is held up");
    std::thread::sleep(BREATH);
    say(scene, "2nd", "www → pool-a", writer, &point("pool-a")?);
    std::thread::sleep(BREATH);
    say(scene, "1st", "goes on: - pool-a", writer, &delete);
    story.tell(
        "",
        &format!("www.{}: nothing      ← 20 October 2025", super::ZONE),
    );
    std::thread::sleep(LOOK);
    Ok(())
}

fn say(scene: &Scene, who: &str, what: &str, writer: &Rfc2136, update: &Update) {
    let reply = writer.update(update, now().unix_seconds(), FUDGE);
    scene.story.tell(who, what);
    let said = match reply.outcome {
        Sent::Accepted => "NOERROR".to_owned(),
        _ => reply.detail,
    };
    scene.story.tell("dns", &said);
}

/// Steadfast sees what somebody did, and puts it right when told to.
fn repair(scene: &Scene) -> Told {
    let story = &scene.story;
    let args = ["apply", super::ZONE, "--overwrite", "pool-a", "--yes"];
    story.line(&format!("$ steadfast {}", args.join(" ")));
    let said = scene.run(&args).map_err(words)?;
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        story.line(&format!("     {line}"));
    }
    Ok(())
}

fn counted(count: &Count) -> String {
    let rate = count.answers as f64 / count.asked_for.as_secs_f64().max(0.001);
    let lost = match count.lost {
        0 => String::new(),
        n => format!(", {n} questions without an answer"),
    };
    let without = match count.without {
        Duration::ZERO => String::new(),
        span => format!(": nothing for {:.1} s", span.as_secs_f64()),
    };
    format!(
        "{} answers for www.{} ({rate:.0} a second), {} empty{without}{lost}",
        count.answers,
        super::ZONE,
        count.empty
    )
}

fn sample(scene: &Scene) -> Result<Sampler, String> {
    Sampler::start(scene.address, name(scene, "www")?).map_err(|e| e.to_string())
}

/// Hands in a change, and waits until it was read back. Its configuration.
fn applied(enactor: &Intake, edits: Vec<Edit>) -> Result<u64, String> {
    let ticket = enactor.submit(wish(edits)?).map_err(|e| e.to_string())?;
    match ticket.wait_for(PATIENCE) {
        Some(Outcome::Applied(configuration)) => Ok(configuration),
        other => Err(format!("the change was not applied: {other:?}")),
    }
}

fn wish(edits: Vec<Edit>) -> Result<Wish, String> {
    Wish::new(edits).map_err(|e| e.to_string())
}

fn edit(scene: &Scene, owner: &str, rtype: Rtype, data: Option<&[&str]>) -> Result<Edit, String> {
    let name = name(scene, owner)?;
    let set = |tokens: &[&str]| {
        let datum = rdata::from_text(rtype, tokens, &scene.apex).map_err(|e| e.to_string())?;
        RRset::new(name.clone(), rtype, TTL, [datum]).map_err(|e| e.to_string())
    };
    let after = data.map(set).transpose()?;
    Ok(Edit {
        name,
        rtype,
        base: Base::Anything,
        after,
    })
}

/// The number of a release, so that no two generations are alike.
fn release(scene: &Scene, number: u64) -> Result<Edit, String> {
    edit(scene, "release", Rtype::TXT, Some(&[&number.to_string()]))
}

fn name(scene: &Scene, owner: &str) -> Result<Name, String> {
    Name::parse(owner, &scene.apex).map_err(|e| e.to_string())
}

/// What the story is about, as the ledger has it.
fn pool_a(scene: &Scene) -> Result<RRset, String> {
    let mut book = cell::enactor::open_book(&scene.store, &scene.apex.to_string())
        .map_err(|e| e.to_string())?;
    let held = book.head().map_err(|e| e.to_string())?;
    let has = |owner, rtype| Ok::<_, String>(held.get(&name(scene, owner)?, rtype).cloned());
    let (www, pool_b) = (has("www", Rtype::CNAME)?, has("pool-b", Rtype::A)?);
    match has("pool-a", Rtype::A)? {
        Some(pool_a) if www.is_some() && pool_b.is_some() => Ok(pool_a),
        _ => {
            let zone = super::ZONE;
            Err(format!(
                "this story is about www, pool-a and pool-b of {zone}: put them back into {zone}.zone, then steadfast apply {zone}"
            ))
        }
    }
}

fn generation(scene: &Scene, configuration: u64) -> String {
    let health = scene.state().map_or(0, |state| state.health);
    format!("{configuration}/{health}")
}

/// What the server's marker says.
fn marker(scene: &Scene) -> Result<String, String> {
    let owner = name(scene, "_steadfast")?;
    let server = scene.plain_writer().map_err(words)?;
    let answer = server.ask(&owner, Rtype::TXT).map_err(|e| e.to_string())?;
    Ok(shown_marker(answer.rrset.as_ref()))
}

fn shown_marker(rrset: Option<&RRset>) -> String {
    match rrset.map(Marker::read) {
        Some(Ok(marker)) => format!("{}/{}", marker.configuration, marker.health),
        Some(Err(error)) => error.to_string(),
        None => "nothing".into(),
    }
}

fn words(fail: Fail) -> String {
    match fail.said {
        Said::Words { message, .. } => message,
        Said::Diags(diags) => crate::diag::render_all(&diags, false),
    }
}
