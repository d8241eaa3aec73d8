//! `resolver check` tells who validates, without the Internet: a zone that is signed here, in which one
//! record was changed after the signature.

use crate::rig::{Folder, Running, Upstream, steadfast};
use peers::{Kind, Peer, PeerBuilder, Port, Program, zone_text};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ZONE: &str = "signed.example";

/// An Unbound before the zone's server. It is killed when this is dropped.
struct Unbound {
    child: Child,
    addr: String,
    _port: Port,
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn output(dir: &Path, words: &[&str]) -> String {
    let (program, args) = words.split_first().unwrap();
    let ended = Command::new(program)
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{words:?}: {ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// The server of the zone, and the file of the key that signs its keys.
fn signed(dir: &Path) -> (Peer, String) {
    let text = zone_text(ZONE, "good 60 A 192.0.2.1\nbad 60 A 192.0.2.66\n");
    std::fs::write(dir.join("zone"), text).unwrap();
    let make = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256"];
    let key = output(dir, &[&make[..], &["-f", "KSK", ZONE]].concat());
    output(dir, &[&make[..], &[ZONE]].concat());
    output(
        dir,
        &["dnssec-signzone", "-S", "-o", ZONE, "-f", "signed", "zone"],
    );
    let signed = std::fs::read_to_string(dir.join("signed")).unwrap();
    let broken = signed.replace("192.0.2.66", "192.0.2.67");
    assert_ne!(signed, broken);
    let peer = PeerBuilder::new(Kind::Bind).zone(ZONE, &broken).start();
    (peer, format!("{}/{}.key", dir.display(), key.trim()))
}

fn unbound(dir: &Path, peer: &Peer, modules: &str, more: &str) -> Unbound {
    let program = Program("unbound", "unbound")
        .find()
        .expect("apt-get install unbound");
    let port = Port::reserve();
    let (number, at) = (port.number(), peer.addr().port());
    let conf = dir.join(format!("unbound-{number}"));
    let text = format!(
        "server:\n  interface: 127.0.0.1@{number}\n  username: \"\"\n  chroot: \"\"\n  directory: \"{}\"\n  pidfile: \"\"\n  use-syslog: no\n  \
         do-not-query-localhost: no\n  module-config: \"{modules}\"\n  {more}\n\
         stub-zone:\n  name: \"{ZONE}\"\n  stub-addr: 127.0.0.1@{at}\nremote-control:\n  control-enable: no\n",
        dir.display()
    );
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    let child = command
        .arg("-d")
        .arg("-c")
        .arg(&conf)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let addr = port.addr();
    let end = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(addr).is_err() {
        assert!(
            Instant::now() < end,
            "Unbound does not start: {}",
            conf.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Unbound {
        child,
        addr: addr.to_string(),
        _port: port,
    }
}

fn checked(addr: &str) -> String {
    let (good, bad) = (format!("good.{ZONE}"), format!("bad.{ZONE}"));
    let output = steadfast(&["resolver", "check", addr, "--name", &good, "--broken", &bad]);
    let page = String::from_utf8(output.stdout).unwrap();
    let line = page.lines().find(|line| line.contains(" AD "));
    line.unwrap_or_else(|| panic!("{page}")).trim().to_owned()
}

#[test]
fn check_tells_who_validates_and_who_does_not() {
    let folder = Folder::new();
    let (peer, key) = signed(folder.path());
    let anchor = format!("trust-anchor-file: \"{key}\"");
    let validates = unbound(folder.path(), &peer, "validator iterator", &anchor);
    let line = checked(&validates.addr);
    assert!(
        line.starts_with("+ AD ") && line.contains("it validates"),
        "{line}"
    );
    let plain = unbound(folder.path(), &peer, "iterator", "");
    let line = checked(&plain.addr);
    assert!(
        line.starts_with("~ AD ") && line.contains("does not validate"),
        "{line}"
    );
}

/// Where the broken name cannot be reached, it says so, and claims nothing.
#[test]
fn what_cannot_be_judged_is_said() {
    let upstream = Upstream::new();
    let running = Running::start(&["--upstream", &upstream.proxy.addr().to_string()]);
    let addr = running.addr.to_string();
    let output = steadfast(&["resolver", "check", &addr, "--name", "n1.example.com"]);
    let page = String::from_utf8(output.stdout).unwrap();
    let line = page.lines().find(|line| line.contains(" AD ")).unwrap();
    assert!(
        line.trim().starts_with("~ AD ") && line.contains("not judged: "),
        "{page}"
    );
}
