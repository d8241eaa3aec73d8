//! A zone with a charter and a proposed plan.

use crate::keys::Keys;
use dns::{Change, Digest, Name, RRset, Rtype};
use std::sync::Arc;
use steadfast_core::freezes::Freezes;
use steadfast_core::gate::{self, Asked, Cleared, Refusal};
use steadfast_core::guards::Finding;
use steadfast_core::leash::{
    Approves, Charter, Need, Refused, Statement, admit, fingerprint, read_signature,
};
use steadfast_core::ledger::{Approval, Chartered, Given, Proposal, State};
use steadfast_core::marker::LedgerId;
use steadfast_core::plan::{Plan, Purpose, Steps};
use steadfast_core::time::{Millis, Time};

pub(crate) const NOW: Time = Time(1_800_000_000_000);
pub(crate) const NUMBER: u64 = 42;
pub(crate) const HOUR: Millis = Millis::seconds(3600);
pub(crate) const DAY: Millis = Millis::seconds(86_400);

pub(crate) struct Scene {
    pub(crate) keys: Keys,
    pub(crate) state: State,
    pub(crate) plan: Plan,
    pub(crate) hash: Digest,
}

pub(crate) fn zone() -> Name {
    Name::absolute("example.com").unwrap()
}

/// An address, or a text.
fn data(text: &str) -> Vec<u8> {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(address) => address.octets().to_vec(),
        Err(_) => [&[text.len() as u8], text.as_bytes()].concat(),
    }
}

/// A plan that changes these RRsets, each written as `name type data`; `-` before it deletes.
pub(crate) fn plan(changes: &[&str]) -> Plan {
    let change = |text: &&str| {
        let words: Vec<&str> = text.trim_start_matches('-').split(' ').collect();
        let name = Name::parse(words[0], &zone()).unwrap();
        let rtype: Rtype = words[1].parse().unwrap();
        let set = RRset::new(name, rtype, 60, [data(words[2])]).unwrap();
        let deletes = text.starts_with('-');
        let (before, after) = if deletes {
            (Some(set), None)
        } else {
            (None, Some(set))
        };
        Change::new(before, after).unwrap()
    };
    let changes: Vec<Change> = changes.iter().map(change).collect();
    let order = vec![(0..changes.len() as u32).collect()];
    Plan {
        format: steadfast_core::plan::FORMAT,
        zone: zone(),
        parent: 3,
        purpose: Purpose::Change,
        base: Digest::of(b"before"),
        result: Digest::of(b"after"),
        back: vec![(0..changes.len() as u32).collect()],
        steps: Steps { changes, order },
        stages: Vec::new(),
    }
}

/// Anna, Bob and Carol approve; a change needs one of them.
pub(crate) fn scene(approvals: u32) -> Scene {
    let keys = Keys::new();
    let line = |who: &str| format!("{who}@example.com {}\n", keys.make(who, "ed25519"));
    let signers = ["anna", "bob", "carol"].map(line).concat();
    Scene {
        keys,
        ..scene_of(signers, approvals)
    }
}

/// The same with this roll.
pub(crate) fn scene_of(signers: String, approvals: u32) -> Scene {
    let need = Need {
        approvals,
        from: Vec::new(),
    };
    let charter = Charter {
        signers,
        groups: Default::default(),
        classes: Vec::new(),
        otherwise: need.clone(),
        waiver: Need {
            approvals: 1,
            from: Vec::new(),
        },
        critical: Vec::new(),
        lifetime: DAY,
    };
    let plan = plan(&["www A 192.0.2.1"]);
    let hash = Digest::of(b"the plan");
    let mut state = State {
        zone: Some(zone()),
        ledger: LedgerId(7),
        configuration: 3,
        result: Digest::of(b"before"),
        last: 9,
        last_at: NOW,
        last_number: NUMBER,
        ..State::default()
    };
    let proposal = Proposal {
        plan: hash,
        parent: 3,
        seq: 9,
        at: NOW,
        by: "anna@laptop (process 1)".into(),
    };
    state.proposals.insert(NUMBER, proposal);
    let mut scene = Scene {
        keys: Keys::new(),
        state,
        plan,
        hash,
    };
    scene.govern(charter);
    scene
}

impl Scene {
    pub(crate) fn charter(&self) -> Charter {
        self.state.leash.charter.as_ref().unwrap().charter.clone()
    }

    pub(crate) fn govern(&mut self, charter: Charter) {
        self.state.leash.charter = Some(Arc::new(Chartered {
            charter,
            seq: 2,
            at: NOW,
            by: "anna".into(),
        }));
    }

    pub(crate) fn statement(&self) -> Statement {
        Statement {
            zone: zone(),
            ledger: LedgerId(7),
            number: NUMBER,
            hash: self.hash,
            parent: 3,
            until: NOW + HOUR,
            approves: Approves::Plan,
        }
    }

    pub(crate) fn signed(&self, who: &str, statement: Statement) -> Approval {
        let signature = self.keys.sign(who, "steadfast", &statement.text());
        approval(who, statement, signature)
    }

    /// Puts an approval into the ledger, whether it counts or not.
    pub(crate) fn give(&mut self, approval: Approval) {
        let given = Given {
            approval,
            seq: 10,
            at: NOW,
        };
        let all = self.state.leash.approvals.entry(NUMBER).or_default();
        all.push(Arc::new(given));
    }

    /// Whether it would count; and what the gate makes of it where it is in the ledger all the
    /// same must agree.
    pub(crate) fn admit(&mut self, approval: &Approval, now: Time) -> Result<String, Refused> {
        let said = admit(&self.state, NUMBER, approval, now);
        let is_plan = matches!(approval.statement.approves, Approves::Plan);
        let twice = matches!(said, Err(Refused::Twice(_)));
        if is_plan && !twice && approval.statement.number == NUMBER {
            let before = self.state.leash.approvals.clone();
            self.state.leash.approvals.clear();
            self.give(approval.clone());
            let passed = self.check(&[], now);
            match &said {
                Ok(_) => drop(passed.unwrap()),
                Err(Refused::BaseMoved { .. }) if self.state.configuration != 3 => {
                    assert!(matches!(passed, Err(Refusal::BaseMoved { .. })));
                }
                Err(why) => {
                    let Err(Refusal::Unapproved(missing)) = passed else {
                        panic!("the gate let {why:?} pass");
                    };
                    assert_eq!(&missing.void[0].why, why);
                }
            }
            self.state.leash.approvals = before;
        }
        said
    }

    pub(crate) fn check(&self, findings: &[Finding], now: Time) -> Result<Cleared, Refusal> {
        let asked = Asked {
            plan: &self.plan,
            hash: self.hash,
            findings,
            number: Some(NUMBER),
            by: "nobody",
            owned: 100,
            freezes: Freezes::NONE,
        };
        gate::check(&asked, &self.state, now, Millis::seconds(10))
    }
}

pub(crate) fn approval(who: &str, statement: Statement, signature: String) -> Approval {
    let key = read_signature(&signature).map(|sig| fingerprint(sig.public_key()));
    Approval {
        statement,
        who: format!("{who}@example.com"),
        key: key.unwrap_or_default(),
        signature,
    }
}
