//! A program that somebody wrote: bounded in time, in what is read of it, and in what it leaves.

use crate::limit::Limit;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// What is kept of the output, in octets; the rest is read and thrown away.
const KEPT: usize = 400;
/// How often it is looked whether it ended.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the output's end is waited for after the program's: a child of it may hold it open.
const AFTER: Duration = Duration::from_millis(100);

/// Runs it until it ends, or the limit does; then it is ended, and everything that it started with
/// it. `input` is what it reads on standard input: no more than a pipe holds is of use, where it
/// does not read. Returns how it ended, and the head of what it wrote to standard output.
///
/// # Errors
/// It can't be started, or did not end in time.
pub(crate) fn run(
    argv: &[String],
    environment: &[(&str, String)],
    input: Option<Vec<u8>>,
    limit: Limit,
) -> Result<(ExitStatus, String), String> {
    let (program, rest) = argv.split_first().ok_or("no program")?;
    let said = |e: std::io::Error| format!("{program}: {e}");
    let stdin = match input {
        Some(_) => Stdio::piped(),
        None => Stdio::null(),
    };
    let mut child = Command::new(program)
        .args(rest)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn()
        .map_err(said)?;
    if let (Some(mut stdin), Some(octets)) = (child.stdin.take(), input) {
        // It may end without having read it; how it ends says what that means.
        std::thread::spawn(move || drop(stdin.write_all(&octets)));
    }
    let (send, receive) = channel();
    if let Some(mut out) = child.stdout.take() {
        std::thread::spawn(move || drop(send.send(head(&mut out))));
    }
    let ended = has_ended(&child, limit);
    // Before its end is taken in: until then the group's number is its own.
    end_group(&child);
    let status = child.wait().map_err(said)?;
    if !ended {
        return Err(format!("{program}: {}", limit.passed()));
    }
    Ok((status, receive.recv_timeout(AFTER).unwrap_or_default()))
}

/// How it ended and what it said, for people.
pub(crate) fn shown(status: ExitStatus, said: &str) -> String {
    let how = match status.code() {
        Some(code) => format!("exit {code}"),
        None => "ended by a signal".to_owned(),
    };
    match said.is_empty() {
        true => how,
        false => format!("{how}: {said}"),
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
