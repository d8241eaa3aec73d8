//! Prometheus from Debian, which scrapes what a test serves and answers queries on loopback.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::kind::{Program, program, require_programs};
use crate::port::Port;
use crate::process::Process;
use crate::scratch::{Scratch, write};

/// The program.
pub(crate) const PROGRAM: Program = Program("prometheus", "prometheus");

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Prometheus that scrapes one target every second. It ends, and its data go, when this is
/// dropped.
#[derive(Debug)]
pub struct Prometheus {
    // Before the folder: the process ends first.
    process: Process,
    port: Port,
    _scratch: Scratch,
}

impl Prometheus {
    /// Starts one that scrapes `/metrics` there.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[track_caller]
    pub fn start(target: SocketAddr) -> Self {
        require_programs("Prometheus", &[PROGRAM]);
        let (scratch, port) = (Scratch::new("prometheus"), Port::reserve());
        let config = scratch.path().join("prometheus.yml");
        write(
            &config,
            &format!(
                "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
                 scrape_configs:\n- job_name: test\n  static_configs: [{{ targets: [\"{target}\"] }}]\n"
            ),
        );
        let argv = vec![
            program(PROGRAM.0).into(),
            format!("--config.file={}", config.display()).into(),
            format!(
                "--storage.tsdb.path={}",
                scratch.path().join("data").display()
            )
            .into(),
            format!("--web.listen-address={}", port.addr()).into(),
            "--storage.tsdb.retention.time=1h".into(),
        ];
        let mut process = Process::new(argv, scratch.path().join("log"));
        process.start();
        let mut prometheus = Self {
            process,
            port,
            _scratch: scratch,
        };
        prometheus.wait_ready();
        prometheus
    }

    /// Waits until it answers, and has scraped at least once.
    #[track_caller]
    fn wait_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.answers("/api/v1/query?query=up", "\"value\":[") {
            let ended = self.process.ended();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "Prometheus is not there ({ended:?}):\n{}",
                self.process.log_tail()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether this path's answer says that.
    fn answers(&self, path: &str, says: &str) -> bool {
        get(self.addr(), path).is_ok_and(|answer| answer.contains(says))
    }

    /// Where it answers.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Stops its process where it is (SIGSTOP): what connects waits.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Lets it go on (SIGCONT).
    pub fn cont(&self) {
        self.process.cont();
    }
}

fn get(at: SocketAddr, path: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let wait = Duration::from_secs(5);
    let mut stream = std::net::TcpStream::connect_timeout(&at, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
