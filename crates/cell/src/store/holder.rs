//! Who holds the store's lock, as far as /proc can say.
//!
//! redb's locks belong to open files, not to processes, so /proc/locks names no process. But
//! /proc/PID/fdinfo/FD lists the locks of that open file, for the processes of this user.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One process that holds a lock on the store which others have to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// True when it is stopped (SIGSTOP, a debugger, Ctrl-Z).
    pub stopped: bool,
}

/// The processes found; empty when /proc does not show them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders(pub Vec<Holder>);

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "which one is not visible from here; `ps -eo pid,stat,cmd | grep steadfast` shows a stopped one as T; continue it with `kill -CONT PID` or end it with `kill -KILL PID`, which loses nothing acknowledged",
            );
        }
        for (nth, holder) in self.0.iter().enumerate() {
            let Holder { pid, name, stopped } = holder;
            let between = if nth == 0 { "" } else { "; " };
            if *stopped {
                write!(
                    f,
                    "{between}pid {pid} ({name}) is stopped while holding it: continue it with `kill -CONT {pid}` or end it with `kill -KILL {pid}`, which loses nothing acknowledged"
                )?;
            } else {
                write!(
                    f,
                    "{between}pid {pid} ({name}) is writing: repeat the command, or look at that process"
                )?;
            }
        }
        Ok(())
    }
}

/// Looks through /proc for processes with a lock on `store` that others wait for. Best effort: processes of
/// other users stay unseen, and so does everything where there is no /proc.
pub(super) fn find(store: &Path) -> Holders {
    let Ok(file) = fs::metadata(store) else {
        return Holders::default();
    };
    let Ok(processes) = fs::read_dir("/proc") else {
        return Holders::default();
    };
    let pids = processes.flatten().filter_map(|entry| {
        entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
    });
    Holders(
        pids.filter(|pid| *pid != std::process::id())
            .filter(|pid| holds_up(*pid, &file))
            .map(describe)
            .collect(),
    )
}

fn holds_up(pid: u32, file: &fs::Metadata) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.flatten().any(|entry| {
        let same = fs::metadata(entry.path())
            .is_ok_and(|other| other.dev() == file.dev() && other.ino() == file.ino());
        same && entry.file_name().to_str().is_some_and(|fd| {
            fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}"))
                .is_ok_and(|info| info.lines().any(is_waited_for))
        })
    })
}

/// A line such as `lock: 1: OFDLCK ADVISORY WRITE -1 fe:00:1234 4611686018427387904 …`: an
/// exclusive lock, or a shared one on the header at the beginning of the file. Every process that
/// has the store open holds shared locks far above that; nobody waits for those.
fn is_waited_for(line: &str) -> bool {
    const ABOVE_ANY_FILE: u64 = 1 << 62;
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["lock:", _, kind, _, mode, _, _, first, ..] = words.as_slice() else {
        return false;
    };
    let in_header = first
        .parse::<u64>()
        .is_ok_and(|first| first < ABOVE_ANY_FILE);
    *mode == "WRITE" || (*kind == "OFDLCK" && in_header)
}

fn describe(pid: u32) -> Holder {
    // `pid (name) state …`; the name may hold spaces and parentheses.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (before, after) = stat.rsplit_once(')').unwrap_or(("", ""));
    let name = before.split_once('(').map_or("?", |(_, name)| name);
    let stopped = matches!(after.trim_start().chars().next(), Some('T' | 't'));
    Holder {
        pid,
        name: name.to_owned(),
        stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_locks_that_others_wait_for() {
        for (waited_for, line) in [
            (
                true,
                "lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:77 4611686018427387904 4611686018427387904",
            ),
            (true, "lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:77 0 319"),
            (
                false,
                "lock:\t3: OFDLCK ADVISORY  READ -1 fe:00:77 4611686018427387905 4611686018427387905",
            ),
            (false, "lock:\t4: FLOCK  ADVISORY  READ 4711 fe:00:77 0 EOF"),
            (true, "lock:\t5: FLOCK  ADVISORY  WRITE 4711 fe:00:77 0 EOF"),
            (false, "flags:\t02100002"),
        ] {
            assert_eq!(is_waited_for(line), waited_for, "{line}");
        }
    }
}
