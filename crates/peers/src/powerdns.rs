//! PowerDNS Authoritative 4.7 with the SQLite backend: `pdns_server`, `pdnsutil`, `sqlite3`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::builder::Mode;
use crate::flavour::{Flavour, Setup};
use crate::kind::program;
use crate::process::run;
use crate::scratch::{must, write};

/// The schema as Debian installs it.
const SCHEMA: &str = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/// The ways of PowerDNS. Unless asked for, its caches are off: it answers what its database holds.
pub(crate) struct PowerDns;

impl Flavour for PowerDns {
    fn configure(&self, setup: &Setup) {
        write(&setup.conf("pdns.conf"), &config(setup));
    }

    fn first_data(&self, setup: &Setup) {
        must(fs::create_dir_all(setup.data()), "make", &setup.data());
        let schema = must(fs::read_to_string(SCHEMA), "read", Path::new(SCHEMA));
        sql(setup, &schema);
        for zone in &setup.zones {
            let file = setup.zone_file(&zone.name);
            write(&file, &zone.text);
            pdnsutil(
                setup,
                &[
                    OsString::from("load-zone"),
                    OsString::from(&zone.name),
                    file.into(),
                ],
            );
            if zone.mode != Mode::Plain {
                pdnsutil(setup, &["secure-zone", &zone.name].map(OsString::from));
            }
        }
        sql(setup, &grants(setup));
    }

    fn argv(&self, setup: &Setup) -> Vec<OsString> {
        vec![program("pdns_server").into(), config_dir(setup)]
    }

    /// Followers stand in the database, which the server asks each time. Without NOTIFY-DNSUPDATE
    /// they are told of an update when the server next looks at its zones, after up to a minute.
    fn reconfigure(&self, setup: &Setup) {
        let mut text = String::from(
            "DELETE FROM domainmetadata WHERE kind IN ('ALSO-NOTIFY', 'NOTIFY-DNSUPDATE');
INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, 'NOTIFY-DNSUPDATE', '1' FROM domains;
",
        );
        for follower in &setup.followers {
            let _ = writeln!(
                text,
                "INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, 'ALSO-NOTIFY', '{follower}' FROM domains;"
            );
        }
        sql(setup, &text);
    }

    fn freeze(&self, _: &Setup, zone: &str) {
        panic!("{zone}: PowerDNS cannot freeze a zone");
    }

    fn thaw(&self, _: &Setup, zone: &str) {
        panic!("{zone}: PowerDNS cannot freeze a zone");
    }

    /// `pdnsutil load-zone` replaces the records; a signed zone stays signed.
    fn reload_from(&self, setup: &Setup, zone: &str, text: &str) {
        let file = setup.zone_file(zone);
        write(&file, text);
        pdnsutil(
            setup,
            &[
                OsString::from("load-zone"),
                OsString::from(zone),
                file.into(),
            ],
        );
        if setup
            .zones
            .iter()
            .any(|known| known.name == zone && known.mode != Mode::Plain)
        {
            pdnsutil(setup, &["rectify-zone", zone].map(OsString::from));
        }
    }
}

fn config_dir(setup: &Setup) -> OsString {
    let mut option = OsString::from("--config-dir=");
    option.push(setup.conf(""));
    option
}

fn pdnsutil(setup: &Setup, verb: &[OsString]) {
    run(Command::new(program("pdnsutil"))
        .arg(config_dir(setup))
        .args(verb));
}

fn sql(setup: &Setup, text: &str) {
    let script = setup.conf("script.sql");
    write(&script, text);
    let read = format!(".read '{}'", script.display());
    // The server may be writing: wait for it instead of failing.
    let database = setup.data().join("pdns.sqlite3");
    run(Command::new(program("sqlite3"))
        .args(["-bail", "-cmd", ".timeout 5000"])
        .arg(database)
        .arg(read));
}

/// The key, and what it allows in every zone.
fn grants(setup: &Setup) -> String {
    let mut text = format!(
        "BEGIN;\nUPDATE domains SET type = 'MASTER';\nINSERT INTO tsigkeys (name, algorithm, secret) VALUES ('{}', 'hmac-sha256', '{}');\n",
        setup.key.name, setup.key.secret
    );
    for right in ["TSIG-ALLOW-DNSUPDATE", "TSIG-ALLOW-AXFR"] {
        let _ = writeln!(
            text,
            "INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, '{right}', '{}' FROM domains;",
            setup.key.name
        );
    }
    text + "COMMIT;\n"
}

fn config(setup: &Setup) -> String {
    format!(
        "launch=gsqlite3
gsqlite3-database={data}/pdns.sqlite3
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port={port}
socket-dir={run}
daemon=no
guardian=no
setuid=
setgid=
primary=yes
only-notify=
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
allow-axfr-ips={transfer}
cache-ttl={cache}
query-cache-ttl={cache}
negquery-cache-ttl={cache}
zone-cache-refresh-interval=0
zone-metadata-cache-ttl=0
receiver-threads=1
distributor-threads=1
security-poll-suffix=
disable-syslog=yes
loglevel=5
",
        data = setup.data().display(),
        cache = setup.cache,
        run = setup.run().display(),
        port = setup.port.number(),
        transfer = if setup.open_transfer {
            "127.0.0.0/8"
        } else {
            ""
        },
    )
}
