//! Knot DNS 3.2: `knotd` and `knotc`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::builder::Mode;
use crate::flavour::{Flavour, Setup};
use crate::kind::program;
use crate::process::run;
use crate::scratch::{must, write};

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
        must(
            fs::create_dir_all(setup.data().join("db")),
            "make",
            &setup.data(),
        );
        if setup.primary.is_none() {
            for zone in &setup.zones {
                write(&setup.zone_file(&zone.name), &zone.text);
            }
        }
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
    let mut text = format!(
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
"#,
        run = setup.run().display(),
        data = setup.data().display(),
        port = setup.port.number(),
        key = setup.key.name,
        secret = setup.key.secret,
    );
    if !setup.followers.is_empty() {
        text += "remote:\n";
    }
    let mut notify = Vec::new();
    for (index, follower) in setup.followers.iter().enumerate() {
        let _ = writeln!(
            text,
            "  - id: follower-{index}\n    address: {}@{}",
            follower.ip(),
            follower.port()
        );
        notify.push(format!("follower-{index}"));
    }
    text += "zone:\n";
    for zone in &setup.zones {
        let _ = writeln!(
            text,
            "  - domain: {name}\n    file: \"{file}\"\n    acl: [by-key{loopback}]\n    zonefile-sync: -1\n    dnssec-signing: {signing}{notify}",
            name = zone.name,
            file = setup.zone_file(&zone.name).display(),
            loopback = if setup.open_transfer {
                ", by-loopback"
            } else {
                ""
            },
            signing = if zone.mode == Mode::Plain {
                "off"
            } else {
                "on"
            },
            notify = if notify.is_empty() {
                String::new()
            } else {
                format!("\n    notify: [{}]", notify.join(", "))
            },
        );
    }
    text
}
