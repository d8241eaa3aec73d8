//! The texts that travel: what is signed, and the signature's armour.

use crate::scene::{NOW, scene};
use dns::{Digest, Name};
use proptest::prelude::*;
use steadfast_core::leash::{Approves, Statement, is_reason, read_signature, verify};
use steadfast_core::marker::LedgerId;
use steadfast_core::time::Time;

#[test]
fn what_is_signed_can_be_read_by_people() {
    let mut statement = scene(1).statement();
    statement.approves = Approves::Waiver {
        guard: "max-change".into(),
        reason: "moving to the new data centre".into(),
    };
    let hash = Digest::of(b"the plan");
    assert_eq!(
        statement.text(),
        format!(
            "steadfast approval 1\nzone: example.com.\nledger: 0000000000000007\nnumber: 42\nhash: {hash}\nparent: 3\nuntil: 2027-01-15T09:00:00Z\napproves: waiver of max-change\nreason: moving to the new data centre\n"
        )
    );
}

#[test]
fn a_signature_with_one_octet_changed_verifies_nothing() {
    let scene = scene(1);
    let statement = scene.statement();
    let good = scene.signed("bob", statement.clone()).signature;
    verify(&read_signature(&good).unwrap(), statement.text().as_bytes()).unwrap();
    let mut tried = 0;
    for at in 0..good.len() {
        let mut octets = good.clone().into_bytes();
        octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(octets).unwrap();
        let says = read_signature(&text).and_then(|s| verify(&s, statement.text().as_bytes()));
        // A line break in the armour says nothing.
        if !good.as_bytes()[at].is_ascii_whitespace() {
            assert!(says.is_err(), "octet {at}");
            tried += 1;
        }
    }
    assert!(tried > 200);
    assert!(scene.admit_text(&good, NOW));
}

impl crate::scene::Scene {
    fn admit_text(&self, signature: &str, now: Time) -> bool {
        let approval = crate::scene::approval("bob", self.statement(), signature.to_owned());
        steadfast_core::leash::admit(&self.state, crate::scene::NUMBER, &approval, now).is_ok()
    }
}

fn approves() -> impl Strategy<Value = Approves> {
    prop_oneof![
        Just(Approves::Plan),
        Just(Approves::Charter),
        ("[a-z-]{1,20}", "[ -~]{1,60}")
            .prop_map(|(guard, reason)| Approves::Waiver { guard, reason }),
    ]
}

prop_compose! {
    fn statement()(
        ledger in any::<u64>(),
        number in any::<u64>(),
        parent in any::<u64>(),
        seconds in 0u64..253_402_300_799,
        hash in any::<[u8; 32]>(),
        label in "[a-z]{1,10}",
        approves in approves(),
    ) -> Statement {
        Statement {
            zone: Name::absolute(&format!("{label}.example")).unwrap(),
            ledger: LedgerId(ledger),
            number,
            hash: Digest(hash),
            parent,
            until: Time(seconds * 1000),
            approves,
        }
    }
}

proptest! {
    #[test]
    fn what_is_said_is_understood(statement in statement()) {
        let sayable = match &statement.approves {
            Approves::Waiver { reason, .. } => is_reason(reason),
            _ => true,
        };
        let read = Statement::read(&statement.text());
        prop_assert_eq!(read.ok(), sayable.then_some(statement));
    }

    #[test]
    fn two_texts_never_mean_the_same(statement in statement(), at in 0usize..400, with in any::<char>()) {
        let text = statement.text();
        let mut chars: Vec<char> = text.chars().collect();
        let at = at % chars.len();
        chars[at] = with;
        let other: String = chars.into_iter().collect();
        if other != text && let Ok(read) = Statement::read(&other) {
            prop_assert_ne!(read, statement);
        }
    }

    #[test]
    fn anything_may_be_handed_in(text in "\\PC{0,300}") {
        prop_assert!(Statement::read(&text).is_err());
        let _ = read_signature(&text);
        let _ = read_signature(&format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"));
    }
}
