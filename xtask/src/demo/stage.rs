//! Where the story happens: a folder, a shell, and what the audience sees.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use peers::Peer;

use crate::Failure;

/// Pauses: before a chapter, after what was said, and after a command.
const CHAPTER: Duration = Duration::from_millis(1500);
const READING: Duration = Duration::from_millis(1200);
const BREATH: Duration = Duration::from_millis(700);

/// See the module's text.
#[derive(Debug)]
pub(super) struct Stage {
    folder: PathBuf,
    path: OsString,
    server: SocketAddr,
    slow: bool,
    colour: bool,
    chapters: u32,
    /// Whether a chapter's title is the last thing that was shown.
    titled: Cell<bool>,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Ran {
    line: String,
    /// Standard output and standard error, as they came.
    pub(super) output: String,
    code: Option<i32>,
}

impl Stage {
    /// A stage on which `steadfast` is this binary.
    pub(super) fn new(folder: &Path, binary: &Path, server: SocketAddr, slow: bool) -> Self {
        let mut path = OsString::from(binary.parent().unwrap_or(binary));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        Self {
            folder: folder.to_owned(),
            path,
            server,
            slow,
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            chapters: 0,
            titled: Cell::new(false),
        }
    }

    /// The server of the story.
    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    /// The folder of the story.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        self.pause(CHAPTER);
        let title = format!("{}. {title}", self.chapters);
        self.print(&format!("\n{}", self.paint("1;36", &title)));
        self.titled.set(true);
    }

    /// Tells something, after an empty line.
    pub(super) fn say(&self, text: &str) {
        if !self.titled.get() {
            self.space();
        }
        self.print(&self.paint("36", text));
        self.pause(READING);
    }

    /// Shows something that is as it should be, or, in red, that is not.
    pub(super) fn show(&self, good: bool, text: &str) {
        self.print(&self.paint(if good { "32" } else { "31" }, text));
    }

    /// Shows an empty line.
    pub(super) fn space(&self) {
        self.print("");
    }

    /// Runs a line as a user would type it, shows line and output, and the exit code unless it
    /// is 0.
    pub(super) fn run(&self, line: &str) -> Result<Ran, Failure> {
        self.show_line(line);
        let failed = |error: std::io::Error| Failure::Failed(format!("`{line}`: {error}"));
        let mut shell = self.shell(&format!("exec 2>&1\n{line}"));
        let mut child = shell.stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut output = String::new();
        if let Some(pipe) = child.stdout.take() {
            for text in BufReader::new(pipe).split(b'\n') {
                let text = text.map_err(failed)?;
                let text = String::from_utf8_lossy(&text);
                self.print(&text);
                output += &text;
                output.push('\n');
            }
        }
        let code = child.wait().map_err(failed)?.code();
        self.show_code(code);
        self.pause(BREATH);
        Ok(Ran {
            line: line.to_owned(),
            output,
            code,
        })
    }

    /// As [`run`](Self::run), and the story goes on only with this exit code.
    pub(super) fn expect(&self, code: i32, line: &str) -> Result<Ran, Failure> {
        self.run(line)?.ended_with(code)
    }

    /// A shell in the folder that will run this script.
    pub(super) fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("setpriv");
        // Nothing that is started here outlives the demo, not even what is stopped.
        shell.args(["--pdeathsig", "KILL", "--", "sh", "-c", script]);
        shell
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env_remove("STEADFAST_FAILPOINT")
            .stdin(Stdio::null());
        shell
    }

    /// Shows a line as it stands behind a prompt.
    pub(super) fn show_line(&self, line: &str) {
        let mut prompt = "$ ";
        for part in line.lines() {
            self.print(&self.paint("1", &format!("{prompt}{part}")));
            prompt = "> ";
        }
    }

    /// Shows an exit code that is not 0.
    pub(super) fn show_code(&self, code: Option<i32>) {
        match code {
            Some(0) => {}
            Some(code) => self.print(&self.paint("33", &format!("[exit {code}]"))),
            None => self.print(&self.paint("33", "[ended by a signal]")),
        }
    }

    /// Leaves everything running until somebody presses Enter.
    pub(super) fn wait_for_enter(&self, bind: &Peer) -> Result<(), Failure> {
        let binary = std::env::split_paths(&self.path).next().unwrap_or_default();
        self.show_way_in(bind, &binary);
        std::io::stdin()
            .lock()
            .read_line(&mut String::new())
            .map(drop)
            .map_err(|error| Failure::Failed(format!("standard input: {error}")))
    }

    fn show_way_in(&self, bind: &Peer, binary: &Path) {
        let (ip, port) = (self.server.ip(), self.server.port());
        self.say(&format!(
            "BIND goes on at {} (its files: {}). In another terminal:",
            self.server,
            bind.dir().display()
        ));
        self.print(&format!(
            "cd {}\nexport PATH={}:$PATH\nsteadfast plan example.com\ndig @{ip} -p {port} www.example.com",
            self.folder.display(),
            binary.display()
        ));
        self.say("Enter ends it.");
    }

    /// Shows a line of output. Whoever reads it may be gone; the demo goes on to its end.
    pub(super) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        self.titled.set(false);
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{style}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn pause(&self, time: Duration) {
        if self.slow {
            thread::sleep(time);
        }
    }
}

impl Ran {
    /// What a command that ran elsewhere did.
    pub(super) fn new(line: &str, output: String, code: Option<i32>) -> Self {
        Self {
            line: line.to_owned(),
            output,
            code,
        }
    }

    /// Fails unless the command ended with this exit code.
    pub(super) fn ended_with(self, code: i32) -> Result<Self, Failure> {
        if self.code == Some(code) {
            return Ok(self);
        }
        let ended = self
            .code
            .map_or("a signal".to_owned(), |c| format!("exit code {c}"));
        let line = &self.line;
        Err(Failure::Failed(format!(
            "`{line}` ended with {ended}, and should end with exit code {code}"
        )))
    }

    /// Fails unless the command said this.
    pub(super) fn says(self, text: &str) -> Result<Self, Failure> {
        if self.output.contains(text) {
            return Ok(self);
        }
        let line = &self.line;
        Err(Failure::Failed(format!("`{line}` should say {text:?}")))
    }

    /// Fails if the command said this.
    pub(super) fn does_not_say(self, text: &str) -> Result<Self, Failure> {
        if !self.output.contains(text) {
            return Ok(self);
        }
        let line = &self.line;
        Err(Failure::Failed(format!("`{line}` should not say {text:?}")))
    }
}
