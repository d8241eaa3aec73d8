//! Stages in words: of a plan, on their way, and how they ended.

use super::{glass, out, words};
use crate::site::Style;
use anstyle::AnsiColor;
use serde_json::{Value, json};
use std::fmt::Write as _;
use steadfast_core::gate;
use steadfast_core::ledger::{Event, Failure, Rollout, State};
use steadfast_core::rollout::{Evidence, Reading, Stage, Undecided, Word};
use steadfast_core::time::Time;

/// The stages of a plan, one a line.
pub fn of_plan(out: &mut String, stages: &[Stage]) {
    for (n, stage) in stages.iter().enumerate() {
        let checks: Vec<&str> = stage.checks.iter().map(|c| c.name.as_str()).collect();
        let checks = match checks.as_slice() {
            [] => "no checks".to_owned(),
            some => format!("checks: {}", some.join(", ")),
        };
        let need = match stage.need as usize {
            all if all == stage.servers.len() => String::new(),
            need => format!(" ({need} of them needed)"),
        };
        let _ = writeln!(
            out,
            "  stage {} of {}: {} on {}{need}, bake {}, {checks}",
            n + 1,
            stages.len(),
            stage.name,
            stage.servers.join(", "),
            words::span(stage.bake),
        );
    }
}

/// An entry about stages, for the ledger's story. `None`: it is about something else.
pub fn narrate(event: &Event) -> Option<String> {
    Some(match event {
        Event::Staged {
            configuration,
            stages,
        } => {
            let names: Vec<&str> = stages.iter().map(|s| s.name.as_str()).collect();
            let first = stages.first();
            let servers = first.map_or_else(String::new, |s| s.servers.join(", "));
            format!(
                "configuration {configuration} goes out in stages ({}): {} begins on {servers}",
                names.join(", "),
                names.first().unwrap_or(&"nothing"),
            )
        }
        Event::Passed {
            configuration,
            stage,
            evidence,
            glass,
        } => {
            let early = match glass.as_slice() {
                [] => String::new(),
                who => format!(
                    ", its bake cut short with break-glass by {}",
                    who.join(", ")
                ),
            };
            format!(
                "stage {stage} of configuration {configuration} passed{early}{}",
                because(evidence)
            )
        }
        Event::Undecided { stage, why, .. } => {
            format!("stage {stage} is undecided and stays where it is: {why}")
        }
        Event::Failed {
            configuration,
            stage,
            evidence,
            back,
        } => {
            let way = match back {
                Some(back) => format!("the content of {} returns as {}", back.to, back.generation),
                None => "there is no way back".into(),
            };
            format!(
                "stage {stage} of configuration {configuration} failed{}; {way}",
                because(&against(evidence))
            )
        }
        Event::Struck {
            configuration,
            reason,
        } => format!(
            "configuration {configuration} was struck off, not to be gone back to: {reason}"
        ),
        _ => return None,
    })
}

/// What spoke against it: what failed, or else what said nothing.
fn against(evidence: &[Evidence]) -> Vec<Evidence> {
    let with = |word| evidence.iter().filter(move |e| e.reading.word == word);
    let failed: Vec<Evidence> = with(Word::Fail).cloned().collect();
    match failed.is_empty() {
        true => with(Word::Inconclusive).cloned().collect(),
        false => failed,
    }
}

fn because(evidence: &[Evidence]) -> String {
    let all: Vec<String> = evidence.iter().map(said).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(": {}", all.join("; ")),
    }
}

/// What a check said.
pub fn said(evidence: &Evidence) -> String {
    let Reading { word, said } = &evidence.reading;
    let word = match word {
        Word::Pass => "passes",
        Word::Fail => "fails",
        Word::Inconclusive => "can't say",
    };
    format!("{} {word} ({said})", evidence.check)
}

