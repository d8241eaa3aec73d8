//! I4 against a judge of its own: whatever was handed in, in whatever order, the gate lets a plan
//! pass exactly when enough people who count have said so.

use crate::keys::base64;
use crate::scene::{DAY, HOUR, NOW, NUMBER, Scene, approval, scene_of};
use dns::{Digest, Name};
use proptest::prelude::*;
use ring::digest::{SHA512, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::collections::BTreeSet;
use steadfast_core::leash::{Approves, Statement};
use steadfast_core::ledger::Approval;
use steadfast_core::marker::LedgerId;
use steadfast_core::time::{Millis, Time};

/// On the roll, in this order; the author is the first.
pub(crate) const PEOPLE: [&str; 4] = ["anna", "bob", "carol", "dave"];

/// What may be wrong with an approval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    Number,
    Hash,
    Parent,
    Zone,
    Ledger,
    Over,
    TooLong,
    Charter,
    Waiver,
    Namespace,
    Altered,
    Stranger,
    OtherName,
}

const FAULTS: [Fault; 14] = [
    Fault::None,
    Fault::Number,
    Fault::Hash,
    Fault::Parent,
    Fault::Zone,
    Fault::Ledger,
    Fault::Over,
    Fault::TooLong,
    Fault::Charter,
    Fault::Waiver,
    Fault::Namespace,
    Fault::Altered,
    Fault::Stranger,
    Fault::OtherName,
];

pub(crate) fn pair(n: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn blob(pair: &Ed25519KeyPair) -> Vec<u8> {
    [field(b"ssh-ed25519"), field(pair.public_key().as_ref())].concat()
}

/// The roll of [`PEOPLE`].
pub(crate) fn signers() -> String {
    let line = |(n, who): (usize, &&str)| {
        format!(
            "{who}@example.com ssh-ed25519 {}\n",
            base64(&blob(&pair(n as u8)))
        )
    };
    PEOPLE.iter().enumerate().map(line).collect()
}

/// The same as `ssh-keygen -Y sign`, without the process.
pub(crate) fn sign(pair: &Ed25519KeyPair, namespace: &str, text: &str) -> String {
    let hash = digest(&SHA512, text.as_bytes());
    let head = [field(namespace.as_bytes()), field(b""), field(b"sha512")].concat();
    let data = [b"SSHSIG".as_slice(), &head, &field(hash.as_ref())].concat();
    let signature = [field(b"ssh-ed25519"), field(pair.sign(&data).as_ref())].concat();
    let version = 1u32.to_be_bytes();
    let parts = [
        b"SSHSIG".as_slice(),
        &version,
        &field(&blob(pair)),
        &head,
        &field(&signature),
    ];
    let text = base64(&parts.concat());
    let mut armour = String::from("-----BEGIN SSH SIGNATURE-----\n");
    for line in text.as_bytes().chunks(70) {
        armour.extend(line.iter().map(|b| *b as char));
        armour.push('\n');
    }
    armour + "-----END SSH SIGNATURE-----\n"
}

fn made(scene: &Scene, who: usize, fault: Fault, until: Time) -> Approval {
    let mut statement = Statement {
        until,
        ..scene.statement()
    };
    match fault {
        Fault::Number => statement.number -= 1,
        Fault::Hash => statement.hash = Digest::of(b"another plan"),
        Fault::Parent => statement.parent -= 1,
        Fault::Zone => statement.zone = Name::absolute("example.net").unwrap(),
        Fault::Ledger => statement.ledger = LedgerId(8),
        Fault::Over => statement.until = NOW,
        Fault::TooLong => statement.until = NOW + DAY + HOUR,
        Fault::Charter => statement.approves = Approves::Charter,
        Fault::Waiver => {
            let (guard, reason) = ("max-change".into(), "why not".into());
            statement.approves = Approves::Waiver { guard, reason };
        }
        _ => {}
    }
    let namespace = if fault == Fault::Namespace {
        "git"
    } else {
        "steadfast"
    };
    let key = if fault == Fault::Stranger {
        99
    } else {
        who as u8
    };
    let signature = sign(&pair(key), namespace, &statement.text());
    if fault == Fault::Altered {
        statement.until = statement.until + HOUR;
    }
    let name = if fault == Fault::OtherName {
        (who + 1) % PEOPLE.len()
    } else {
        who
    };
    approval(PEOPLE[name], statement, signature)
}

proptest! {
    #[test]
    fn applied_is_approved(
        needed in 0u32..4,
        given in prop::collection::vec((0..PEOPLE.len(), 0..2 * FAULTS.len(), 1u64..10), 0..8),
        later in 0u64..10,
    ) {
        let mut scene = scene_of(signers(), needed);
        let now = NOW + Millis(HOUR.0 * later);
        let mut count = BTreeSet::new();
        for (who, fault, hours) in given {
            // Half of them are in order.
            let fault = FAULTS.get(fault).copied().unwrap_or(Fault::None);
            let until = NOW + Millis(HOUR.0 * hours);
            let approval = made(&scene, who, fault, until);
            if approval.statement.number == NUMBER {
                scene.give(approval);
            }
            if fault == Fault::None && who != 0 && now < until {
                count.insert(who);
            }
        }
        let enough = count.len() as u32 >= needed;
        prop_assert_eq!(scene.check(&[], now).is_ok(), enough);
        // What a replayed number says does not matter either.
        scene.plan.parent = 4;
        scene.state.configuration = 4;
        prop_assert_eq!(scene.check(&[], now).is_ok(), needed == 0);
    }
}
