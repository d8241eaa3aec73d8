//! Steadfast's own server, in a daemon of its own (`steadfast up`): a process like the others, with a
//! cell and a ledger that nobody uses. Whoever leads its zone does so from outside, over the wire.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::flavour::{Flavour, Setup};
use crate::kind::program;
use crate::peer::Peer;
use crate::process::run;
use crate::scratch::write;
use crate::tools::nsupdate;

/// Records in one UPDATE that fills a zone.
const AT_ONCE: usize = 400;

/// The ways of the built-in server.
pub(crate) struct Builtin;

impl Flavour for Builtin {
    fn configure(&self, setup: &Setup) {
        write(&setup.conf("key"), &setup.key.file_text());
        write(&setup.conf("steadfast.toml"), &config(setup));
    }

    /// SOA and name servers come from the zone file. The rest comes by [`fill`].
    fn first_data(&self, setup: &Setup) {
        setup.write_zones("state");
    }

    fn argv(&self, setup: &Setup) -> Vec<OsString> {
        let config = setup.conf("steadfast.toml");
        vec![
            binary(setup).into(),
            "up".into(),
            "--config".into(),
            config.into(),
        ]
    }

    fn reconfigure(&self, _: &Setup) {
        // It is started anew: see `Peer::follower`.
    }

    fn freeze(&self, _: &Setup, zone: &str) {
        panic!("{zone}: the built-in server cannot freeze a zone");
    }

    fn thaw(&self, _: &Setup, zone: &str) {
        panic!("{zone}: the built-in server cannot freeze a zone");
    }

    fn reload_from(&self, _: &Setup, zone: &str, _: &str) {
        panic!("{zone}: the built-in server reads no zone file again");
    }
}

fn binary(setup: &Setup) -> &Path {
    setup
        .binary
        .as_deref()
        .unwrap_or_else(|| panic!("the built-in server needs `PeerBuilder::binary`"))
}

fn config(setup: &Setup) -> String {
    let (state, key) = (setup.data().join("state"), setup.conf("key"));
    let followers: Vec<String> = setup.followers.iter().map(|f| format!("\"{f}\"")).collect();
    let mut text = format!(
        "[cell]\nname = \"peer\"\nstate = \"{}\"\n\n[server.local]\ntype = \"builtin\"\naddress = \"{}\"\n\
         key-file = \"{}\"\nfollowers = [{}]\n",
        state.display(),
        setup.port.addr(),
        key.display(),
        followers.join(", ")
    );
    for zone in &setup.zones {
        let (name, content) = (&zone.name, setup.zone_file(&zone.name));
        let _ = write!(
            text,
            "\n[zone.\"{name}\"]\ncontent = \"{}\"\nservers = [\"local\"]\nown = [\"**\"]\ncritical = []\n\
             \n[zone.\"{name}\".limits]\ndelete = {{ count = 1 }}\nchange = {{ count = 1 }}\ncreate = {{ count = 1 }}\n",
            content.display()
        );
    }
    text
}

/// Of a line of a zone file whose every line is whole: name, TTL, class, type, data.
fn is_soa(line: &str) -> bool {
    line.split_whitespace().nth(3) == Some("SOA")
}

/// Brings the zones' records, as whoever holds the key does.
#[track_caller]
pub(crate) fn fill(peer: &Peer) {
    let setup = peer.setup();
    for zone in &setup.zones {
        let text = run(Command::new(program("named-compilezone"))
            .args(["-q", "-i", "none", "-k", "ignore", "-s", "full", "-o", "-"])
            .arg(&zone.name)
            .arg(setup.zone_file(&zone.name)));
        let records: Vec<&str> = text.lines().filter(|l| !is_soa(l)).collect();
        for some in records.chunks(AT_ONCE) {
            let lines: Vec<String> = some.iter().map(|r| format!("update add {r}")).collect();
            let lines = format!("zone {}\n{}", zone.name, lines.join("\n"));
            let output = nsupdate(peer.addr(), &["-v", "-t", "5"], peer.key_file(), &lines);
            let log = peer.log_tail();
            assert!(output.status.success(), "{lines}: {output:?}\n{log}");
        }
    }
}