/// The rollout, or how the last one ended, for `status`.
pub fn show(out: &mut String, zone: &str, state: &State, now: Time, style: Style) {
    let Some(rollout) = &state.stages.rollout else {
        return;
    };
    if let Some(failure) = &rollout.failed {
        return show_failure(out, zone, failure, now, style);
    }
    let Some(stage) = rollout.stage() else { return };
    let _ = writeln!(
        out,
        "  {} {} of {}, {}, of configuration {}: {}",
        out::painted("stage", AnsiColor::Cyan, style),
        rollout.begun,
        rollout.stages.len(),
        stage.name,
        rollout.configuration,
        progress(rollout, stage, state, now)
    );
    glass::status(out, state, now, style);
    if let Some(evidence) = &rollout.undecided {
        let what = match stage.undecided {
            Undecided::Hold => "undecided, and stays where it is",
            Undecided::Back => "undecided",
        };
        let _ = writeln!(out, "           {what}{}", because(&against(evidence)));
        let _ = writeln!(out, "           call it off: steadfast rollback {zone}");
    }
}

fn progress(rollout: &Rollout, stage: &Stage, state: &State, now: Time) -> String {
    let left = gate::bake_ends(state, now).map(|over| over.since(now));
    match left {
        Some(left) if left.0 > 0 => {
            format!(
                "bakes, {} of {} left",
                words::span(left),
                words::span(rollout.bake().unwrap_or(stage.bake))
            )
        }
        Some(_) => "baked, waits for its checks".into(),
        None => format!(
            "{} of the {} servers that it needs are there",
            state.arrived(stage),
            stage.need
        ),
    }
}

fn show_failure(out: &mut String, zone: &str, failure: &Failure, now: Time, style: Style) {
    let Failure {
        configuration,
        stage,
        evidence,
        back,
        at,
    } = failure;
    let _ = writeln!(
        out,
        "  {} {}: stage {stage} of configuration {configuration} failed{}",
        out::painted("rolled back", AnsiColor::Red, style),
        words::ago(*at, now),
        because(&against(evidence))
    );
    let _ = match back {
        Some(back) => writeln!(
            out,
            "           the content of {} is back, as {}; the source still says what failed: correct it, then steadfast plan {zone}",
            back.to, back.generation
        ),
        None => writeln!(
            out,
            "           there was no way back that guards let pass: steadfast rollback {zone} --to N --dry-run shows why"
        ),
    };
}

/// The same for programs.
pub fn document(state: &State, now: Time) -> Value {
    let Some(rollout) = &state.stages.rollout else {
        return Value::Null;
    };
    let stage = rollout.stage();
    json!({
        "configuration": rollout.configuration,
        "stage": stage.map(|s| s.name.clone()),
        "number": rollout.begun,
        "of": rollout.stages.len(),
        "since": words::time(rollout.since),
        "baking-since": rollout.baking.map(words::time),
        "bake-left": gate::bake_ends(state, now).map(|over| over.since(now)),
        "break-glass": glass::document(state, now),
        "undecided": rollout.undecided,
        "failed": rollout.failed,
        "waiting": state.stages.waits,
    })
}

/// What is to be told while somebody looks on: each check, when its word changes.
#[derive(Default)]
pub struct Ticker {
    told: Vec<(String, String, Word)>,
}

impl Ticker {
    /// New lines.
    pub fn lines(&mut self, readings: &[Evidence], state: &State, now: Time) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(rollout) = state.rolling() else {
            return lines;
        };
        for evidence in readings {
            let (stage, check, word) = (&evidence.stage, &evidence.check, evidence.reading.word);
            let known = self
                .told
                .iter_mut()
                .find(|(s, c, _)| (s, c) == (stage, check));
            match known {
                Some((_, _, last)) if *last == word => continue,
                Some((_, _, last)) => *last = word,
                None => self.told.push((stage.clone(), check.clone(), word)),
            }
            let left = rollout.bake_left(now).filter(|left| left.0 > 0);
            let left = left.map_or(String::new(), |left| {
                format!("; {} of the bake left", words::span(left))
            });
            lines.push(format!("  {stage}: {}{left}", said(evidence)));
        }
        lines
    }
}
