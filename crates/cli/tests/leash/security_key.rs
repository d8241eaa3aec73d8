//! Signatures of security keys (OpenSSH's PROTOCOL.u2f), put together by hand: there is no hardware
//! here.

use crate::keys::base64;
use crate::scene::{NOW, Scene, approval, scene};
use ring::digest::{SHA256, SHA512, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::fmt::Write as _;

const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
const APPLICATION: &[u8] = b"ssh:";

fn field(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn blob(pair: &Ed25519KeyPair) -> Vec<u8> {
    [
        field(KIND),
        field(pair.public_key().as_ref()),
        field(APPLICATION),
    ]
    .concat()
}

/// A signature as the hardware makes it, with these flags.
fn signed(scene: &mut Scene, flags: u8) -> steadfast_core::ledger::Approval {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut charter = scene.charter();
    let _ = writeln!(
        charter.signers,
        "dora@example.com sk-ssh-ed25519@openssh.com {}",
        base64(&blob(&pair))
    );
    scene.govern(charter);
    let statement = scene.statement();
    let hash = digest(&SHA512, statement.text().as_bytes());
    let (space, none, name) = (field(b"steadfast"), field(b""), field(b"sha512"));
    let data = [
        b"SSHSIG".as_slice(),
        &space,
        &none,
        &name,
        &field(hash.as_ref()),
    ]
    .concat();
    let trailer = [&[flags][..], &9u32.to_be_bytes()].concat();
    let (app, sum) = (digest(&SHA256, APPLICATION), digest(&SHA256, &data));
    let signature = pair.sign(&[app.as_ref(), &trailer, sum.as_ref()].concat());
    let signature = [field(KIND), field(signature.as_ref()), trailer].concat();
    let whole = [
        b"SSHSIG".as_slice(),
        &1u32.to_be_bytes(),
        &field(&blob(&pair)),
        &space,
        &none,
        &name,
        &field(&signature),
    ];
    let text = base64(&whole.concat());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(70)
        .map(|l| std::str::from_utf8(l).unwrap())
        .collect();
    let armour = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    );
    approval("dora", statement, armour)
}

#[test]
fn a_security_key_counts_where_somebody_touched_it() {
    let mut touched = scene(1);
    let approval = signed(&mut touched, 1);
    assert_eq!(touched.admit(&approval, NOW).unwrap(), "dora@example.com");
    let mut untouched = scene(1);
    let approval = signed(&mut untouched, 0);
    assert_eq!(
        untouched.admit(&approval, NOW).unwrap_err().code(),
        "broken-signature"
    );
}
