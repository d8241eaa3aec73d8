//! A marker that is gone, or that was planted where nothing proves what it says.

use super::run::{Phase, Refused};
use super::{Draft, Effect, Lifecycle};
use crate::ledger::{Act, Event, Loss, ServerId, ServerState};
use crate::safeguards::Safeguards;
use crate::time::Time;

impl<S: Safeguards> Lifecycle<S> {
    /// After a refusal: a planting is compared anew at once, every other time; all else waits.
    pub(super) fn retry(
        &mut self,
        now: Time,
        id: &ServerId,
        plants: bool,
        detail: String,
        effects: &mut Vec<Effect>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.losses += 1;
        if plants && run.losses % 2 == 1 {
            run.phase = Phase::Transferring;
            effects.push(Effect::Transfer(id.clone()));
            return;
        }
        run.attempts = run.losses;
        self.no_answer(now, id, detail, effects);
        self.pause_for_clocks(now, id);
    }

    /// No marker stands. One that was planted may not be served yet, or refused because another
    /// enactor's stands that is not served yet: that is waited for, else what stands is compared.
    pub(super) fn gone(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if let Some(Refused { seq, why, detail }) = run.refused.take() {
            run.dead = Some(seq);
            run.focus = None;
            draft.push(Event::Lost {
                server: id.clone(),
                write: seq,
                why,
                detail: detail.clone(),
            });
            return self.retry(now, id, why == Loss::Fenced, detail, effects);
        }
        let awaited = run.focus.is_some_and(|seq| Some(seq) > server.verified);
        if awaited && run.polling.is_some() && !self.poll_is_over(now, id) {
            return;
        }
        if let Some(run) = self.runs.get_mut(id) {
            run.phase = Phase::Transferring;
        }
        effects.push(Effect::Transfer(id.clone()));
    }

    /// Asks for what a planting by values says to be there: nothing fences what was added since it
    /// was decided, so its marker alone proves nothing.
    pub(super) fn prove(&mut self, now: Time, id: &ServerId, seq: u64, effects: &mut Vec<Effect>) {
        if let Some(run) = self.runs.get_mut(id) {
            if run.focus.replace(seq) != Some(seq) {
                run.polling = Some(now);
            }
            run.proving = Some(seq);
            run.phase = Phase::Transferring;
        }
        effects.push(Effect::Transfer(id.clone()));
    }
}

/// Whether a decision plants the marker where only values are compared.
pub(super) fn is_by_values(server: &ServerState, seq: u64) -> bool {
    let decided = server.decisions.get(&seq);
    decided.is_some_and(|d| d.decision.act == Act::Plant { soa: None })
}
