//! Stages: when the next servers get a configuration, and when nobody does.
//!
//! Where the rollout is stands in the ledger. What checks say is volatile: whoever comes next asks
//! again, and the entry that comes first decides. The bake counts from the entry that read back the
//! last server it needed, so nobody's death makes it shorter or longer.

use super::{Draft, Effect, Lifecycle, Notice, Print};
use crate::body::Body;
use crate::gate::{self, CLOCK_TOLERANCE};
use crate::leash;
use crate::ledger::{Event, Rollout, ServerId, State};
use crate::rollout::{Ask, Check, Evidence, Reading, Stage, Undecided, Word};
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::{Millis, Time};
use std::collections::BTreeMap;

/// How long after its time-out an answer may still come in.
const GRACE: Millis = Millis(500);

/// What checks said, beyond the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    /// The adoption and the configuration that it is about.
    of: (u64, u64),
    /// By stage and place in it.
    seen: BTreeMap<(usize, usize), Seen>,
    last_ask: u64,
    /// Why no way back was taken yet, as it was told.
    pub(super) stuck: Option<String>,
}

/// One check.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// What it said last, and when it was asked.
    last: Option<(Reading, Time)>,
    /// Failing readings in a row.
    fails: u32,
    /// The last of them, and when it was asked for.
    failing: Option<(Reading, Time)>,
    /// The question that is out, and since when.
    asked: Option<(u64, Time)>,
}

impl Seen {
    fn take(&mut self, reading: Reading, at: Time) {
        self.fails = match reading.word {
            Word::Fail => self.fails + 1,
            Word::Pass => 0,
            // It neither is a failure nor takes one back.
            Word::Inconclusive => self.fails,
        };
        match reading.word {
            Word::Fail => self.failing = Some((reading.clone(), at)),
            Word::Pass => self.failing = None,
            Word::Inconclusive => {}
        }
        self.last = Some((reading, at));
    }

    /// What counts of it: where it has failed, that; and not that nothing was heard since, while the
    /// way back had to wait.
    fn word(&self, check: &Check) -> Option<&(Reading, Time)> {
        let failed = self.failing.as_ref();
        failed
            .filter(|_| self.fails >= check.fall)
            .or(self.last.as_ref())
    }

    /// When it is asked next: in turn, and once more when the bake is over, because the last word is
    /// to be of then.
    fn due(&self, check: &Check, baked: Option<Time>) -> Time {
        let Some((_, at)) = &self.last else {
            return Time::default();
        };
        let turn = *at + check.every;
        match baked.filter(|baked| at < baked) {
            Some(baked) => turn.min(baked),
            None => turn,
        }
    }
}

impl Readings {
    /// Prints what later steps may depend on.
    pub(super) fn print(&self, to: &mut dyn Print) {
        for ((stage, check), seen) in &self.seen {
            to.word((*stage as u64) << 32 | *check as u64);
            to.word(u64::from(seen.fails));
            if let Some((reading, at)) = &seen.last {
                to.word(1 + reading.word as u64);
                to.time(*at);
            }
            if let Some((id, at)) = seen.asked {
                to.word(8 + self.last_ask - id);
                to.time(at);
            }
        }
    }
}

/// What becomes of a stage.
enum Verdict {
    Passed,
    Failed,
    Undecided(String),
    Open,
}

impl<S: Safeguards> Lifecycle<S> {
    /// Takes in what a check said.
    pub(super) fn checked(&mut self, ask: u64, reading: Reading) {
        let mut seen = self.readings.seen.values_mut();
        let one = seen.find(|s| s.asked.is_some_and(|(id, _)| id == ask));
        if let Some(seen) = one
            && let Some((_, at)) = seen.asked.take()
        {
            seen.take(reading, at);
        }
    }

    /// Asks what is due, and puts into the draft what the answers lead to.
    pub(super) fn judge_stage(&mut self, now: Time, draft: &mut Draft, effects: &mut Vec<Effect>) {
        let state = draft.state();
        let (Some(rollout), true) = (state.rolling().cloned(), state.is_adopted()) else {
            self.readings.seen.clear();
            return;
        };
        let of = (state.adopted_at, rollout.configuration);
        if self.readings.of != of {
            let last_ask = self.readings.last_ask;
            self.readings = Readings {
                of,
                last_ask,
                ..Readings::default()
            };
        }
        // Nothing goes on while frozen, and what is said meanwhile is old when that ends.
        if self.freezes.hold(state, now) && self.safeguards.has(Safeguard::Freezes) {
            return self.readings.seen.clear();
        }
        self.see_beside(effects);
        self.ask(now, &rollout, draft.state(), effects);
        self.decide_stage(now, &rollout, draft, effects);
    }

