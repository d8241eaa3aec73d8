//! I10: nothing of Steadfast's own needs a name.

use crate::site::{Site, ZONE, a, binary, start};
use peers::{Kind, Mode};
use std::fs;
use std::process::Command;

const FIRST: &str = "www 60 A 192.0.2.1\n";

/// `resolv.conf` points at a closed port, in a mount namespace of the process alone.
#[test]
fn adopt_plan_and_apply_work_without_a_resolver() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::new(&peer, FIRST);
    let resolver = site.dir.join("resolv.conf");
    fs::write(
        &resolver,
        "nameserver 127.0.0.254\noptions timeout:1 attempts:1\n",
    )
    .unwrap();
    let blind = |args: &[&str]| {
        let script = "mount --bind \"$1\" /etc/resolv.conf && cmp -s \"$1\" /etc/resolv.conf || { echo no-namespace; exit 99; }; shift; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", script, "sh"]);
        command
            .arg(&resolver)
            .arg(binary())
            .args(args)
            .current_dir(&site.dir);
        let ended = site.start(&mut command).ended();
        assert!(
            ended.code != Some(99) && !ended.said.contains("unshare:"),
            "no private mount namespace here, so nothing is shown: {}",
            ended.said
        );
        ended
    };
    blind(&["adopt", ZONE]).expect(0);
    site.wants("www 60 A 192.0.2.2\n");
    blind(&["plan", ZONE, "--exit-code"]).expect(3);
    blind(&["apply", ZONE, "--yes"]).expect(0);
    assert_eq!(a(&peer, "www"), ["192.0.2.2"]);
    blind(&["plan", ZONE, "--exit-code"]).expect(0);
}
