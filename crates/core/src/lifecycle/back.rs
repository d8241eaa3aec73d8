//! The way back of a rollout that failed: a new generation with the content of the last one that is
//! known as good and that guards let pass today; or, where there is none, a freeze.

use super::run::{Phase, Run};
use super::{Draft, Effect, Lifecycle, Notice};
use crate::body::Body;
use crate::gate::{self, Cleared};
use crate::guards::{Finding, Verdict, judge_plan};
use crate::ledger::{Act, Back, Event, Rollout, ServerId, ServerState};
use crate::plan::{Held, Plan, Purpose, plan_of_changes};
use crate::rollout::Evidence;
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::Time;
use std::sync::Arc;

/// A plan that the gate let pass.
struct Way {
    to: u64,
    plan: Plan,
    body: Arc<Body>,
    findings: Vec<Finding>,
    cleared: Cleared,
}

impl<S: Safeguards> Lifecycle<S> {
    /// Calls the rollout off. One append says that it failed and what takes it back.
    pub(super) fn go_back(
        &mut self,
        now: Time,
        rollout: &Rollout,
        evidence: Vec<Evidence>,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        if self.context.is_none() {
            // Guards need to see what stands beside; that is on its way.
            return;
        }
        let failed = |back: Option<Back>| Event::Failed {
            configuration: rollout.configuration,
            stage: rollout.stage().map_or_else(String::new, |s| s.name.clone()),
            evidence,
            back,
        };
        match self.way_back(now, draft) {
            Ok(way) => {
                debug_assert_eq!(way.cleared.seq(), draft.state().last);
                let (generation, hash) = (way.cleared.configuration(), way.cleared.body());
                draft.push(failed(Some(Back {
                    to: way.to,
                    generation,
                })));
                draft.attach(way.body);
                let number = draft.state().last_number + 1;
                draft.push(Event::Proposed {
                    number,
                    plan: hash,
                    parent: way.plan.parent,
                    findings: way.findings,
                });
                draft.push(Event::Cleared {
                    number,
                    plan: hash,
                    configuration: generation,
                    result: way.plan.result,
                });
            }
            Err(gate::Refusal::Guards(findings)) => {
                let refused = findings.iter().filter(|f| f.verdict == Verdict::Refuse);
                let why: Vec<&str> = refused.map(|f| f.why.as_str()).collect();
                let why = match why.as_slice() {
                    [] => "no configuration is known as good".to_owned(),
                    why => format!("guards refuse the way back: {}", why.join("; ")),
                };
                draft.push(failed(None));
                draft.push(Event::Frozen {
                    reason: format!("a stage failed, and {why}"),
                    until: None,
                });
            }
            // The clock, or the ledger's content: it is tried again.
            Err(other) => {
                let why = other.to_string();
                if self.readings.stuck.as_ref() != Some(&why) {
                    effects.push(Effect::Tell(Notice::Kept(format!("no way back: {why}"))));
                    self.readings.stuck = Some(why);
                }
                return;
            }
        }
        self.runs.values_mut().for_each(Run::rouse);
    }

    /// The newest way back that passes.
    fn way_back(&mut self, now: Time, draft: &Draft) -> Result<Way, gate::Refusal> {
        let good: Vec<u64> = draft.state().stages.good.keys().rev().copied().collect();
        let mut refusal = gate::Refusal::Guards(Vec::new());
        for to in good {
            match self.way_to(now, to, draft) {
                Some(Ok(way)) => return Ok(way),
                Some(Err(gate::Refusal::Guards(why))) => {
                    if let gate::Refusal::Guards(all) = &mut refusal {
                        all.extend(why);
                    }
                }
                Some(Err(other)) => return Err(other),
                None => {}
            }
        }
        Err(refusal)
    }

    fn way_to(&mut self, now: Time, to: u64, draft: &Draft) -> Option<Result<Way, gate::Refusal>> {
        let (held, goal) = (self.book.head().ok()?, self.book.content(to).ok()?);
        let state = draft.shared_state();
        let before = self.with_context(&held)?;
        let holds = Held {
            configuration: state.configuration,
            content: &held,
            outs: state.outs(),
        };
        let plan = plan_of_changes(held.diff(&goal), holds, state.result, &before, &self.policy);
        let plan = plan.made_for(Purpose::Rollback { to });
        let servers = state.servers.iter();
        let abilities: Vec<_> = servers
            .map(|(id, s)| (id.clone(), s.origin.abilities.clone()))
            .collect();
        let newest = state.generations.values().rev();
        let history: Vec<_> = newest.map(|g| (g.at, g.result)).collect();
        let holds = (state.configuration, state.result, state.outs());
        let policy = self.policy.clone();
        let mut findings = judge_plan(&plan, holds, &before, &policy, &abilities, &history, now);
        findings.retain(|f| {
            self.safeguards.has(Safeguard::BackGuarded) || f.verdict != Verdict::Refuse
        });
        let body = Arc::new(Body::Plan(plan.clone()));
        let (hash, _) = body.encode();
        let deadline = self.policy.deadline;
        let asked = gate::Asked {
            plan: &plan,
            hash,
            findings: &findings,
            number: None,
            by: &self.by,
            owned: held.len(),
            freezes: &self.freezes,
        };
        let cleared = gate::back(&asked, &state, now, deadline);
        Some(cleared.map(|cleared| Way {
            to,
            plan,
            body,
            findings,
            cleared,
        }))
    }

    /// What stands beside what is owned has to be known before a stage fails, not after.
    pub(super) fn see_beside(&mut self, effects: &mut Vec<Effect>) {
        let looking = self.runs.values().any(|r| r.looking || r.inspecting);
        if self.context.is_some() || looking {
            return;
        }
        let state = self.book.state();
        let reachable = |id: &&ServerId| state.servers.get(*id).is_some_and(|s| s.halted.is_none());
        let resting = self.runs.iter_mut().filter(|(id, _)| reachable(id));
        let mut resting = resting.filter(|(_, run)| run.is_at_rest());
        if let Some((id, run)) = resting.next() {
            run.looking = true;
            run.phase = Phase::Transferring;
            effects.push(Effect::Transfer(id.clone()));
        }
    }

    /// Whether a write was called off that the server would still accept (I14): one that leads
    /// elsewhere, on a server that has nothing else to be written, or after a stage failed.
    pub(super) fn is_called_off(
        &self,
        now: Time,
        server: &ServerState,
        target: u64,
        draft: &Draft,
    ) -> bool {
        let rollout = draft.state().stages.rollout.as_ref();
        let failed = rollout.is_some_and(|r| r.failed.is_some());
        let stuck = draft.state().is_stuck();
        let elsewhere = |act: &Act, to: u64| *act == Act::Step && (stuck || to != target);
        let open = server.open(now).map(|(_, d)| &d.decision);
        let mut open = open.filter(|d| elsewhere(&d.act, d.holding.configuration));
        self.safeguards.has(Safeguard::CallsOff)
            && (failed || server.is_whole_at(target))
            && open.next().is_some()
    }
}