    fn decide_stage(
        &mut self,
        now: Time,
        rollout: &Rollout,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(stage) = rollout.stage() else { return };
        let (configuration, name) = (rollout.configuration, stage.name.clone());
        let evidence = self.evidence(rollout);
        match self.verdict(now, rollout, stage, draft.state()) {
            Verdict::Open => {}
            Verdict::Passed => {
                let early = rollout.baked_at().is_none_or(|over| now < over);
                let glass = leash::glass(draft.state(), now).filter(|_| early);
                draft.push(Event::Passed {
                    configuration,
                    stage: name,
                    evidence,
                    glass: glass.map_or_else(Vec::new, |g| g.who),
                });
                self.runs.values_mut().for_each(super::Run::rouse);
            }
            Verdict::Undecided(why) if stage.undecided == Undecided::Hold => {
                if rollout.undecided.is_none() {
                    draft.push(Event::Undecided {
                        configuration,
                        stage: name,
                        why,
                        evidence,
                    });
                }
            }
            Verdict::Failed | Verdict::Undecided(_) => {
                self.go_back(now, rollout, evidence, draft, effects);
            }
        }
    }

    /// What a plan says of stages goes into the ledger with its clearance: before it, so that no
    /// server is meant to hold the configuration out of its turn.
    pub(super) fn stage(&self, event: &Event, draft: &mut Draft) {
        let Event::Cleared {
            plan,
            configuration,
            ..
        } = event
        else {
            return;
        };
        let stages = match self.body(plan, draft).map(AsRef::as_ref) {
            Some(Body::Plan(plan)) if !plan.stages.is_empty() => plan.stages.clone(),
            _ => return,
        };
        draft.push(Event::Staged {
            configuration: *configuration,
            stages,
        });
    }

    /// The order in which servers are looked after: on the way back the last stage comes first.
    /// Nobody waits for another: one that is dead would keep a bad answer on the others.
    pub(super) fn in_turn(&self, mut ids: Vec<ServerId>, state: &State) -> Vec<ServerId> {
        let rollout = state.stages.rollout.as_ref();
        if let Some(rollout) = rollout.filter(|r| r.failed.is_some()) {
            let stage = |id: &ServerId| rollout.stages.iter().position(|s| s.servers.contains(id));
            ids.sort_by_key(|id| std::cmp::Reverse(stage(id).unwrap_or(usize::MAX)));
        }
        ids
    }

    /// Checks of every stage that has begun go on until the last one passed: what fails late fails.
    fn looked_at(rollout: &Rollout) -> impl Iterator<Item = ((usize, usize), &Stage, &Check)> {
        // The present stage is looked at from the moment that there is something to see.
        let ready = rollout.begun - usize::from(rollout.baking.is_none());
        let begun = rollout.stages.iter().enumerate().take(ready);
        begun.flat_map(|(s, stage)| {
            let checks = stage.checks.iter().enumerate();
            checks.map(move |(c, check)| ((s, c), stage, check))
        })
    }

    fn ask(&mut self, now: Time, rollout: &Rollout, state: &State, effects: &mut Vec<Effect>) {
        let baked = gate::bake_ends(state, now);
        for (at, stage, check) in Self::looked_at(rollout) {
            let seen = self.readings.seen.entry(at).or_default();
            if let Some((_, since)) = seen.asked {
                if now < since + check.timeout + GRACE {
                    continue;
                }
                seen.asked = None;
                seen.take(Reading::inconclusive("no answer in time"), since);
            }
            if now < seen.due(check, baked) {
                continue;
            }
            self.readings.last_ask += 1;
            let id = self.readings.last_ask;
            seen.asked = Some((id, now));
            let whole = |id: &&String| {
                let server = state.servers.get(*id);
                server.is_some_and(|s| s.is_whole_at(rollout.configuration))
            };
            effects.push(Effect::Check(Ask {
                id,
                stage: stage.name.clone(),
                servers: stage.servers.iter().filter(whole).cloned().collect(),
                configuration: rollout.configuration,
                check: check.clone(),
            }));
        }
    }

