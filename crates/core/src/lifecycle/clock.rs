//! Clocks that are wrong.
//!
//! Every write is signed with the time of its decision, so a server is a witness: it refuses what
//! its clock does not agree with, and says what its clock shows (RFC 8945 §5.2.3). What the ledger
//! knows of the time is what servers have taken; an entry's own time is one clock's word.

use super::Lifecycle;
use super::run::Phase;
use crate::gate::CLOCK_TOLERANCE;
use crate::ledger::ServerId;
use crate::safeguards::Safeguards;
use crate::time::{Millis, Time};

/// How long nothing is decided for a server whose clock and ours do not agree.
const DOUBT: Millis = Millis::seconds(30);

impl<S: Safeguards> Lifecycle<S> {
    /// A server said what its clock shows. Where ours shows something else, the refusal says whose
    /// is wrong, as far as the other servers tell, and how to look.
    pub(super) fn compared(&mut self, now: Time, id: &ServerId, clock: Time) {
        let ahead = i64::try_from(now.0).unwrap_or(i64::MAX);
        let ahead = ahead.saturating_sub(i64::try_from(clock.0).unwrap_or(i64::MAX));
        let agrees = |(other, run): (&ServerId, &super::Run)| {
            (other != id && run.ahead == Some(0)).then(|| other.clone())
        };
        let witness = self.runs.iter().find_map(agrees);
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.ahead = Some(ahead).filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE.0);
        if let (Some(_), Some(refused)) = (run.ahead, &mut run.refused) {
            let why = whose(id, ahead, witness.as_ref());
            refused.detail = format!("{why} ({})", refused.detail);
        }
    }

    /// Nothing is decided for a server that would refuse it: it is tried again after a while.
    pub(super) fn pause_for_clocks(&mut self, now: Time, id: &ServerId) {
        let run = self.runs.get_mut(id);
        if let Some(run) = run.filter(|r| r.ahead.is_some_and(|ahead| ahead != 0)) {
            run.wait(now + DOUBT);
        }
    }

    /// A clock that was set back: what waits for a time waits no more, and is looked at anew.
    pub(super) fn tell_time(&mut self, now: Time) {
        let before = std::mem::replace(&mut self.clock, now);
        if before.since(now) <= CLOCK_TOLERANCE {
            return;
        }
        for run in self.runs.values_mut() {
            run.ahead = None;
            run.polling = run.polling.map(|_| now);
            if matches!(run.phase, Phase::Waiting(_)) {
                run.phase = Phase::Unread;
            }
        }
    }
}

/// Whose clock is wrong, in words for people, and what to look at.
fn whose(server: &str, ahead: i64, witness: Option<&ServerId>) -> String {
    let seconds = ahead.unsigned_abs() / 1_000;
    let (ours, theirs) = if ahead > 0 {
        ("ahead of", "behind")
    } else {
        ("behind", "ahead of")
    };
    match witness {
        None => format!(
            "this machine's clock is {seconds} s {ours} that of {server}, and no server has agreed with it: set it right (`timedatectl`, or `date -u` here and there)"
        ),
        Some(witness) => format!(
            "the clock of {server} is {seconds} s {theirs} this machine's, with which {witness} agrees: set the clock of {server} right (`date -u` there)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::whose;

    #[test]
    fn says_which_machine_and_how_to_look() {
        let ours = whose("ns1", 86_400_000, None);
        assert!(ours.starts_with("this machine's clock is 86400 s ahead of that of ns1"));
        let theirs = whose("ns1", 60_000, Some(&"ns2".to_owned()));
        assert!(theirs.starts_with("the clock of ns1 is 60 s behind this machine's"));
        assert!(theirs.contains("ns2 agrees") && theirs.contains("date -u"));
        let behind = whose("ns1", -60_000, None);
        assert!(behind.contains("60 s behind that of ns1"));
    }
}
