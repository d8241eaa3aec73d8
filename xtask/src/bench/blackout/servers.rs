//! The resolvers of the blackout, each with what it has against one.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::command::root;

/// All of them; ours first.
pub(super) const ALL: [&str; 8] = [
    "steadfast",
    "unbound",
    "dnsdist",
    "kresd",
    "pdns-rec",
    "bind",
    "dnsmasq",
    "hickory",
];

/// Where the bench has the one that no Debian package brings.
pub(super) fn hickory() -> PathBuf {
    root().join("target/hickory/bin/hickory-dns")
}

/// A running resolver; its files go with it.
pub(super) struct Running {
    what: &'static str,
    child: Child,
    dir: PathBuf,
    pub(super) addr: SocketAddr,
    upstream: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Running {
    /// Starts a resolver in front of an upstream.
    pub(super) fn start(what: &'static str, upstream: SocketAddr) -> io::Result<Running> {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let dir = std::env::temp_dir().join(format!("bench-{what}-{}", addr.port()));
        fs::create_dir_all(&dir)?;
        let child = spawn(what, &dir, addr, upstream)?;
        Ok(Running {
            what,
            child,
            dir,
            addr,
            upstream,
        })
    }

    /// What it said.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Starts it anew, with the files that it left.
    pub(super) fn again(&mut self, kill: bool) -> io::Result<()> {
        if kill {
            self.child.kill()?;
            self.child.wait()?;
        } else {
            self.end();
        }
        self.child = spawn(self.what, &self.dir, self.addr, self.upstream)?;
        // It listens when it takes connections: nobody can be asked a name now.
        let begin = Instant::now();
        while TcpStream::connect(self.addr).is_err() && begin.elapsed() < Duration::from_secs(10) {
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn end(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().is_ok_and(|s| s.is_none()) && Instant::now() < deadline {
            sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(what: &str, dir: &Path, addr: SocketAddr, up: SocketAddr) -> io::Result<Child> {
    let log = fs::File::create(dir.join("log"))?;
    let mut command = command(what, dir, addr.port(), up.port())?;
    command
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log);
    command.spawn()
}

/// The command, its configuration written.
fn command(what: &str, dir: &Path, port: u16, up: u16) -> io::Result<Command> {
    let (conf, shown) = (dir.join("conf"), dir.display().to_string());
    fs::write(&conf, text(what, &shown, port, up))?;
    let words = |line: &[&str]| words(line, &conf);
    let (program, args): (PathBuf, Vec<String>) = match what {
        "unbound" => ("/usr/sbin/unbound".into(), words(&["-d", "-c", "CONF"])),
        "dnsdist" => (
            "/usr/bin/dnsdist".into(),
            words(&["--supervised", "--disable-syslog", "-C", "CONF"]),
        ),
        "kresd" => (
            "/usr/sbin/kresd".into(),
            words(&["-n", "-c", "CONF", &shown]),
        ),
        "pdns-rec" => ("/usr/sbin/pdns_recursor".into(), pdns(&shown, port, up)),
        "bind" => (
            "/usr/sbin/named".into(),
            words(&["-g", "-n", "1", "-c", "CONF"]),
        ),
        "dnsmasq" => ("/usr/sbin/dnsmasq".into(), words(&["-k", "-C", "CONF"])),
        "hickory" => (hickory(), words(&["-c", "CONF"])),
        _ => {
            let (listen, upstream) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{up}"));
            let ours = root().join("target/release/examples/resolver");
            (ours, words(&[&listen, &upstream, "**.stale.lab"]))
        }
    };
    let mut command = Command::new(program);
    command.args(args);
    // Of ours: the folder of last known good answers, and how often they are confirmed.
    let ours = [
        ("WORKERS", "1".to_owned()),
        ("STATE", format!("{shown}/state")),
        ("RECHECK", "5".to_owned()),
    ];
    command.envs(ours);
    Ok(command)
}

/// Serve-stale as long as it goes; where there is a timer after which a client gets the old answer,
/// it is nought: with Unbound's and BIND's others clients wait, and after NODATA they get the good
/// answer not even once.
fn text(what: &str, shown: &str, port: u16, up: u16) -> String {
    match what {
        "unbound" => format!(
            "server:\n  interface: 127.0.0.1@{port}\n  num-threads: 1\n  username: \"\"\n  chroot: \"\"\n  directory: \"{shown}\"\n  pidfile: \"\"\n  \
                 use-syslog: no\n  module-config: \"iterator\"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  \
                 serve-expired: yes\n  serve-expired-ttl: 86400\n  serve-expired-client-timeout: 0\n\
                 forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{up}\nremote-control:\n  control-enable: no\n"
        ),
        "dnsdist" => format!(
            "setLocal('127.0.0.1:{port}')\nnewServer({{address='127.0.0.1:{up}', checkName='n0.stale.lab.', mustResolve=true}})\n\
                 pc = newPacketCache(10000, {{maxTTL=86400, keepStaleData=true}})\ngetPool(''):setCache(pc)\n\
                 setStaleCacheEntriesTTL(86400)\nsetSecurityPollSuffix('')\n"
        ),
        "kresd" => format!(
            "net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})\nmodules.load('serve_stale < cache')\n\
                 cache.storage = 'lmdb://{shown}/cache'\ncache.size = 100 * MB\ntrust_anchors.remove('.')\n\
                 policy.add(policy.all(policy.FORWARD('127.0.0.1@{up}')))\n"
        ),
        "bind" => format!(
            "options {{ directory \"{shown}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none; \
                 forward only; forwarders {{ 127.0.0.1 port {up}; }}; recursion yes; dnssec-validation no; \
                 stale-cache-enable yes; stale-answer-enable yes; stale-answer-client-timeout 0; max-stale-ttl 86400; }};\ncontrols {{ }};\n"
        ),
        "dnsmasq" => format!(
            "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nserver=127.0.0.1#{up}\n\
                 cache-size=10000\nuse-stale-cache=86400\nuser=root\npid-file=\n"
        ),
        "hickory" => format!(
            "listen_addrs_ipv4 = [\"127.0.0.1\"]\nlisten_port = {port}\ndirectory = \"{shown}\"\nuser = \"root\"\ngroup = \"root\"\n\
                 [[zones]]\nzone = \".\"\nzone_type = \"External\"\n[zones.stores]\ntype = \"forward\"\n\
                 name_servers = [{{ ip = \"127.0.0.1\", trust_negative_responses = true, connections = [{{ port = {up}, protocol = {{ type = \"udp\" }} }}] }}]\n"
        ),
        _ => String::new(),
    }
}

fn words(words: &[&str], conf: &Path) -> Vec<String> {
    let word = |word: &&str| match *word {
        "CONF" => conf.display().to_string(),
        word => word.to_owned(),
    };
    words.iter().map(word).collect()
}

fn pdns(dir: &str, port: u16, up: u16) -> Vec<String> {
    let settings = [
        format!("config-dir={dir}"),
        format!("socket-dir={dir}"),
        "daemon=no".to_owned(),
        "write-pid=no".to_owned(),
        "local-address=127.0.0.1".to_owned(),
        format!("local-port={port}"),
        format!("forward-zones-recurse=.=127.0.0.1:{up}"),
        "dont-query=".to_owned(),
        "dnssec=off".to_owned(),
        "security-poll-suffix=".to_owned(),
        "threads=1".to_owned(),
        "serve-stale-extensions=1440".to_owned(),
    ];
    settings.map(|setting| format!("--{setting}")).to_vec()
}