    fn verdict(&self, now: Time, rollout: &Rollout, stage: &Stage, state: &State) -> Verdict {
        let looked_at = || {
            Self::looked_at(rollout).map(|(at, of, check)| (self.readings.seen.get(&at), of, check))
        };
        let failed =
            |seen: Option<&Seen>, check: &Check| seen.is_some_and(|s| s.fails >= check.fall);
        if looked_at().any(|(seen, _, check)| failed(seen, check)) {
            return Verdict::Failed;
        }
        let baked = gate::bake_ends(state, now)
            .filter(|baked| now >= *baked || !self.safeguards.has(Safeguard::Bakes));
        let arrived = state.arrived(stage);
        let enough = arrived >= stage.need as usize;
        let well = |seen: Option<&Seen>, baked: Time| {
            let last = seen.and_then(|s| s.last.as_ref());
            last.is_some_and(|(reading, at)| {
                let says = reading.word == Word::Pass
                    || !self.safeguards.has(Safeguard::Conclusive)
                        && reading.word == Word::Inconclusive;
                says && (*at >= baked || !self.safeguards.has(Safeguard::Bakes))
            })
        };
        let missing = baked.and_then(|baked| looked_at().find(|(seen, ..)| !well(*seen, baked)));
        if baked.is_some() && enough && missing.is_none() {
            return Verdict::Passed;
        }
        // Whoever said when it began had a clock far ahead: then nobody knows when it is over.
        let since = rollout.baking.unwrap_or(rollout.since);
        let to_come = since.since(now) > CLOCK_TOLERANCE && stage.undecided == Undecided::Hold;
        if !to_come && rollout.patience_ends().is_none_or(|ends| now < ends) {
            return Verdict::Open;
        }
        let need = stage.need;
        Verdict::Undecided(match missing {
            _ if !enough => format!("{arrived} of the {need} servers that it needs are there"),
            Some((seen, of, check)) => {
                let last = seen.and_then(|s| s.last.as_ref());
                let said = last.map_or("nothing", |(reading, _)| reading.said.as_str());
                format!("check {} of stage {} says: {said}", check.name, of.name)
            }
            None if to_come => "it began at a time that is to come, by this clock".into(),
            None => "its bake is not over".into(),
        })
    }

    /// What counts of what each check said.
    fn evidence(&self, rollout: &Rollout) -> Vec<Evidence> {
        let said = |((s, c), seen): (&(usize, usize), &Seen)| {
            let stage = rollout.stages.get(*s)?;
            let check = stage.checks.get(*c)?;
            let (reading, at) = seen.word(check)?.clone();
            Some(Evidence {
                stage: stage.name.clone(),
                check: check.name.clone(),
                reading,
                at,
            })
        };
        self.readings.seen.iter().filter_map(said).collect()
    }

    /// What each check of the rollout said last, to whoever looks on.
    pub fn last_readings(&self) -> Vec<Evidence> {
        let rolling = self.state().rolling();
        rolling.map_or_else(Vec::new, |rollout| self.evidence(rollout))
    }

    /// When stages have something to do next.
    pub(super) fn stage_wakes_at(&self, now: Time) -> Option<Time> {
        let rollout = self.state().rolling()?;
        let over = gate::bake_ends(self.state(), now);
        if self.freezes.hold(self.state(), now) {
            return None;
        }
        let checks = Self::looked_at(rollout).map(|(at, _, check)| {
            let seen = self.readings.seen.get(&at);
            match seen.and_then(|s| s.asked) {
                Some((_, since)) => since + check.timeout + GRACE,
                None => seen.map_or(now, |s| s.due(check, over)),
            }
        });
        let ends = rollout.patience_ends().into_iter();
        let ends = ends
            .chain(rollout.baked_at())
            .chain(over)
            .filter(|at| *at > now);
        checks.chain(ends).min()
    }

    /// Tells what an entry about stages says.
    pub(super) fn stage_notice(&self, event: &Event) -> Option<Notice> {
        matches!(
            event,
            Event::Staged { .. }
                | Event::Passed { .. }
                | Event::Undecided { .. }
                | Event::Failed { .. }
        )
        .then(|| Notice::Stage(Box::new(event.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rollout::Kind;

    #[test]
    fn what_failed_is_the_evidence_though_nothing_is_heard_afterwards() {
        let check = Check {
            name: "errors".into(),
            every: Millis::seconds(1),
            timeout: Millis::seconds(1),
            fall: 2,
            kind: Kind::Command { argv: Vec::new() },
        };
        let said = |word| Reading {
            word,
            said: String::new(),
        };
        let mut seen = Seen::default();
        let words = [
            (Word::Fail, Word::Fail),
            (Word::Inconclusive, Word::Inconclusive),
            (Word::Fail, Word::Fail),
            (Word::Inconclusive, Word::Fail),
            (Word::Pass, Word::Pass),
            (Word::Inconclusive, Word::Inconclusive),
        ];
        for (n, (word, counts)) in (1..).zip(words) {
            seen.take(said(word), Time(n));
            assert_eq!(seen.word(&check).unwrap().0.word, counts, "reading {n}");
        }
    }
}
