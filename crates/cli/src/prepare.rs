//! From config, ledger and servers to a judged plan.

use crate::exit::{Exit, Fail};
use crate::led;
use crate::site::{Site, ZoneSite, actor};
use crate::source::{self, endpoints};
use cell::enactor::{now, open_book};
use cell::servers::Server;
use cell::store::Store;
use dns::{Digest, RRset, Rtype, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::book::Book;
use steadfast_core::gate::{self, Cleared, Refusal};
use steadfast_core::guards::{Abilities, Finding, Verdict, drift_findings, empty_now, judge_plan};
use steadfast_core::health::rendered;
use steadfast_core::ledger::State;
use steadfast_core::marker::{Holding, Marker};
use steadfast_core::plan::{Desired, Held, Plan, Planned, Purpose, Report, plan, standing};
use steadfast_core::policy::Policy;
use steadfast_core::time::Time;

/// What stands on the servers, as far as they answered.
pub struct Observed {
    /// Whole transfers.
    pub zones: BTreeMap<String, Zone>,
    /// Who gave none, and why.
    pub silent: BTreeMap<String, String>,
}

/// A zone's ledger, its servers' content, and what its source wants.
pub struct Prepared {
    /// The ledger.
    pub book: Book,
    /// The servers' content.
    pub observed: Observed,
    /// The plan, its hash and its stored form; `None`: nothing to do.
    pub plan: Option<(Plan, Digest, Arc<Body>)>,
    /// Drift and the like.
    pub report: Report,
    /// What the guards say.
    pub findings: Vec<Finding>,
    /// What stands beside what is owned.
    pub unowned: Zone,
    /// Warnings of the source.
    pub warnings: Vec<crate::diag::Diag>,
}

impl Prepared {
    /// Whether guards refuse the plan.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|f| f.verdict == Verdict::Refuse)
    }
}

/// Transfers a zone from all its servers at once.
pub fn observe(servers: &BTreeMap<String, Arc<dyn Server>>) -> Observed {
    let threads: Vec<_> = servers
        .iter()
        .map(|(id, server)| {
            let server = server.clone();
            (id.clone(), std::thread::spawn(move || server.transfer()))
        })
        .collect();
    let mut observed = Observed {
        zones: BTreeMap::new(),
        silent: BTreeMap::new(),
    };
    for (id, thread) in threads {
        match thread
            .join()
            .unwrap_or_else(|_| Err("the transfer ended unexpectedly".into()))
        {
            Ok(zone) => drop(observed.zones.insert(id, zone)),
            Err(why) => drop(observed.silent.insert(id, why)),
        }
    }
    observed
}

/// Reads a zone's ledger; it must be adopted.
///
/// # Errors
/// No adoption yet, or a ledger that can't be read.
pub fn adopted_book(store: &Store, policy: &Policy, shown: &str) -> Result<Book, Fail> {
    let book = open_book(store, &policy.zone.to_string()).map_err(Fail::store)?;
    if book.state().is_adopted() {
        return Ok(book);
    }
    let (message, help) = if book.state().released {
        (
            format!("{shown} was released"),
            format!("`steadfast adopt {shown}` takes it over again"),
        )
    } else {
        (
            format!("{shown} is not adopted yet"),
            format!("`steadfast adopt {shown}` takes it over without changing an answer"),
        )
    };
    Err(Fail::new(Exit::Error, "not-adopted", message, help))
}

/// Makes and judges the plan from what the source says.
///
/// # Errors
/// A bad source, no adoption, no server that answers.
pub fn prepare(site: &Site, zone: &ZoneSite<'_>, store: &Store) -> Result<Prepared, Fail> {
    let policy = &zone.policy;
    let mut book = adopted_book(store, policy, &zone.config.name)?;
    let source = source::load(&zone.config.content, &site.config().root, &policy.zone)?;
    let observed = led::observe(zone, store, &mut book)?;
    let content = endpoints::add(source.zone, &source.file, site.endpoints(zone.config))?;
    let desired = Desired {
        content,
        source: source.file,
        form: source.form,
    };
    let mut prepared = made(desired, Purpose::Change, book, observed, policy)?;
    // Only a source can be half a zone; what the ledger held before was whole.
    prepared
        .findings
        .splice(..0, prepared.report.source.clone());
    prepared.warnings = source.warnings;
    Ok(prepared)
}

