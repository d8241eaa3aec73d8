//! What an operator's command does: read the ledger, plan, pass the gate, submit.

use crate::action::Verb;
use crate::kit::Life;
use crate::scenario;
use dns::Zone;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::freezes::Freezes;
use steadfast_core::gate;
use steadfast_core::guards::{Finding, judge_plan};
use steadfast_core::ledger::Event;
use steadfast_core::lifecycle::Submission;
use steadfast_core::plan::{Desired, Form, Held, Plan, Purpose, plan};
use steadfast_core::safeguards::{Safeguard, Safeguards};
use steadfast_core::time::{Millis, Time};

/// The submission of a verb, by what the enactor knows of the ledger.
///
/// # Errors
/// Nothing to do, or a refusal; for the story.
pub fn submission(
    life: &mut Life,
    servers: &[String],
    verb: &Verb,
    now: Time,
) -> Result<Submission, String> {
    let reason = || "the operator said so".to_owned();
    let plain = |event: Event| Submission {
        cleared: None,
        events: vec![event],
        bodies: Vec::new(),
    };
    match verb {
        Verb::Freeze(span) => Ok(plain(Event::Frozen {
            reason: reason(),
            until: span.map(|s| now + Millis(s)),
        })),
        Verb::Thaw => Ok(plain(Event::Thawed { reason: reason() })),
        Verb::Resume(srv) => {
            let server = servers.get(usize::from(*srv)).ok_or("no such server")?;
            let state = life.state();
            let halted = state
                .servers
                .get(server)
                .is_some_and(|s| s.halted.is_some());
            halted.then_some(()).ok_or("the server is not halted")?;
            Ok(plain(Event::Resumed {
                server: server.clone(),
            }))
        }
        Verb::Apply(n) => {
            let head = life.book().head().map_err(|e| e.to_string())?;
            let wanted = scenario::beside(scenario::recipe(*n), &head);
            propose(life, wanted, Purpose::Change, now)
        }
        Verb::Move(n, to) => {
            let head = life.book().head().map_err(|e| e.to_string())?;
            let wanted = scenario::moving(&head, scenario::endpoint(*n, *to));
            propose(life, wanted, Purpose::Change, now)
        }
        Verb::Define(k, shape) => {
            let head = life.book().head().map_err(|e| e.to_string())?;
            let wanted = crate::targets::reshaped(&head, *k, *shape);
            propose(life, wanted, Purpose::Change, now)
        }
        Verb::Spoil(kind) => {
            let head = life.book().head().map_err(|e| e.to_string())?;
            propose(life, scenario::spoil(&head, *kind), Purpose::Change, now)
        }
        Verb::Late(by, n) => {
            let parent = life.state().configuration.saturating_sub(*by);
            let content = life.book().content(parent).map_err(|e| e.to_string())?;
            let wanted = scenario::beside(scenario::recipe(*n), &content);
            propose_after(life, (parent, content), wanted, Purpose::Change, now)
        }
        Verb::Rollback(by) => {
            let held = life.state().configuration;
            let to = held.saturating_sub(*by);
            if !life.safeguards().has(Safeguard::Forward) {
                return again(life, to).map(plain);
            }
            let content = life.book().content(to).map_err(|e| e.to_string())?;
            propose(life, Zone::clone(&content), Purpose::Rollback { to }, now)
        }
    }
}

/// What going back by re-using the old number would be. Only weakened safeguards do it.
fn again(life: &Life, to: u64) -> Result<Event, String> {
    let made = life
        .state()
        .generations
        .get(&to)
        .ok_or("no such generation")?;
    Ok(Event::Cleared {
        number: made.number,
        plan: made.plan.ok_or("the adopted content has no plan")?,
        configuration: to,
        result: made.result,
    })
}

/// Plans the way to `wanted`, passes the gate, and makes the events that a plan consists of.
fn propose(
    life: &mut Life,
    wanted: Zone,
    purpose: Purpose,
    now: Time,
) -> Result<Submission, String> {
    let head = life.book().head().map_err(|e| e.to_string())?;
    let base = (life.state().configuration, head);
    propose_after(life, base, wanted, purpose, now)
}

/// The same after a generation that may not be the present one: a plan that was saved long ago.
fn propose_after(
    life: &mut Life,
    (configuration, head): (u64, Arc<Zone>),
    wanted: Zone,
    purpose: Purpose,
    now: Time,
) -> Result<Submission, String> {
    let policy = life.policy().clone();
    let standing = with_soa(&head);
    let desired = Desired {
        content: with_soa(&wanted),
        source: "a recipe".into(),
        form: Form::WithSoa,
    };
    let outs = life.state().outs().clone();
    let held = Held {
        configuration,
        content: &head,
        outs: &outs,
    };
    let observed = [("ns0".to_owned(), standing.clone())].into();
    let planned = plan(&desired, held, &observed, &policy);
    let mut plan = planned.plan.ok_or("nothing to do")?;
    plan = plan.made_for(purpose);
    let mut findings = findings(&plan, &standing, life, now);
    findings.extend(planned.report.source);
    let state = life.state();
    let body = Arc::new(Body::Plan(plan.clone()));
    let (hash, _) = body.encode();
    let asked = gate::Asked {
        plan: &plan,
        hash,
        findings: &findings,
        number: None,
        by: "operator",
        owned: head.len(),
        freezes: Freezes::NONE,
    };
    let cleared = gate::check(&asked, state, now, policy.deadline).map_err(|e| e.to_string())?;
    let number = state.last_number + 1;
    let events = vec![
        Event::Proposed {
            number,
            plan: hash,
            parent: plan.parent,
            findings,
        },
        Event::Cleared {
            number,
            plan: hash,
            configuration: plan.generation(),
            result: plan.result,
        },
    ];
    Ok(Submission {
        cleared: Some(cleared),
        events,
        bodies: vec![body],
    })
}

fn with_soa(content: &Zone) -> Zone {
    let all = content.iter().cloned().chain([scenario::soa()]).collect();
    Zone::new(scenario::apex(), all).unwrap_or_else(|_| content.clone())
}

fn findings(plan: &Plan, before: &Zone, life: &Life, now: Time) -> Vec<Finding> {
    let state = life.state();
    let servers = state.servers.iter();
    let abilities: Vec<_> = servers
        .map(|(id, s)| (id.clone(), s.origin.abilities.clone()))
        .collect();
    let held = (state.configuration, state.result, state.outs());
    let newest = state.generations.values().rev();
    let history: Vec<_> = newest.map(|g| (g.at, g.result)).collect();
    let policy = life.policy();
    let mut found = judge_plan(plan, held, before, policy, &abilities, &history, now);
    found.retain(|f| life.safeguards().enforces(&f.guard));
    found
}
