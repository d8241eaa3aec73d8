//! BIND 9.18: `named` and `rndc`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::builder::Mode;
use crate::flavour::{Flavour, Setup, ZoneSetup};
use crate::kind::program;
use crate::process::run;
use crate::scratch::{must, write};

/// The ways of BIND.
pub(crate) struct Bind;

impl Flavour for Bind {
    fn configure(&self, setup: &Setup) {
        write(&setup.conf("rndc.key"), &setup.control_key.file_text());
        let mut text = setup.control_key.file_text() + &setup.key.file_text();
        text += &options(setup);
        for zone in &setup.zones {
            text += &match setup.primary {
                None => primary_zone(setup, zone),
                Some(_) => secondary_zone(setup, zone),
            };
        }
        write(&setup.conf("named.conf"), &text);
    }

    fn first_data(&self, setup: &Setup) {
        setup.write_zones("keys");
    }

    fn argv(&self, setup: &Setup) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec![program("named").into()];
        argv.extend(["-g", "-4", "-n", "1", "-c"].map(OsString::from));
        argv.push(setup.conf("named.conf").into());
        argv
    }

    fn reconfigure(&self, setup: &Setup) {
        rndc(setup, &["reconfig"]);
    }

    fn freeze(&self, setup: &Setup, zone: &str) {
        rndc(setup, &["freeze", zone]);
    }

    fn thaw(&self, setup: &Setup, zone: &str) {
        rndc(setup, &["thaw", zone]);
    }

    /// `freeze`, which writes the journal into the file; a new file and no journal; `thaw`, which
    /// loads it.
    fn reload_from(&self, setup: &Setup, zone: &str, text: &str) {
        rndc(setup, &["freeze", zone]);
        let file = setup.zone_file(zone);
        let journal = file.with_extension("zone.jnl");
        if journal.exists() {
            wait_for_dump(setup, zone, &file);
            must(fs::remove_file(&journal), "remove", &journal);
        }
        write(&file, text);
        rndc(setup, &["thaw", zone]);
    }
}

/// Waits until the zone file has the zone's serial. `rndc freeze` returns before the file is
/// written: a file put in its place at once would be overwritten.
#[track_caller]
fn wait_for_dump(setup: &Setup, zone: &str, file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = rndc(setup, &["zonestatus", zone]);
        let serial = status
            .lines()
            .find_map(|line| line.strip_prefix("serial: "));
        if serial.is_some() && serial == dumped_serial(file).as_deref() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "BIND did not write {}",
            file.display()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// The serial in a zone file as BIND writes it: the first line that ends in `; serial`.
fn dumped_serial(file: &Path) -> Option<String> {
    let lines = BufReader::new(File::open(file).ok()?).lines().take(10);
    let line = lines
        .map_while(Result::ok)
        .find(|line| line.ends_with("; serial"))?;
    line.split_whitespace().next().map(str::to_owned)
}

#[track_caller]
fn rndc(setup: &Setup, verb: &[&str]) -> String {
    let key = setup.conf("rndc.key");
    let port = setup.control.number().to_string();
    run(Command::new(program("rndc"))
        .args(["-s", "127.0.0.1", "-p", &port, "-k"])
        .arg(key)
        .args(verb))
}

/// Global options: loopback only, no recursion, and nothing that would make `named` ask anybody
/// (trust anchors, empty zones, parental agents). Limits that operators meet stay at their defaults.
fn options(setup: &Setup) -> String {
    let delay = if setup.default_notify_delay {
        ""
    } else {
        "notify-delay 0;"
    };
    format!(
        r#"options {{
    directory "{data}"; key-directory "{data}/keys"; managed-keys-directory "{data}/keys";
    pid-file none; lock-file none; session-keyfile none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; trust-anchor-telemetry no; empty-zones-enable no;
    allow-query {{ any; }}; allow-notify {{ 127.0.0.0/8; }};
    notify no; {delay}
}};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "{control_key}"; }}; }};
"#,
        data = setup.data().display(),
        port = setup.port.number(),
        control = setup.control.number(),
        control_key = setup.control_key.name,
    )
}

fn primary_zone(setup: &Setup, zone: &ZoneSetup) -> String {
    let signing = match zone.mode {
        Mode::Plain => "",
        Mode::Signed => "dnssec-policy default; inline-signing no;",
        Mode::InlineSigned => "dnssec-policy default; inline-signing yes;",
    };
    let loopback = if setup.open_transfer {
        "127.0.0.0/8;"
    } else {
        ""
    };
    let mut followers = String::new();
    for follower in &setup.followers {
        let _ = write!(followers, "{} port {};", follower.ip(), follower.port());
    }
    let notify = if followers.is_empty() {
        String::new()
    } else {
        format!("notify explicit; also-notify {{ {followers} }};")
    };
    format!(
        r#"zone "{name}" {{
    type primary; file "{file}"; {signing} {notify}
    allow-update {{ key "{key}"; }}; allow-transfer {{ key "{key}"; {loopback} }};
}};
"#,
        name = zone.name,
        file = setup.zone_file(&zone.name).display(),
        key = setup.key.name,
    )
}

fn secondary_zone(setup: &Setup, zone: &ZoneSetup) -> String {
    let Some(primary) = setup.primary else {
        return String::new();
    };
    format!(
        r#"zone "{name}" {{
    type secondary; file "{file}"; masterfile-format text;
    primaries {{ {ip} port {port} key "{key}"; }}; allow-transfer {{ key "{key}"; 127.0.0.0/8; }};
}};
"#,
        name = zone.name,
        file = setup.zone_file(&zone.name).display(),
        ip = primary.ip(),
        port = primary.port(),
        key = setup.key.name,
    )
}