/// Makes and judges the plan of this content: the source's, what was there before, or what somebody
/// else made of it.
///
/// # Errors
/// A ledger that lacks its content.
pub fn made(
    desired: Desired,
    purpose: Purpose,
    mut book: Book,
    observed: Observed,
    policy: &Policy,
) -> Result<Prepared, Fail> {
    let content = book.head().map_err(Fail::store)?;
    let configuration = book.state().configuration;
    let outs = book.state().outs().clone();
    let held = Held {
        configuration,
        content: &content,
        outs: &outs,
    };
    let Planned { plan, mut report } = plan(&desired, held, &observed.zones, policy);
    excuse_behind(&mut report, &mut book, &observed, policy)?;
    let plan = plan.map(|plan| seal(plan.made_for(purpose)));
    let mut findings = Vec::new();
    if let Some((plan, _, _)) = &plan {
        findings.extend(judge(plan, &content, &observed, policy, book.state()));
        findings.extend(drift_findings(&report, plan));
    }
    // What the ledger itself leaves empty, and a plan fills, is no fault of what stands.
    let filled = match plan {
        Some(_) => empty_now(&rendered(&content, &outs), policy),
        None => Vec::new(),
    };
    add_empty_now(&mut findings, &observed, policy, &filled);
    let unowned = unowned(&observed, policy);
    Ok(Prepared {
        book,
        observed,
        plan,
        report,
        findings,
        unowned,
        warnings: Vec::new(),
    })
}

/// Tells edits from servers that are behind: what a server's own marker says it holds is no edit.
///
/// # Errors
/// A ledger that lacks its content.
pub fn excuse_behind(
    report: &mut Report,
    book: &mut Book,
    observed: &Observed,
    policy: &Policy,
) -> Result<(), Fail> {
    for (id, zone) in &observed.zones {
        if let Some(holding) = marked(book.state(), id, zone, policy) {
            let holds = book.held(&holding).map_err(Fail::store)?;
            report.excuse_behind(id, &holds);
        }
    }
    Ok(())
}

/// What a server holds, as its marker says.
fn marked(state: &State, id: &str, zone: &Zone, policy: &Policy) -> Option<Holding> {
    let rrset = zone.get(&policy.marker_name(), Rtype::TXT)?;
    let marker = Marker::read(rrset).ok()?;
    let decided = state.servers.get(id)?.decisions.get(&marker.sequence)?;
    let ours = state.marker(marker.sequence, &decided.decision) == marker;
    ours.then_some(decided.decision.holding)
}

/// What a server holds, as its marker says; where that says nothing, as it was last read back.
pub fn holding(state: &State, id: &str, zone: &Zone, policy: &Policy) -> Option<Holding> {
    let verified = || state.servers.get(id).and_then(|s| s.holding()).copied();
    marked(state, id, zone, policy).or_else(verified)
}

/// Transfers from all servers; one that does not answer is told, none that answers is an error.
///
/// # Errors
/// No server answered: unreachable is not absent (I7).
pub fn observe_some(zone: &ZoneSite<'_>) -> Result<Observed, Fail> {
    let observed = observe(&zone.servers);
    if !observed.zones.is_empty() {
        return Ok(observed);
    }
    let why: Vec<String> = observed
        .silent
        .iter()
        .map(|(id, why)| format!("{id}: {why}"))
        .collect();
    let help = "without a transfer nothing is concluded and nothing written; check the address, the key, the clocks, and that the server lets this key transfer the zone";
    Err(Fail::new(Exit::Error, "no-server", why.join("\n  "), help))
}

