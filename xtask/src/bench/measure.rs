//! What a process costs: time on the clock, time on the processor, memory at its peak.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Failure;

/// How often a running process is looked at. Memory that it took and gave back between its last
/// look and its end is missed; the kernel keeps the peak, so nothing else is.
const LOOK: Duration = Duration::from_millis(1);
/// Ticks of `/proc/PID/stat` in a second: fixed at 100 for programs on Linux, whatever the kernel
/// counts in.
const TICKS: f64 = 100.0;
/// How long any one process may take: octoDNS needs a quarter of an hour for a million records.
const LIMIT: Duration = Duration::from_secs(3_600);

/// What one run cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds on the processor, user and system, all threads; in steps of 10 ms.
    pub(crate) cpu: f64,
    /// Most memory that was resident at once, in MB (10⁶ octets).
    pub(crate) peak: f64,
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) cost: Cost,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end and says what it cost. Its output goes to files in `scratch`, so that
/// no pipe can hold it up.
pub(crate) fn measured(command: &mut Command, scratch: &Path) -> Result<Finished, Failure> {
    let failed = |what: &str, e: &dyn std::fmt::Display| Failure::Failed(format!("{what}: {e}"));
    let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
    let file = |path: &Path| fs::File::create(path).map_err(|e| failed("output file", &e));
    command
        .stdin(Stdio::null())
        .stdout(file(&out)?)
        .stderr(file(&err)?);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| failed("did not start", &e))?;
    let pid = child.id();
    let mut peak = 0.0;
    // A process that has ended keeps its counts until it is waited for.
    let (wall, cpu) = loop {
        peak = resident_peak(pid).unwrap_or(peak);
        let (state, cpu) =
            stat(pid).ok_or_else(|| failed("a process is gone before its end", &pid))?;
        if state == 'Z' {
            break (started.elapsed().as_secs_f64(), cpu);
        }
        if started.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(
                "a process took longer than seconds",
                &LIMIT.as_secs(),
            ));
        }
        sleep(LOOK);
    };
    let status = child.wait().map_err(|e| failed("no exit status", &e))?;
    let text = |path: &Path| fs::read(path).map_err(|e| failed("output file", &e));
    Ok(Finished {
        cost: Cost { wall, cpu, peak },
        code: status.code(),
        stdout: String::from_utf8_lossy(&text(&out)?).into_owned(),
        stderr: String::from_utf8_lossy(&text(&err)?).into_owned(),
    })
}

/// Seconds on the processor of a process that runs: all its threads that live, to the nanosecond.
pub(crate) fn cpu_of(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let spent = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.filter_map(spent).sum::<f64>() / 1e9
}

/// Seconds on the processor of all processes that we started and that ended; in steps of 10 ms,
/// but exact between, so that the difference over many short runs is good.
pub(crate) fn children_cpu() -> f64 {
    let ticks = || {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split_whitespace().skip(13);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some(user + system)
    };
    ticks().unwrap_or_default() / TICKS
}

fn resident_peak(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibi: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibi * 1024.0 / 1e6)
}

/// State and processor time.
fn stat(pid: u32) -> Option<(char, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let ticks = |field: Option<&str>| field.and_then(|f| f.parse::<f64>().ok());
    let user = ticks(fields.nth(10))?;
    let system = ticks(fields.next())?;
    Some((state, (user + system) / TICKS))
}

/// The middle of some figures, and the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of figures in any order; zeros when there are none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |i: usize| sorted.get(i).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Spread {
            median: (at(last / 2) + at(last.div_ceil(2))) / 2.0,
            least: at(0),
            most: at(last),
        }
    }

    /// As text with that many decimals.
    pub(crate) fn show(&self, decimals: usize) -> String {
        let Spread {
            median,
            least,
            most,
        } = self;
        if least == most {
            return format!("{median:.decimals$}");
        }
        format!("{median:.decimals$} ({least:.decimals$}-{most:.decimals$})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_median_of_even_and_odd_counts() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of([]).median, 0.0);
        assert_eq!(Spread::of([1.0, 3.0]).show(1), "2.0 (1.0-3.0)");
    }

    #[test]
    fn a_program_that_works_and_one_that_fails() {
        let scratch = std::env::temp_dir().join(format!("xtask-measure-{}", std::process::id()));
        fs::create_dir_all(&scratch).unwrap();
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exit 3";
        let run = measured(Command::new("sh").args(["-c", busy]), &scratch).unwrap();
        fs::remove_dir_all(&scratch).unwrap();
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), "done\n"));
        assert!(run.cost.cpu > 0.0 && run.cost.cpu <= run.cost.wall + 0.02);
        assert!(run.cost.peak > 0.1 && run.cost.peak < 100.0);
    }
}
