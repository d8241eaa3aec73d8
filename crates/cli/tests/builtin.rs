//! The built-in server behind the config: the same commands, the same fence.

#![allow(clippy::unwrap_used)]

use peers::Port;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use steadfast::builtin;
use steadfast::site::Site;

const ZONE: &str = "\
$ORIGIN dev.test.
$TTL 60
@    SOA ns1 hostmaster 1 3600 600 86400 5
@    NS  ns1
ns1  A   127.0.0.1
www  A   192.0.2.10
";

/// A folder with a config, and its server's port for as long.
struct Folder(
    PathBuf,
    #[expect(dead_code, reason = "nobody else gets the port")] Port,
);

impl Folder {
    fn new(name: &str) -> (Folder, SocketAddr) {
        let path = std::env::temp_dir().join(format!("steadfast-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let reserved = Port::reserve();
        let address = reserved.addr();
        let config = format!(
            "[cell]\nname = \"test\"\nstate = \"state\"\n\n[zone.\"dev.test\"]\ncontent = \"dev.test.zone\"\n\
             servers = [\"local\"]\nown = [\"**\"]\ncritical = [\"www\"]\n\n[zone.\"dev.test\".limits]\n\
             delete = {{ count = 5 }}\nchange = {{ count = 5 }}\ncreate = {{ count = 50 }}\n\n\
             [server.local]\ntype = \"builtin\"\naddress = \"{address}\"\n"
        );
        fs::write(path.join("steadfast.toml"), config).unwrap();
        fs::write(path.join("dev.test.zone"), ZONE).unwrap();
        (Folder(path, reserved), address)
    }

    fn site(&self) -> Site {
        Site::load(&self.0.join("steadfast.toml"))
            .map_err(drop)
            .unwrap()
    }

    /// Runs the binary; fails unless it ends with this code. What it said.
    #[track_caller]
    fn run(&self, code: i32, args: &[&str]) -> String {
        let binary = env!("CARGO_BIN_EXE_steadfast");
        let ended = Command::new(binary)
            .args(args)
            .current_dir(&self.0)
            .output()
            .unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {said}");
        said
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(folder: &Folder) -> Vec<cell::servers::Builtin> {
    let site = folder.site();
    let store = site.store().map_err(drop).unwrap();
    let started = builtin::start_all(&site, &store, |_| {});
    started.map_err(|fail| format!("{:?}", fail.said)).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn an_empty_zone_is_adopted_filled_and_survives_what_is_lost() {
    let (folder, address) = Folder::new("builtin-life");
    assert!(
        folder
            .run(0, &["check"])
            .contains("the built-in server makes it")
    );
    let early = folder.run(2, &["adopt", "dev.test", "--yes"]);
    assert!(early.contains("was not started yet"), "{early}");
    let running = start(&folder);
    assert_eq!(running[0].address(), Some(address));
    let state = folder.0.join("state");
    assert_eq!(mode(&state.join("local.key")), 0o600);
    assert_eq!(mode(&state.join("builtin/local")), 0o700);
    folder.run(0, &["adopt", "dev.test", "--yes"]);
    let planned = folder.run(3, &["plan", "dev.test", "--exit-code"]);
    assert!(planned.contains("www"), "{planned}");
    // It is empty, and this plan is what fills it: nothing is wrong.
    assert!(!planned.contains("standing"), "{planned}");
    folder.run(0, &["apply", "dev.test", "--yes"]);
    folder.run(0, &["plan", "dev.test", "--exit-code"]);
    // A restart with what it kept, and one without: its content comes from the ledger, and the
    // marker is planted again.
    drop(running);
    let running = start(&folder);
    folder.run(0, &["plan", "dev.test", "--exit-code"]);
    drop(running);
    fs::remove_dir_all(state.join("builtin")).unwrap();
    let _running = start(&folder);
    folder.run(0, &["apply", "dev.test", "--yes"]);
    let explained = folder.run(0, &["explain", "www", "--live"]);
    assert!(explained.contains("192.0.2.10"), "{explained}");
    folder.run(0, &["status"]);
}

#[test]
fn a_taken_port_is_told_with_who_has_it() {
    let (folder, address) = Folder::new("builtin-port");
    let _taken = UdpSocket::bind(address).unwrap();
    let site = folder.site();
    let store = site.store().map_err(drop).unwrap();
    let Err(fail) = builtin::start_all(&site, &store, |_| {}) else {
        panic!("it started");
    };
    let said = format!("{:?}", fail.said);
    assert!(said.contains(&format!("{address} is taken by ")), "{said}");
    assert!(
        said.contains(&format!("(process {})", std::process::id())),
        "{said}"
    );
}