/// Adds the critical names that are empty on any server now: watched as answers, because what
/// empties them may be nobody's change of ours. `filled`: those that a plan is about to fill, where
/// the guards, which judged it, found nothing.
fn add_empty_now(
    findings: &mut Vec<Finding>,
    observed: &Observed,
    policy: &Policy,
    filled: &[Finding],
) {
    for zone in observed.zones.values() {
        for empty in empty_now(zone, policy) {
            let known = |f: &Finding| f.guard == empty.guard && f.name == empty.name;
            if !findings.iter().chain(filled).any(known) {
                findings.push(empty);
            }
        }
    }
}

/// A plan with its hash and stored form.
pub fn seal(plan: Plan) -> (Plan, Digest, Arc<Body>) {
    let body = Arc::new(Body::Plan(plan.clone()));
    let (hash, _) = body.encode();
    (plan, hash, body)
}

/// What stands beside what is owned: the guards need to see it.
pub fn unowned(observed: &Observed, policy: &Policy) -> Zone {
    let marker = policy.marker_name();
    let beside = |r: &RRset| {
        !policy.owns_set(r) && !r.rtype().is_server_made() && !r.name().is_under(&marker)
    };
    match observed.zones.values().next() {
        Some(zone) => zone.filter(beside),
        None => Zone::empty(policy.zone.clone()),
    }
}

/// The guards' findings on a plan.
pub fn judge(
    plan: &Plan,
    held: &Zone,
    observed: &Observed,
    policy: &Policy,
    state: &State,
) -> Vec<Finding> {
    let empty = Zone::empty(policy.zone.clone());
    let before = standing(
        held,
        observed.zones.values().next().unwrap_or(&empty),
        policy,
    );
    let holds = (state.configuration, held.digest(), state.outs());
    judge_plan(
        plan,
        holds,
        &before,
        policy,
        &abilities(state),
        &history(state),
        now(),
    )
}

/// Judges a proposed plan anew, against what stands today.
///
/// # Errors
/// A ledger that lacks its content.
pub fn rejudge(
    plan: &Plan,
    held: &Zone,
    observed: &Observed,
    policy: &Policy,
    book: &mut Book,
) -> Result<(Report, Vec<Finding>), Fail> {
    let mut report = Report::default();
    let served = rendered(held, book.state().outs());
    for (id, zone) in &observed.zones {
        let drift = served.diff(&zone.filter(|r| policy.owns_set(r)));
        if !drift.is_empty() {
            report.drift.insert(id.clone(), drift);
        }
    }
    excuse_behind(&mut report, book, observed, policy)?;
    let mut findings = judge(plan, held, observed, policy, book.state());
    findings.extend(drift_findings(&report, plan));
    Ok((report, findings))
}

/// What every server is able to do.
pub fn abilities(state: &State) -> Vec<(String, Abilities)> {
    state
        .servers
        .iter()
        .map(|(id, s)| (id.clone(), s.origin.abilities.clone()))
        .collect()
}

/// Results of the last generations, newest first.
pub fn history(state: &State) -> Vec<(Time, Digest)> {
    state
        .generations
        .values()
        .rev()
        .map(|g| (g.at, g.result))
        .collect()
}

/// The gate's word on a plan, proposed under `number` or not at all.
///
/// # Errors
/// Its refusal.
pub fn clear(
    planned: (&Plan, Digest, &[Finding]),
    number: Option<u64>,
    owned: usize,
    state: &State,
    zone: &ZoneSite<'_>,
) -> Result<Cleared, Refusal> {
    let (plan, hash, findings) = planned;
    let asked = gate::Asked {
        plan,
        hash,
        findings,
        number,
        by: &actor(),
        owned,
        freezes: &zone.freezes(now()),
    };
    gate::check(&asked, state, now(), zone.policy.deadline)
}
