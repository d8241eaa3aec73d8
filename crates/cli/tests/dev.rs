//! `steadfast dev`, driven as people drive it: two terminals.

#![allow(clippy::unwrap_used)]

#[path = "kit/mod.rs"]
mod kit;

use kit::{Process, binary};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

struct Dev {
    folder: PathBuf,
    process: Option<Process>,
}

impl Dev {
    fn start(name: &str) -> Dev {
        let folder = std::env::temp_dir().join(format!("sf-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut dev = Dev {
            folder,
            process: None,
        };
        dev.begin();
        dev
    }

    fn begin(&mut self) {
        let mut command = Command::new(binary());
        command.arg("dev").current_dir(&self.folder);
        let process = Process::start(&mut command, self.folder.join("log"));
        let end = Instant::now() + Duration::from_secs(60);
        while !process.said().contains("Ctrl-C") {
            assert!(Instant::now() < end, "{}", process.said());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process = Some(process);
    }

    /// The second terminal.
    #[track_caller]
    fn ask(&self, code: i32, args: &[&str]) -> String {
        let mut command = Command::new(binary());
        let ended = command
            .args(args)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    /// Ctrl-C. What it told.
    fn end(&mut self) -> String {
        let process = self.process.take().unwrap();
        let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        process.ended().expect(0).said
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.process = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Answers counted and empty ones, of the line that says so.
fn counted(said: &str) -> (u64, u64) {
    let line = said
        .lines()
        .find(|l| l.contains(" answers for www"))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let empty = words.iter().position(|w| w.starts_with("empty")).unwrap();
    (words[0].parse().unwrap(), words[empty - 1].parse().unwrap())
}

/// The first run, as a reader of the README sees it.
#[test]
fn october_with_the_fence_and_without_it() {
    let mut dev = Dev::start("october");
    assert_eq!(mode(&dev, ""), 0o700);
    assert_eq!(mode(&dev, "state/local.key"), 0o600);
    let fenced = dev.ask(0, &["dev", "october"]);
    let (answers, empty) = counted(&fenced);
    assert!(answers > 500 && empty == 0, "{fenced}");
    let careless = dev.ask(0, &["dev", "october", "--careless"]);
    let (answers, empty) = counted(&careless);
    assert!(answers > 500 && empty > 100, "{careless}");
    // Both left the zone as the file says, and every other command works in the folder.
    let config = ".steadfast-dev/steadfast.toml";
    dev.ask(0, &["-c", config, "plan", "dev.test", "--exit-code"]);
    let status = dev.ask(0, &["-c", config, "status"]);
    assert!(status.contains("\ndaemon: process "), "{status}");
    dev.ask(0, &["-c", config, "log", "verify"]);
    let again = dev.ask(0, &["dev", "october"]);
    assert_eq!(counted(&again).1, 0, "{again}");
    let story = dev.end();
    let transcript = format!(
        "$ steadfast dev\n{}\n$ steadfast dev october\n{fenced}\n$ steadfast dev october --careless\n{careless}",
        story.split_inclusive("Ctrl-C\n").next().unwrap()
    );
    assert!(
        story.contains(&fenced) && story.contains(&careless),
        "{story}"
    );
    let lines = transcript.lines().filter(|l| !l.starts_with(" ports"));
    let lines: Vec<String> = lines.map(redacted).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// A line without what differs from run to run: ports, counts, times.
fn redacted(line: &str) -> String {
    let counts = line.contains(" answers for www") || line.contains("(ledger ");
    let port = |word: &str| word.parse::<u16>().is_ok_and(|port| port >= 5300);
    let word = |word: &str| {
        let number = word.trim_matches(['(', ')', ':']);
        match (number.parse::<f64>(), word.split_once("127.0.0.1:")) {
            (Ok(n), _) if counts && n > 0.0 || port(word) => word.replace(number, "N"),
            (_, Some((before, _))) => format!("{before}127.0.0.1:N"),
            _ => word.to_owned(),
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A target dies: fails are counted, the enactors take it out, the server answers without it. A
/// second one is too much at once. What comes back is answered again.
#[test]
fn a_region_dies_and_comes_back() {
    let mut dev = Dev::start("region");
    let stopped = dev.ask(0, &["dev", "stop", "eu-west"]);
    for words in [
        "eu-west fails 1 of 3: connection refused",
        "eu-west fails 3 of 3",
        "2/1: - api.dev.test A 127.0.2.2   (2 of 3 stay; floor 2)",
        "every server answers without it",
    ] {
        assert!(stopped.contains(words), "{words:?}: {stopped}");
    }
    let held = dev.ask(0, &["dev", "stop", "us-east"]);
    assert!(held.contains("the checker is distrusted"), "{held}");
    let back = dev.ask(0, &["dev", "start", "eu-west"]);
    assert!(
        back.contains("2/2: + api.dev.test A 127.0.2.2   (3 of 3 stay; floor 2)"),
        "{back}"
    );
    assert!(back.contains("every server answers with it"), "{back}");
    let config = ".steadfast-dev/steadfast.toml";
    dev.ask(0, &["-c", config, "plan", "dev.test", "--exit-code"]);
    dev.end();
}

/// Ctrl-C while a second terminal waits for what follows, which takes seconds: both end at once.
#[test]
fn ctrl_c_does_not_wait_for_what_a_second_terminal_asked_for() {
    let mut dev = Dev::start("ctrl-c");
    let mut command = Command::new(binary());
    command.args(["dev", "stop", "eu-west"]);
    command.current_dir(&dev.folder);
    let mut second = Process::start(&mut command, dev.folder.join("second"));
    second.wait_says("eu-west stops");
    let began = Instant::now();
    let story = dev.end();
    let took = began.elapsed();
    let said = second.ended().expect(1).said;
    assert!(said.contains("was told to stop"), "{said}");
    assert!(!said.contains("fails 3 of 3"), "it was over before: {said}");
    assert!(took < Duration::from_secs(10), "{took:?}: {story}");
}

#[test]
fn one_folder_has_one_dev_and_it_comes_back_as_it_was() {
    let mut dev = Dev::start("again");
    let second = dev.ask(1, &["dev"]);
    assert!(
        second.contains("runs in .steadfast-dev already: process "),
        "{second}"
    );
    let status = dev.ask(0, &["dev", "status"]);
    assert!(
        status.contains("us-east ✓  eu-west ✓  ap-south ✓"),
        "{status}"
    );
    let before = status
        .lines()
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let story = dev.end();
    assert!(
        story.ends_with("stopped; state stays in .steadfast-dev/\n"),
        "{story}"
    );
    let nobody = dev.ask(1, &["dev", "status"]);
    assert!(nobody.contains("no `steadfast dev` runs"), "{nobody}");
    dev.begin();
    let status = dev.ask(0, &["dev", "status"]);
    assert!(
        status.lines().next().unwrap().ends_with(&before),
        "{status}"
    );
    let unknown = dev.ask(1, &["dev", "stop", "mars"]);
    assert!(unknown.contains("us-east, eu-west, ap-south"), "{unknown}");
    dev.end();
}

/// Another `dev` has the usual ports: this one says so, and takes others.
#[test]
fn a_taken_port_is_told_and_another_taken() {
    let (mut one, mut two) = (Dev::start("port1"), Dev::start("port2"));
    let said = two.process.as_ref().unwrap().said();
    let taken = said
        .lines()
        .filter(|l| l.contains("is taken by steadfast (process "));
    assert!(taken.count() >= 2, "{said}");
    two.ask(0, &["dev", "status"]);
    one.end();
    two.end();
}

fn mode(dev: &Dev, path: &str) -> u32 {
    let path = dev.folder.join(".steadfast-dev").join(path);
    path.metadata().unwrap().permissions().mode() & 0o777
}
