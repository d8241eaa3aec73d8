//! Notifications of the daemon, with the shipped binary, a real DNS server and real receivers.
#![allow(clippy::unwrap_used)]

#[path = "../kit/mod.rs"]
mod kit;

use kit::{Config, Ended, Process, Server, ZONE, binary, server};
use peers::{Kind, Peer, zone_text};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(40);

/// An HTTP server that keeps what it is told.
struct Desk {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<serde_json::Value>>>,
}

fn body(stream: &TcpStream) -> Option<serde_json::Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => {
                if let Some(n) = line.strip_prefix("Content-Length: ") {
                    length = n.parse().ok()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

impl Desk {
    fn open() -> Desk {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::default());
        let hears: Arc<Mutex<Vec<_>>> = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                hears.lock().unwrap().extend(body(&stream));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks");
            }
        });
        Desk { address, heard }
    }

    fn heard(&self) -> Vec<serde_json::Value> {
        self.heard.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait(&self) {
        let end = Instant::now() + SOON;
        while self.heard().is_empty() {
            assert!(Instant::now() < end, "nobody was told");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

struct Rig {
    peer: Peer,
    dir: PathBuf,
    runs: std::cell::Cell<u32>,
}

impl Rig {
    /// A zone on BIND with one stage, whose check says what the file `verdict` says.
    fn adopted(notify: &str) -> Rig {
        let text = zone_text(ZONE, "www 5 A 192.0.2.1\n");
        let peer = server(Kind::Bind).zone(ZONE, &text).start();
        let dir = peer.dir().join("cell");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("zone"), text).unwrap();
        fs::write(dir.join("verdict"), "0").unwrap();
        let shell = format!("exit $(cat {})", dir.join("verdict").display());
        let stage = format!(
            "[[zone.\"{ZONE}\".stage]]\nname = \"canary\"\nservers = [\"ns1\"]\nbake = \"30s\"\n\
             checks = [{{ type = \"command\", name = \"errors\", run = [\"/bin/sh\", \"-c\", \"{shell}\"], every = \"1s\", timeout = \"1s\" }}]\n"
        );
        let servers = [Server::of(&peer, "")];
        let config = Config {
            state: "state",
            content: "zone",
            critical: "[\"www\"]",
            zone: &stage,
            servers: &servers,
        };
        fs::write(dir.join("steadfast.toml"), config.text() + notify).unwrap();
        let runs = std::cell::Cell::new(0);
        let rig = Rig { peer, dir, runs };
        rig.run(&["adopt", ZONE, "--yes"]).expect(0);
        rig
    }

    fn start(&self, args: &[&str]) -> Process {
        self.runs.set(self.runs.get() + 1);
        let log = self.dir.join(format!("run-{}.log", self.runs.get()));
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(&self.dir)
            .env_remove("JOURNAL_STREAM");
        Process::start(&mut command, log)
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.start(args).ended()
    }

    fn answers(&self) -> Vec<String> {
        let answer = self.peer.ask("www.example.com", "A");
        answer.data("A").iter().map(ToString::to_string).collect()
    }
}

/// The night that this is for: the author has gone, the canary fails, the daemon takes it back, and
/// somebody reads one message.
#[test]
fn a_rollout_that_fails_at_night_is_one_message_with_the_right_command() {
    let (desk, dead) = (Desk::open(), TcpListener::bind("127.0.0.1:0").unwrap());
    let hangs = dead.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let rig = Rig::adopted(&format!(
        "\n[notify.desk]\nwebhook = \"http://{}/dns\"\n\n[notify.gone]\nwebhook = \"http://{closed}/\"\n\
         \n[notify.hangs]\nwebhook = \"http://{hangs}/\"\n\n[notify.sleeps]\ncommand = [\"/bin/sleep\", \"60\"]\n",
        desk.address
    ));
    let mut up = rig.start(&["up"]);
    up.wait_says("process=");
    let text = fs::read_to_string(rig.dir.join("zone")).unwrap();
    fs::write(rig.dir.join("zone"), text.replace("192.0.2.1", "192.0.2.2")).unwrap();
    rig.run(&["apply", ZONE, "--yes", "--detach"]).expect(5);
    assert_eq!(rig.answers(), ["192.0.2.2"]);
    fs::write(rig.dir.join("verdict"), "1").unwrap();
    let began = Instant::now();
    while rig.answers() != ["192.0.2.1"] {
        assert!(began.elapsed() < SOON, "{}", rig.run(&["status"]).said);
        std::thread::sleep(Duration::from_millis(20));
    }
    desk.wait();
    let message = desk.heard().remove(0);
    assert_eq!(
        (&message["event"], &message["cell"]),
        (&"trouble".into(), &"test".into())
    );
    assert_eq!(message["next"], format!("steadfast plan {ZONE}"));
    let trouble = &message["troubles"][0];
    assert_eq!(trouble["key"], format!("test/{ZONE}/rolled-back/2"));
    let said = trouble["text"].as_str().unwrap();
    assert!(
        said.contains("stage canary of configuration 2 failed: errors fails (exit 1)"),
        "{said}"
    );
    let plan = message["next"].as_str().unwrap().split(' ').skip(1);
    rig.run(&plan.collect::<Vec<_>>())
        .expect(0)
        .says(&["192.0.2.1", "192.0.2.2"]);
    // The same word from `status`, with those who could not be told.
    rig.run(&["status"]).expect(0).says(&[
        &format!("next: steadfast plan {ZONE}"),
        "notify.gone  not told since",
        "refused",
        "steadfast notify test gone",
    ]);
    up.wait_says("not taken");
    // Killed and started anew, it has nothing new to say.
    assert!(up.kill());
    let mut up = rig.start(&["up"]);
    up.wait_says("process=");
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(desk.heard().len(), 1, "{:?}", desk.heard());
    drop(dead);
    up.signal(rustix::process::Signal::TERM);
    up.ended().expect(0);
}

#[test]
fn a_test_message_shows_what_the_receiver_says() {
    let desk = Desk::open();
    let rig = Rig::adopted(&format!(
        "\n[notify.desk]\nwebhook = \"http://{}/dns\"\n\n[notify.pager]\ncommand = [\"/bin/sh\", \"-c\", \"grep -c '\\\"event\\\":\\\"test\\\"'\"]\n",
        desk.address
    ));
    rig.run(&["notify", "test"]).expect(0).says(&[
        "desk: taken: answers 200: thanks",
        "pager: taken: exit 0: 1",
    ]);
    assert_eq!(desk.heard()[0]["event"], "test");
    rig.run(&["notify", "test", "pager"]).expect(0);
    assert_eq!(desk.heard().len(), 1);
    rig.run(&["notify", "test", "desc"])
        .expect(2)
        .says(&["did you mean desk?"]);
    rig.run(&["check"])
        .expect(0)
        .says(&["/bin/sh: its program, of notify.pager"]);
    let text = fs::read_to_string(rig.dir.join("steadfast.toml")).unwrap();
    let astray = text.replace("/bin/sh\", \"-c\", \"grep", "/bin/nosh\", \"-c\", \"grep");
    fs::write(rig.dir.join("steadfast.toml"), astray).unwrap();
    rig.run(&["check"])
        .expect(2)
        .says(&["steadfast.toml:", "notify.pager: /bin/nosh can't be read"]);
    let none = text.split("\n[notify.desk]").next().unwrap();
    fs::write(rig.dir.join("steadfast.toml"), none).unwrap();
    rig.run(&["notify", "test"])
        .expect(2)
        .says(&["the config tells nobody"]);
}
