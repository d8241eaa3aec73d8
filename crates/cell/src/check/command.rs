//! A program that somebody wrote: bounded in time, in what is read of it, and in what it leaves.

use super::Limit;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;
use steadfast_core::rollout::{Ask, Reading};

/// What is kept of the output, in octets; the rest is read and thrown away.
const KEPT: usize = 400;
/// How often it is looked whether it ended.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the output's end is waited for after the program's: a child of it may hold it open.
const AFTER: Duration = Duration::from_millis(100);
/// "Temporary failure" (sysexits.h): the program can't say.
const CANT_SAY: i32 = 75;

pub(super) fn run(argv: &[String], ask: &Ask, limit: Limit) -> Reading {
    let Some((program, rest)) = argv.split_first() else {
        return Reading::inconclusive("no program");
    };
    let spawned = Command::new(program)
        .args(rest)
        .env("STEADFAST_STAGE", &ask.stage)
        .env("STEADFAST_SERVERS", ask.servers.join(" "))
        .env("STEADFAST_CONFIGURATION", ask.configuration.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(e) => return Reading::inconclusive(format!("{program}: {e}")),
    };
    let (send, receive) = channel();
    if let Some(mut out) = child.stdout.take() {
        std::thread::spawn(move || drop(send.send(head(&mut out))));
    }
    let ended = has_ended(&child, limit);
    // Before its end is taken in: until then the group's number is its own.
    end_group(&child);
    let status = match child.wait() {
        Ok(status) if ended => status,
        Ok(_) => return Reading::inconclusive(format!("{program}: {}", limit.passed())),
        Err(e) => return Reading::inconclusive(format!("{program}: {e}")),
    };
    let said = receive.recv_timeout(AFTER).unwrap_or_default();
    judge(status, &said)
}

fn judge(status: ExitStatus, said: &str) -> Reading {
    let said = |how: String| match said.is_empty() {
        true => how,
        false => format!("{how}: {said}"),
    };
    match status.code() {
        Some(0) => Reading::pass(said("exit 0".into())),
        Some(CANT_SAY) => Reading::inconclusive(said(format!("exit {CANT_SAY}"))),
        Some(code) => Reading::fail(said(format!("exit {code}"))),
        None => Reading::inconclusive(said("ended by a signal".into())),
    }
}

fn group(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Whether it ended in time. Its end is left to be taken in.
fn has_ended(child: &Child, limit: Limit) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let Some(pid) = group(child) else {
        return false;
    };
    loop {
        if let Ok(Some(_)) = waitid(WaitId::Pid(pid), options) {
            return true;
        }
        match limit.left() {
            Some(left) => std::thread::sleep(left.min(PAUSE)),
            None => return false,
        }
    }
}

/// Ends everything in its group: it may have started something that goes on.
fn end_group(child: &Child) {
    if let Some(pid) = group(child) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// The output's first line or so; all of it is read, so that the program does not wait.
fn head(out: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 8192];
    while let Ok(n @ 1..) = out.read(&mut piece) {
        let room = KEPT.saturating_sub(kept.len()).min(n);
        kept.extend_from_slice(&piece[..room]);
    }
    let text = String::from_utf8_lossy(&kept);
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::time::Instant;
    use steadfast_core::rollout::{Check, Kind, Word};
    use steadfast_core::time::Millis;

    fn shell(script: &str, millis: u64) -> Reading {
        let argv: Vec<String> = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let ask = Ask {
            id: 1,
            stage: "canary".into(),
            servers: vec!["ns1".into()],
            configuration: 7,
            check: Check {
                name: "c".into(),
                every: Millis::seconds(1),
                timeout: Millis(millis),
                fall: 1,
                kind: Kind::Command { argv: argv.clone() },
            },
        };
        run(&argv, &ask, Limit::after(Duration::from_millis(millis)))
    }

    #[test]
    fn the_exit_code_is_what_it_says() {
        let reading = shell(
            "echo $STEADFAST_STAGE $STEADFAST_SERVERS $STEADFAST_CONFIGURATION",
            5_000,
        );
        assert_eq!(
            (reading.word, reading.said.as_str()),
            (Word::Pass, "exit 0: canary ns1 7")
        );
        assert_eq!(
            shell("echo 12 errors; exit 1", 5_000).said,
            "exit 1: 12 errors"
        );
        assert_eq!(shell("exit 1", 5_000).word, Word::Fail);
        assert_eq!(shell("exit 75", 5_000).word, Word::Inconclusive);
        assert_eq!(shell("kill -9 $$", 5_000).word, Word::Inconclusive);
    }

    #[test]
    fn one_that_hangs_floods_or_leaves_children_is_bounded() {
        let began = Instant::now();
        assert_eq!(shell("sleep 60", 300).word, Word::Inconclusive);
        assert_eq!(shell("yes", 300).word, Word::Inconclusive);
        let flood = shell("head -c 50000000 /dev/zero | tr '\\0' x; exit 3", 20_000);
        assert_eq!(flood.word, Word::Fail);
        assert!(flood.said.len() < 2 * KEPT, "{}", flood.said.len());
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_it_started_ends_with_it() {
        let reading = shell("sleep 61 >/dev/null & echo $!", 5_000);
        assert_eq!(reading.word, Word::Pass);
        let pid = reading.said.rsplit(' ').next().unwrap().to_owned();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.map_or(true, |text| text.contains(") Z "))
        };
        let until = Instant::now() + Duration::from_secs(5);
        while !gone() {
            assert!(Instant::now() < until, "process {pid} lives");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
