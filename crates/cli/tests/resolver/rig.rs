//! A resolver in a process of its own, before an authority that can be made to misbehave.

use peers::{
    Answer, Behaviour, Kind, Peer, PeerBuilder, Port, Proxy, try_ask_recursive, zone_text,
};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn steadfast(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steadfast"));
    command.args(words).output().unwrap()
}

/// The words for a resolver before this upstream, with this folder, all of the zone pinned.
pub(crate) fn pinned(upstream: &Upstream, folder: &Folder) -> [String; 6] {
    let proxy = upstream.proxy.addr().to_string();
    let state = folder.path().to_str().unwrap();
    let words = [
        "--upstream",
        &proxy,
        "--pin",
        "**.example.com",
        "--state",
        state,
    ];
    words.map(str::to_owned)
}

/// A folder that is removed when the test ends well.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("steadfast-res-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Folder(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// An authority of `n0` to `n49.example.com`, and what stands before it.
pub(crate) struct Upstream {
    pub(crate) peer: Peer,
    pub(crate) proxy: Proxy,
}

impl Upstream {
    pub(crate) fn new() -> Upstream {
        let records: String = (0..50).map(|n| format!("n{n} 2 A 192.0.2.{n}\n")).collect();
        let peer = PeerBuilder::new(Kind::Bind)
            .zone("example.com", &zone_text("example.com", &records))
            .start();
        let proxy = Proxy::before(peer.addr());
        Upstream { peer, proxy }
    }

    pub(crate) fn is(&self, behaviour: Behaviour) {
        self.proxy.set(behaviour);
    }
}

/// A running resolver. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) addr: SocketAddr,
    said: Arc<Mutex<String>>,
    _port: Port,
}

impl Running {
    /// Starts it, with these words besides the address, and waits until it answers.
    pub(crate) fn start(words: &[&str]) -> Running {
        let running = Running::spawn(words);
        running.until_said("resolving on");
        running
    }

    fn spawn(words: &[&str]) -> Running {
        Running::of(Command::new(env!("CARGO_BIN_EXE_steadfast")), words)
    }

    /// The same by another command, which takes a program's words.
    pub(crate) fn of(mut command: Command, words: &[&str]) -> Running {
        let port = Port::reserve();
        command
            .args(["resolver", "--listen", &port.addr().to_string()])
            .args(words);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, into) = (
            BufReader::new(child.stderr.take().unwrap()),
            Arc::clone(&said),
        );
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut said = into.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Running {
            child,
            addr: port.addr(),
            said,
            _port: port,
        }
    }

    /// Before this upstream, with this folder, all of the zone pinned.
    pub(crate) fn pinned(upstream: &Upstream, folder: &Folder) -> Running {
        let words = pinned(upstream, folder);
        Running::start(&words.each_ref().map(String::as_str))
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn until_said(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            assert!(
                Instant::now() < deadline,
                "not said: {text}\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub(crate) fn ask(&self, name: &str) -> Answer {
        match asked(self.addr, name) {
            Ok(answer) => answer,
            Err(error) => panic!("{name}: {error}\n{}", self.said()),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn end(mut self) -> i32 {
        self.signal(Signal::TERM);
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks with RD set, as clients of a resolver do.
fn asked(server: SocketAddr, name: &str) -> std::io::Result<Answer> {
    try_ask_recursive(server, name, "A", Duration::from_secs(6))
}
