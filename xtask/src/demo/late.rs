//! A writer that is stopped between deciding and writing, and goes on later.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::stage::{Ran, Stage};
use crate::Failure;

/// How long stopping and ending may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that stopped itself. It is killed if the story ends before it does.
#[derive(Debug)]
pub(super) struct Late {
    line: String,
    child: Child,
    log: PathBuf,
    shown: usize,
}

impl Late {
    /// Runs a line in the background, and waits until its process has stopped itself.
    pub(super) fn start(stage: &Stage, line: &str) -> Result<Self, Failure> {
        let log = stage.folder().join("late-writer.log");
        stage.show_line(&format!("{line} &"));
        let failed = |error: std::io::Error| Failure::Failed(format!("`{line}`: {error}"));
        let out = File::create(&log).map_err(failed)?;
        let errors = out.try_clone().map_err(failed)?;
        // The shell becomes the command, so that its process id is the command's.
        let mut shell = stage.shell(&format!("exec env {line}"));
        let child = shell.stdout(out).stderr(errors).spawn().map_err(failed)?;
        let mut late = Self {
            line: line.to_owned(),
            child,
            log,
            shown: 0,
        };
        late.wait_until_stopped()?;
        late.show_news(stage)?;
        stage.print(&format!("[process {} is stopped]", late.pid()));
        Ok(late)
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go on, and waits for its end.
    pub(super) fn go_on(mut self, stage: &Stage) -> Result<Ran, Failure> {
        let pid = self.pid();
        stage.expect(0, &format!("kill -CONT {pid}"))?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            let ended = self.child.try_wait();
            match ended.map_err(|error| self.failed(&error.to_string()))? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    return Err(self.failed("did not end after it was continued"));
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        self.show_news(stage)?;
        let end = match status.code() {
            Some(code) => format!("exit {code}"),
            None => status.to_string(),
        };
        stage.print(&format!("[process {pid} ended: {end}]"));
        Ok(Ran::new(&self.line, read(&self.log)?, status.code()))
    }

    fn wait_until_stopped(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if state(self.pid()) == Some('T') {
                return Ok(());
            }
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                let said = read(&self.log)?;
                return Err(self.failed(&format!("ended instead of stopping:\n{said}")));
            }
            if Instant::now() > deadline {
                return Err(self.failed("did not stop itself"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Shows what it printed since the last time.
    fn show_news(&mut self, stage: &Stage) -> Result<(), Failure> {
        let text = read(&self.log)?;
        let news = text.get(self.shown..).unwrap_or_default().trim_end();
        if !news.is_empty() {
            stage.print(news);
        }
        self.shown = text.len();
        Ok(())
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::Failed(format!("`{}` {why}", self.line))
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(log: &Path) -> Result<String, Failure> {
    fs::read_to_string(log).map_err(|error| Failure::Failed(format!("{}: {error}", log.display())))
}

/// The state letter of a process in `/proc`.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
