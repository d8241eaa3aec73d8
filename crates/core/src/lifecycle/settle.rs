//! Whether a reading ends all waiting, so that what comes next may go into the same append.

use super::Lifecycle;
use crate::ledger::ServerId;
use crate::safeguards::Safeguards;
use crate::server::Reading;

impl<S: Safeguards> Lifecycle<S> {
    /// Whether this reading, which was not taken in yet, shows the last write that anything waits
    /// for: every server is wholly at the present configuration with it. It decides nothing; who
    /// has more to submit may do so right before handing the reading in.
    pub fn confirms(&self, id: &ServerId, reading: &Reading) -> bool {
        let state = self.state();
        let others = |other: &&ServerId| *other != id;
        let whole = |other: &ServerId| state.is_whole(other);
        state.servers.keys().filter(others).all(whole) && self.shows_focus(id, reading)
    }

    fn shows_focus(&self, id: &ServerId, reading: &Reading) -> bool {
        let state = self.state();
        let focus = self.runs.get(id).and_then(|run| run.focus);
        let server = state.servers.get(id);
        let Some((seq, decided)) = focus.and_then(|seq| Some((seq, server?.decisions.get(&seq)?)))
        else {
            return false;
        };
        let holding = &decided.decision.holding;
        let marker = state.marker(seq, &decided.decision);
        let marker = marker.rrset(&self.policy.marker_name());
        let stands = |(name, rtype, after): &super::write::Touched| {
            let read = reading
                .rrsets
                .iter()
                .find(|(n, t, _)| (n, t) == (name, rtype));
            read.is_some_and(|(_, _, found)| found == after)
        };
        holding.is_whole()
            && holding.configuration == state.goal(id)
            && holding.health == state.health
            && holding.ahead.is_none()
            && reading.before.as_ref() == Some(&marker)
            && reading.after == reading.before
            && self.touched(id, seq).iter().all(stands)
    }
}
