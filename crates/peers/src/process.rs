//! A server process that cannot outlive the test process.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::kind::program;
use crate::scratch::must;

/// How long a server may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(10);

/// One server program: its command line, its log, and the process while there is one.
#[derive(Debug)]
pub(crate) struct Process {
    argv: Vec<OsString>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    pub(crate) fn new(argv: Vec<OsString>, log: PathBuf) -> Self {
        Self {
            argv,
            log,
            child: None,
        }
    }

    /// Starts it. What it prints goes to the end of the log.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{:?} runs already", self.argv);
        let log = must(
            OpenOptions::new().create(true).append(true).open(&self.log),
            "open",
            &self.log,
        );
        let errors = must(log.try_clone(), "open", &self.log);
        let mut command = Command::new(program("setpriv"));
        command
            .args(["--pdeathsig", "KILL", "--"])
            .args(&self.argv)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        match spawn(command) {
            Ok(child) => self.child = Some(child),
            Err(error) => panic!("cannot start {:?}: {error}", self.argv),
        }
    }

    /// The process id: setpriv becomes the server, so it is the server's own.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        self.child
            .as_ref()
            .map_or_else(|| panic!("{:?} does not run", self.argv), Child::id)
    }

    /// How it ended, if it did by itself.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.child.as_mut()?.try_wait() {
            Ok(status) => status.map(|status| status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// SIGSTOP, and waits until the kernel shows it stopped: the signal alone only asks for it.
    #[track_caller]
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + PATIENCE;
        while !self.stopped() {
            assert!(
                Instant::now() < deadline,
                "{:?} did not stop at SIGSTOP",
                self.argv
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether it is stopped.
    #[track_caller]
    pub(crate) fn stopped(&self) -> bool {
        state(self.pid()) == Some('T')
    }

    /// SIGCONT.
    #[track_caller]
    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let sent = pid.map(|pid| kill_process(pid, signal));
        assert!(
            matches!(sent, Some(Ok(()))),
            "cannot send {signal:?} to {:?}: {sent:?}",
            self.argv
        );
    }

    /// SIGTERM, and waits; SIGKILL if that takes more than ten seconds. Nothing if it does not run.
    #[track_caller]
    pub(crate) fn end(&mut self) {
        self.end_by(Signal::TERM);
    }

    #[track_caller]
    fn end_by(&mut self, signal: Signal) {
        if self.child.is_none() || self.ended().is_some() {
            self.child = None;
            return;
        }
        self.signal(Signal::CONT);
        self.signal(signal);
        let deadline = Instant::now() + PATIENCE;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        self.kill();
    }

    /// SIGINT, which PostgreSQL takes as the word to end whoever is connected; else as
    /// [`end`](Self::end).
    pub(crate) fn end_fast(&mut self) {
        self.end_by(Signal::INT);
    }

    /// SIGKILL, and waits until it is gone. Nothing if it does not run.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The whole log.
    #[track_caller]
    pub(crate) fn log(&self) -> String {
        let bytes = must(fs::read(&self.log), "read", &self.log);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last 30 lines of a file.
fn tail(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// The state letter of a process in `/proc`.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Spawns from a thread that lives as long as this process: the kernel sends the parent-death
/// signal when the *thread* that spawned ends, and a server may be shared by several tests.
fn spawn(command: Command) -> io::Result<Child> {
    type Job = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let gone = || io::Error::other("the spawner thread is gone");
    let (reply, child) = mpsc::channel();
    spawner
        .lock()
        .map_err(|_| gone())?
        .send((command, reply))
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

/// Runs a helper program to its end.
///
/// # Panics
/// With everything it printed, when it fails.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {command:?}: {error}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
