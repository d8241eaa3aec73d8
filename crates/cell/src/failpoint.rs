//! Failpoints: named moments at which a test may have this process killed or stopped.
//!
//! Failpoints only choose the moment of a real SIGKILL or SIGSTOP. They change nothing else: no
//! error is made up and no path through the code differs. Unset, [`hit`] costs one atomic load.
//!
//! `STEADFAST_FAILPOINT` holds a comma list of `name[@N]=kill|stop|exit`; `@N` picks the N-th time
//! that the moment is reached (1 when left out). `kill` is SIGKILL to this process, `stop` is
//! SIGSTOP to this process (it goes on after SIGCONT), `exit` leaves at once with code 70, without
//! unwinding. A list that cannot be read ends the process with
//! code 2: a misspelt failpoint would make a test that cannot fail.
//!
//! Names in use: `store.before-begin`, `store.in-transaction`, `store.before-commit`,
//! `store.after-commit`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that holds the list.
pub const VARIABLE: &str = "STEADFAST_FAILPOINT";

/// The code with which `exit` leaves.
const EXIT_CODE: i32 = 70;

/// A kernel may let the calling thread run on for an instant after the signal is sent; this sleep
/// is where it is caught.
const CAUGHT_WITHIN: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Stop,
    Exit,
}

#[derive(Debug)]
struct Point {
    name: String,
    nth: u64,
    action: Action,
    hits: AtomicU64,
}

static POINTS: OnceLock<Vec<Point>> = OnceLock::new();

/// The process has come to the moment `name`.
pub fn hit(name: &str) {
    for point in POINTS.get_or_init(from_environment) {
        if point.name == name && point.hits.fetch_add(1, Ordering::Relaxed) + 1 == point.nth {
            act(point.action);
        }
    }
}

fn act(action: Action) {
    let signal = match action {
        Action::Kill => Signal::KILL,
        Action::Stop => Signal::STOP,
        Action::Exit => std::process::exit(EXIT_CODE),
    };
    if let Err(error) = kill_process(getpid(), signal) {
        eprintln!("{VARIABLE}: cannot signal this process: {error}");
        std::process::exit(2);
    }
    std::thread::sleep(CAUGHT_WITHIN);
}

fn from_environment() -> Vec<Point> {
    let Some(list) = std::env::var_os(VARIABLE) else {
        return Vec::new();
    };
    match list
        .to_str()
        .ok_or_else(|| "not UTF-8".to_owned())
        .and_then(parse)
    {
        Ok(points) => points,
        Err(rule) => {
            eprintln!("{VARIABLE}: {rule}; write name[@N]=kill|stop|exit, separated by commas");
            std::process::exit(2);
        }
    }
}

fn parse(list: &str) -> Result<Vec<Point>, String> {
    list.split(',')
        .filter(|item| !item.is_empty())
        .map(parse_one)
        .collect()
}

fn parse_one(item: &str) -> Result<Point, String> {
    let (moment, action) = item
        .split_once('=')
        .ok_or_else(|| format!("`{item}` has no action"))?;
    let action = match action {
        "kill" => Action::Kill,
        "stop" => Action::Stop,
        "exit" => Action::Exit,
        other => return Err(format!("`{other}` is no action")),
    };
    let (name, nth) = match moment.split_once('@') {
        None => (moment, 1),
        Some((name, nth)) => {
            let nth = nth.parse().ok().filter(|nth| *nth > 0);
            (
                name,
                nth.ok_or_else(|| format!("`{moment}` counts from 1"))?,
            )
        }
    };
    if name.is_empty() {
        return Err(format!("`{item}` has no name"));
    }
    Ok(Point {
        name: name.to_owned(),
        nth,
        action,
        hits: AtomicU64::new(0),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_list() {
        let points = parse("store.before-begin=stop,store.after-commit@7=kill").unwrap();
        let seen: Vec<_> = points
            .iter()
            .map(|point| (point.name.as_str(), point.nth, point.action))
            .collect();
        assert_eq!(
            seen,
            [
                ("store.before-begin", 1, Action::Stop),
                ("store.after-commit", 7, Action::Kill)
            ]
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for list in ["a", "a=bang", "a@0=kill", "a@x=kill", "=kill", "@2=kill"] {
            assert!(parse(list).is_err(), "{list}");
        }
    }
}
