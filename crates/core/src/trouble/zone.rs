//! What is wrong with a zone as a whole: freezes, rollouts, targets, and what waits for people.

use super::{Kind, Trouble, View, short};
use crate::leash::{self, Approves, stamp};
use crate::ledger::{Failure, HeldWhy, Proposal};
use crate::rollout::{Evidence, Undecided, Word};
use crate::time::Millis;

/// So long before an approval ends it is said.
const SOON: Millis = Millis::seconds(3600);
/// So many of a stage's checks are quoted.
const QUOTED: usize = 3;

impl View<'_> {
    pub(super) fn zone(&self, all: &mut Vec<Trouble>) {
        all.extend(self.failed());
        self.frozen(all);
        all.extend(self.undecided());
        all.extend(self.glass());
        self.targets(all);
        if let Some((_, why)) = &self.known.kept {
            let text = format!("nothing was moved: {why}");
            let next = format!("steadfast status {}", self.zone);
            all.push(self.trouble(Kind::Kept, "", &text, &next));
        }
        self.people(all);
    }

    fn failed(&self) -> Option<Trouble> {
        let zone = self.zone;
        let rollout = self.state.stages.rollout.as_ref()?;
        let Failure {
            configuration,
            stage,
            evidence,
            back,
            at,
        } = rollout.failed.as_ref()?;
        let why = quoted(evidence);
        let failed = format!("stage {stage} of configuration {configuration} failed{why}");
        let subject = configuration.to_string();
        let Some(back) = back else {
            let text =
                format!("{failed}; no way back passes the guards, so everything stays as it is");
            let next = format!("steadfast rollback {zone} --dry-run");
            return Some(
                self.trouble(Kind::NoWayBack, &subject, &text, &next)
                    .since(*at),
            );
        };
        let text = format!(
            "{failed}; the content of {} is back, as {}",
            back.to, back.generation
        );
        let trouble = match self.ready().next() {
            Some((number, _)) => {
                let next = format!("steadfast apply {number}");
                self.trouble(Kind::RolledBack, &subject, &text, &next)
            }
            None => {
                let next = format!("steadfast plan {zone}");
                let trouble = self.trouble(Kind::RolledBack, &subject, &text, &next);
                trouble.beside("(the source still says what failed: correct it first)")
            }
        };
        Some(trouble.since(*at))
    }

    fn frozen(&self, all: &mut Vec<Trouble>) {
        let zone = self.zone;
        // Without a way back the freeze is not the trouble.
        if let Some(freeze) = self
            .state
            .freeze(self.now)
            .filter(|_| !self.state.is_stuck())
        {
            let until = match freeze.until {
                Some(until) => format!("until {}", stamp::show(until)),
                None => "until thawed".into(),
            };
            let text = format!("frozen by {}, {until}: {}", freeze.by, freeze.reason);
            let next = format!("steadfast thaw {zone}");
            all.push(
                self.trouble(Kind::Frozen, "", &text, &next)
                    .since(freeze.at),
            );
        }
        let whole = self.freezes.zone.iter().map(|f| ("file".to_owned(), f));
        let servers = self.freezes.servers.iter();
        let servers = servers.filter(|(id, _)| self.state.servers.contains_key(*id));
        let servers = servers.map(|(id, f)| (format!("server {id}"), f));
        let endpoints = self.freezes.endpoints.iter();
        let endpoints = endpoints.map(|(name, f)| (format!("endpoint {}", short(name)), f));
        for (what, file) in whole.chain(servers).chain(endpoints) {
            let text = format!("frozen by the file {}: {}", file.path, file.reason);
            let next = format!("rm {}", file.path);
            let trouble = self.trouble(Kind::Frozen, &what, &text, &next);
            all.push(trouble.beside("(when it is over)"));
        }
    }

    fn undecided(&self) -> Option<Trouble> {
        let rollout = self.state.rolling()?;
        let stage = rollout.stage()?;
        let evidence = rollout.undecided.as_ref()?;
        if stage.undecided != Undecided::Hold {
            return None;
        }
        let text = format!(
            "stage {} of configuration {} is undecided and stays where it is{}",
            stage.name,
            rollout.configuration,
            quoted(evidence)
        );
        let next = format!("steadfast rollback {}", self.zone);
        let subject = format!("{} {}", rollout.configuration, stage.name);
        let trouble = self.trouble(Kind::Undecided, &subject, &text, &next);
        Some(trouble.beside("(calls it off; it goes on by itself when its checks speak)"))
    }

    fn glass(&self) -> Option<Trouble> {
        let zone = self.zone;
        if let Some(glass) = leash::glass(self.state, self.now) {
            let text = format!(
                "break-glass until {} by {}, which cuts bakes short: {}",
                stamp::show(glass.until),
                glass.who.join(", "),
                glass.reason
            );
            let next = format!("steadfast status {zone}");
            let trouble = self.trouble(Kind::BreakGlass, "in force", &text, &next);
            let off = format!("(steadfast rollback {zone} calls the rollout off)");
            return Some(trouble.beside(&off));
        }
        let asked = leash::glass_asked(self.state, self.now).have;
        let (who, until, reason) = asked.first()?;
        let (number, ..) = leash::glass_matter(self.state).ok()?;
        let text = format!(
            "{who} asks to break the glass, until {}, and a second person is needed: {reason}",
            stamp::show(*until)
        );
        let next = format!("steadfast break-glass {number} --reason '…'");
        let trouble = self.trouble(Kind::BreakGlass, "asked", &text, &next);
        Some(trouble.beside("(as somebody else)"))
    }

    fn targets(&self, all: &mut Vec<Trouble>) {
        for (endpoint, watched) in &self.state.endpoints.held {
            let name = short(endpoint);
            let next = format!("steadfast explain {name}");
            let sorts = [
                (HeldWhy::Distrusted, Kind::CheckerDistrusted),
                (HeldWhy::Floor, Kind::AtFloor),
                (HeldWhy::Velocity, Kind::WithdrawalLimit),
            ];
            for (why, kind) in sorts {
                let targets = watched.held.iter().filter(|h| h.why == why);
                let targets: Vec<String> = targets.map(|h| h.target.to_string()).collect();
                if !targets.is_empty() {
                    let text = format!("{name}: {} {}", targets.join(", "), why.words());
                    all.push(self.trouble(kind, &name, &text, &next).since(watched.at));
                }
            }
        }
    }

    /// Plans that the present configuration's may still become.
    fn ready(&self) -> impl Iterator<Item = (&u64, &Proposal)> {
        let all = self.state.proposals.iter();
        all.filter(|(_, p)| p.parent == self.state.configuration)
    }

    /// What waits for people; only where a charter says that people are asked.
    fn people(&self, all: &mut Vec<Trouble>) {
        if self.state.leash.charter.is_none() {
            return;
        }
        for (number, proposal) in self.ready() {
            let given = self.state.leash.approvals_of(*number);
            let plain = given.filter(|g| g.approval.statement.approves == Approves::Plan);
            let plain: Vec<_> = plain.map(|g| &g.approval).collect();
            let soon = plain.iter().filter(|a| {
                let until = a.statement.until;
                self.now < until && until.since(self.now) <= SOON
            });
            let subject = number.to_string();
            let first = soon.min_by_key(|a| a.statement.until);
            let trouble = match first {
                Some(first) => {
                    let until = stamp::show(first.statement.until);
                    let text = format!(
                        "the approval of plan {number} by {} ends at {until}, and it is not applied",
                        first.who
                    );
                    let next = format!("steadfast apply {number}");
                    self.trouble(Kind::ApprovalEnds, &subject, &text, &next)
                }
                None => {
                    let by = match plain.as_slice() {
                        [] => String::new(),
                        some => {
                            let who: Vec<&str> = some.iter().map(|a| a.who.as_str()).collect();
                            format!(", approved by {}", who.join(", "))
                        }
                    };
                    let text = format!("plan {number}, proposed by {}, waits{by}", proposal.by);
                    let next = format!("steadfast approve {number}");
                    self.trouble(Kind::Waits, &subject, &text, &next)
                }
            };
            all.push(trouble.since(proposal.at));
        }
        for (number, reform) in &self.state.leash.reforms {
            let text = format!(
                "charter {number}, proposed by {}, waits for two people",
                reform.by
            );
            let next = format!("steadfast approve {number}");
            let trouble = self.trouble(Kind::Waits, &number.to_string(), &text, &next);
            all.push(trouble.since(reform.at));
        }
    }
}

/// What spoke against it: what failed, or else what said nothing.
fn quoted(evidence: &[Evidence]) -> String {
    let with = |word| evidence.iter().filter(move |e| e.reading.word == word);
    let say = |e: &Evidence, how: &str| format!("{} {how} ({})", e.check, e.reading.said);
    let mut said: Vec<String> = with(Word::Fail).map(|e| say(e, "fails")).collect();
    if said.is_empty() {
        said = with(Word::Inconclusive)
            .map(|e| say(e, "can't say"))
            .collect();
    }
    let more = said.len().saturating_sub(QUOTED);
    said.truncate(QUOTED);
    match (said.is_empty(), more) {
        (true, _) => String::new(),
        (_, 0) => format!(": {}", said.join("; ")),
        (_, more) => format!(": {}; and {more} more", said.join("; ")),
    }
}
