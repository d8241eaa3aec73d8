//! Knot DNS 3.2: `knotd` and `knotc`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::Command;

use crate::builder::Mode;
use crate::flavour::{Flavour, Setup};
use crate::kind::program;
use crate::process::run;
use crate::scratch::write;

/// The ways of Knot.
///
/// `zonefile-sync: -1` keeps updates in the journal instead of writing the whole file after each
/// one; a restart loads file and journal. With a small zone nothing else differs from the default.
pub(crate) struct Knot;

impl Flavour for Knot {
    fn configure(&self, setup: &Setup) {
        write(&setup.conf("knot.conf"), &config(setup));
    }

    fn first_data(&self, setup: &Setup) {
        setup.write_zones("db");
    }

    fn argv(&self, setup: &Setup) -> Vec<OsString> {
        vec![
            program("knotd").into(),
            "-c".into(),
            setup.conf("knot.conf").into(),
        ]
    }

    fn reconfigure(&self, setup: &Setup) {
        knotc(setup, &["reload"]);
    }

    fn freeze(&self, setup: &Setup, zone: &str) {
        knotc(setup, &["zone-freeze", zone]);
    }

    fn thaw(&self, setup: &Setup, zone: &str) {
        knotc(setup, &["zone-thaw", zone]);
    }

    /// Zone and journal are purged and the file is loaded.
    fn reload_from(&self, setup: &Setup, zone: &str, text: &str) {
        write(&setup.zone_file(zone), text);
        knotc(
            setup,
            &["-f", "zone-purge", zone, "+expire", "+journal", "+timers"],
        );
        knotc(setup, &["zone-reload", zone]);
    }
}

/// Runs a command of `knotc`, and waits until the server did it.
fn knotc(setup: &Setup, verb: &[&str]) {
    let socket = setup.run().join("knot.sock");
    let mut command = Command::new(program("knotc"));
    run(command
        .arg("-s")
        .arg(socket)
        .args(["-t", "30", "-b"])
        .args(verb));
}

fn config(setup: &Setup) -> String {
    format!(
        r#"server:
    rundir: "{run}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
control:
    listen: "{run}/knot.sock"
database:
    storage: "{data}/db"
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: "{secret}"
acl:
  - id: by-key
    key: {key}
    action: [update, transfer]
  - id: by-loopback
    address: 127.0.0.0/8
    action: transfer
{followers}{zones}"#,
        run = setup.run().display(),
        data = setup.data().display(),
        port = setup.port.number(),
        key = setup.key.name,
        secret = setup.key.secret,
        followers = followers(setup),
        zones = zones(setup),
    )
}

/// The servers to be told of changes. Knot takes no empty list.
fn followers(setup: &Setup) -> String {
    let mut text = String::new();
    for (index, follower) in setup.followers.iter().enumerate() {
        let head = if index == 0 { "remote:\n" } else { "" };
        let (ip, port) = (follower.ip(), follower.port());
        let _ = writeln!(
            text,
            "{head}  - id: follower-{index}\n    address: {ip}@{port}"
        );
    }
    text
}

fn zones(setup: &Setup) -> String {
    let loopback = if setup.open_transfer {
        ", by-loopback"
    } else {
        ""
    };
    let followers = 0..setup.followers.len();
    let followers: Vec<String> = followers.map(|index| format!("follower-{index}")).collect();
    let mut text = String::from("zone:\n");
    for zone in &setup.zones {
        let _ = writeln!(
            text,
            "  - domain: {}
    file: \"{}\"
    acl: [by-key{loopback}]
    zonefile-sync: -1
    dnssec-signing: {}",
            zone.name,
            setup.zone_file(&zone.name).display(),
            if zone.mode == Mode::Plain {
                "off"
            } else {
                "on"
            },
        );
        if !followers.is_empty() {
            let _ = writeln!(text, "    notify: [{}]", followers.join(", "));
        }
    }
    text
}
