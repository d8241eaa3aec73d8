//! What is on disk survives what happens to processes and disks.

use crate::rig::{Folder, Running, Upstream};
use peers::{Behaviour, rounds};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// What happens to a file.
type Damage = fn(&mut Vec<u8>);

fn name(n: usize) -> String {
    format!("n{n}.example.com")
}

#[track_caller]
fn answers(running: &Running, n: usize) {
    let address = format!("192.0.2.{n}");
    assert_eq!(
        running.ask(&name(n)).data("A"),
        [address],
        "{}",
        running.said()
    );
}

#[test]
fn kill_dash_nine_during_a_blackout_loses_nothing() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    for round in 0..rounds("kills of the resolver", 50) as usize {
        upstream.is(Behaviour::Forward);
        let first = Running::pinned(&upstream, &folder);
        // Another set each time, so that each kill comes upon a store that is written to.
        let set: Vec<usize> = (0..10).map(|i| (round * 7 + i) % 50).collect();
        for n in &set {
            answers(&first, *n);
        }
        std::thread::sleep(Duration::from_millis(20 + 7 * round as u64 % 50));
        first.kill();
        upstream.is(match round % 3 {
            0 => Behaviour::Silent,
            1 => Behaviour::Rcode(2),
            _ => Behaviour::Garbage,
        });
        let second = Running::pinned(&upstream, &folder);
        for n in set {
            answers(&second, n);
        }
        second.kill();
    }
}

#[test]
fn a_damaged_entry_is_dropped_and_told_and_the_rest_serves() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let first = Running::pinned(&upstream, &folder);
    (0..20).for_each(|n| answers(&first, n));
    assert_eq!(first.end(), 0);
    upstream.is(Behaviour::Silent);
    let path = folder.path().join("last-known-good");
    let whole = std::fs::read(&path).unwrap();
    let damage: [(&str, Damage); 4] = [
        ("flipped", |octets| {
            let at = octets.len() / 2;
            octets[at] ^= 0x55;
        }),
        ("cut", |octets| octets.truncate(octets.len() - 30)),
        ("zeros", |octets| {
            octets.splice(100..180, [0; 80]).for_each(drop)
        }),
        ("longer", |octets| octets.extend([0xff; 100])),
    ];
    for (what, damage) in damage {
        let mut octets = whole.clone();
        damage(&mut octets);
        std::fs::write(&path, octets).unwrap();
        let running = Running::pinned(&upstream, &folder);
        running.until_said("are damaged and dropped");
        let good = (0..20)
            .filter(|n| !running.ask(&name(*n)).data("A").is_empty())
            .count();
        assert!((16..=20).contains(&good), "{what}: {good} of 20");
        running.kill();
        // It was put right: nothing is damaged the next time.
        let again = Running::pinned(&upstream, &folder);
        assert!(
            !again.said().contains("damaged"),
            "{what}: {}",
            again.said()
        );
        again.kill();
    }
}

#[test]
fn a_store_of_another_version_is_put_aside() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let path = folder.path().join("last-known-good");
    std::fs::write(&path, b"sfLKG\0\0\x09and more that nobody knows").unwrap();
    let running = Running::pinned(&upstream, &folder);
    running.until_said("is of another format");
    answers(&running, 3);
    assert_eq!(running.end(), 0);
    let aside = std::fs::read(folder.path().join("last-known-good.unknown")).unwrap();
    assert!(aside.starts_with(b"sfLKG\0\0\x09"));
    upstream.is(Behaviour::Silent);
    answers(&Running::pinned(&upstream, &folder), 3);
}

#[test]
fn a_full_disk_costs_memory_of_the_next_start_and_no_answer() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    // /dev/full takes nothing: writes to what links there fail as on a full disk.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("last-known-good.new")).unwrap();
    let running = Running::pinned(&upstream, &folder);
    running.until_said("cannot be written");
    (0..5).for_each(|n| answers(&running, n));
    upstream.is(Behaviour::Rcode(5));
    std::thread::sleep(Duration::from_millis(2500));
    (0..5).for_each(|n| answers(&running, n));
}

#[test]
fn two_resolvers_do_not_share_a_folder() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let running = Running::pinned(&upstream, &folder);
    let proxy = upstream.proxy.addr().to_string();
    let state = folder.path().to_str().unwrap();
    let reserved = peers::Port::reserve();
    let free = reserved.addr().to_string();
    let words = [
        "resolver",
        "--listen",
        &free,
        "--upstream",
        &proxy,
        "--state",
        state,
    ];
    let second = crate::rig::steadfast(&words);
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("another resolver uses it"), "{text}");
    answers(&running, 1);
}

/// A folder that can be read but not written to: what is remembered serves, new answers serve, and it
/// is told.
#[test]
fn a_folder_that_is_read_only_is_told_and_costs_no_answer() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let first = Running::pinned(&upstream, &folder);
    (0..5).for_each(|n| answers(&first, n));
    assert_eq!(first.end(), 0);
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let _ = std::fs::remove_file(folder.path().join("lock"));
    mode(&folder.path().join("last-known-good"), 0o444);
    mode(folder.path(), 0o555);
    let bin = Folder::new();
    let words = crate::rig::pinned(&upstream, &folder);
    let words = words.each_ref().map(String::as_str);
    upstream.is(Behaviour::Silent);
    let second = Running::of(as_nobody(&bin), &words);
    second.until_said("resolving on");
    (0..5).for_each(|n| answers(&second, n));
    upstream.is(Behaviour::Forward);
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while second.ask(&name(9)).data("A").is_empty() {
        assert!(std::time::Instant::now() < end, "{}", second.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    second.until_said("cannot be written: ");
    second.until_said("no control socket in ");
    assert_eq!(second.end(), 0);
    mode(folder.path(), 0o755);
}

/// The binary, run by somebody whom permissions bind: by root they are not asked.
fn as_nobody(bin: &Folder) -> Command {
    let binary = env!("CARGO_BIN_EXE_steadfast");
    if !rustix::process::getuid().is_root() {
        return Command::new(binary);
    }
    // Where it was built, nobody may not be allowed to look.
    let copy = bin.path().join("steadfast");
    if !copy.exists() {
        std::fs::copy(binary, &copy).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(copy);
    command
}
