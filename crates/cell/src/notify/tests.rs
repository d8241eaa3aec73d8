//! Deliveries to real receivers on loopback: good, hanging, flooding and dead ones.
#![allow(clippy::unwrap_used)]

use super::*;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use steadfast_core::pager::{self, Message};
use steadfast_core::time::{Millis, Time};
use steadfast_core::trouble::{Kind, Rank, Trouble};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let n = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sf-notify-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn receiver(how: How, timeout: u64) -> Receiver {
    Receiver {
        name: "desk".into(),
        how,
        timeout: Duration::from_millis(timeout),
        rules: Rules {
            cell: "eu-1".into(),
            least: Rank::Warn,
            repeat: Millis::seconds(3600),
        },
    }
}

fn webhook(address: SocketAddr) -> Webhook {
    Webhook {
        address,
        tls: false,
        name: None,
        path: "/hook".into(),
        token: None,
    }
}

fn message() -> Message {
    pager::test("eu-1", "desk", Time(1_700_000_000_000))
}

/// What a request was: its head and body.
fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// A receiver on loopback that answers each connection like this.
fn serve(answer: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    address
}

fn says(status: &'static str) -> SocketAddr {
    serve(move |mut stream| {
        request(&stream);
        let _ = stream
            .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello").as_bytes());
    })
}

fn to(address: SocketAddr, timeout: u64) -> Result<String, String> {
    deliver(
        &receiver(How::Webhook(webhook(address)), timeout),
        &message(),
    )
}

#[test]
fn a_webhook_gets_json_and_its_answer_is_told() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let address = serve(move |mut stream| {
        hears.lock().unwrap().push(request(&stream));
        let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\n\r\n");
    });
    let folder = Folder::new();
    let token = folder.0.join("token");
    let with_token = Webhook {
        token: Some(token.clone()),
        name: Some("hooks.example.com".into()),
        ..webhook(address)
    };
    let receiver = receiver(How::Webhook(with_token), 5_000);
    let unread = deliver(&receiver, &message()).unwrap_err();
    assert!(unread.contains("the token can't be read"), "{unread}");
    fs::write(&token, "s3cret\nX-Team: dns\n").unwrap();
    assert_eq!(deliver(&receiver, &message()).unwrap(), "answers 202");
    let (head, body) = heard.lock().unwrap().pop().unwrap();
    let host = format!("Host: hooks.example.com:{}\r\n", address.port());
    for part in [
        "POST /hook HTTP/1.1\r\n",
        &host,
        "Authorization: Bearer s3cret\r\n",
        "X-Team: dns\r\n",
    ] {
        assert!(head.contains(part), "{part} in {head}");
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["format"], &body["event"]),
        (&1.into(), &"test".into())
    );
    fs::write(&token, "s3cret\r\nX-Team:\u{7f}").unwrap();
    let bad = deliver(&receiver, &message()).unwrap_err();
    assert!(bad.contains("line 2") && !bad.contains("s3cret"), "{bad}");
}

#[test]
fn what_is_no_yes_is_a_no() {
    assert_eq!(to(says("200 OK"), 5_000).unwrap(), "answers 200: hello");
    assert_eq!(to(says("500 No"), 5_000).unwrap_err(), "answers 500: hello");
    let moved = to(says("302 Found"), 5_000).unwrap_err();
    assert!(moved.contains("redirects are not followed"), "{moved}");
    let other = serve(|mut stream| {
        request(&stream);
        let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n");
    });
    assert!(to(other, 5_000).unwrap_err().contains("no HTTP"));
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert!(to(closed, 5_000).unwrap_err().contains("refused"));
    let rude = serve(drop);
    assert!(to(rude, 5_000).is_err());
}

#[test]
fn a_receiver_that_hangs_drips_or_floods_is_bounded() {
    let began = Instant::now();
    let (send, keep) = std::sync::mpsc::channel();
    let hangs = serve(move |stream| drop(send.send(stream)));
    assert_eq!(to(hangs, 300).unwrap_err(), "nothing within 300 ms");
    drop(keep);
    let drips = serve(|mut stream| {
        for octet in b"HTTP/1.1 200 OK and so on, an octet now and then for ever"
            .iter()
            .cycle()
        {
            if stream.write_all(&[*octet]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(to(drips, 300).unwrap_err(), "nothing within 300 ms");
    // A status is a status, however much follows.
    let floods = serve(|mut stream| {
        request(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let said = to(floods, 5_000).unwrap();
    assert!(
        said.starts_with("answers 200") && said.len() < 400,
        "{said}"
    );
    let endless = serve(|mut stream| {
        request(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    assert!(to(endless, 5_000).unwrap_err().contains("KiB"));
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

/// What a TLS server with a certificate for this name answers to who trusts it and expects `name`.
fn over_tls(certified: &str, name: &str) -> Result<u16, String> {
    let made = rcgen::generate_simple_self_signed([certified.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let address = serve(move |stream| {
        let session = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, stream);
        let mut request = [0; 1024];
        if stream.read(&mut request).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let trusted = tls::trusting(vec![certificate]).unwrap();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let request = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    let limit = crate::limit::Limit::after(Duration::from_secs(5));
    let wanted = crate::http::Wanted::Status;
    crate::http::exchange(address, request, Some((trusted, name)), wanted, limit).map(|a| a.status)
}

#[test]
fn over_tls_the_certificate_is_looked_at() {
    assert_eq!(over_tls("hooks.example.com", "hooks.example.com"), Ok(204));
    let other = over_tls("hooks.example.com", "other.example.com").unwrap_err();
    assert!(other.contains("certificate"), "{other}");
    // One that hangs in the handshake.
    let (send, keep) = std::sync::mpsc::channel();
    let hangs = serve(move |stream| drop(send.send(stream)));
    let hook = Webhook {
        tls: true,
        ..webhook(hangs)
    };
    let why = deliver(&receiver(How::Webhook(hook), 300), &message()).unwrap_err();
    assert_eq!(why, "nothing within 300 ms");
    drop(keep);
}

#[test]
fn a_command_reads_json_or_is_ended() {
    let run = |script: &str, timeout: u64| {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        deliver(&receiver(How::Command { argv }, timeout), &message())
    };
    assert_eq!(
        run("grep -o '\"event\":\"test\"'", 5_000).unwrap(),
        "exit 0: \"event\":\"test\""
    );
    assert_eq!(
        run("echo $STEADFAST_CELL $STEADFAST_NOTIFY; exit 3", 5_000).unwrap_err(),
        "exit 3: eu-1 desk"
    );
    // It need not read what it gets.
    assert_eq!(run("exit 0", 5_000).unwrap(), "exit 0");
    let began = Instant::now();
    assert!(
        run("sleep 60", 300)
            .unwrap_err()
            .contains("nothing within 300 ms")
    );
    assert!(
        run("yes", 300)
            .unwrap_err()
            .contains("nothing within 300 ms")
    );
    let folder = Folder::new();
    let file = folder.0.join("pid");
    run(&format!("sleep 61 & echo $! > {}", file.display()), 5_000).unwrap();
    let pid = fs::read_to_string(file).unwrap();
    let stat = || fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    while stat().is_ok_and(|text| !text.contains(") Z ")) {
        assert!(began.elapsed() < Duration::from_secs(10), "{pid} lives");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A daemon's notifier with a board of one zone.
fn daemon(state: &Path, how: &How) -> Notifier {
    let mut notifier = Notifier::new(state, Arc::new(|_, _, _| {}));
    notifier.board().keep(&["example.com".to_owned()].into());
    let receiver = receiver(how.clone(), 2_000);
    notifier
        .follow(&[("desk".to_owned(), receiver)].into())
        .unwrap();
    notifier
}

fn wait(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_daemons_and_a_third_after_them_tell_it_once() {
    let heard = Arc::new(AtomicU32::new(0));
    let hears = heard.clone();
    let address = serve(move |mut stream| {
        request(&stream);
        hears.fetch_add(1, Ordering::Relaxed);
        // Long enough for the other daemon to be tempted.
        std::thread::sleep(Duration::from_millis(800));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    let (folder, how) = (Folder::new(), How::Webhook(webhook(address)));
    let halted = Trouble::new(
        "example.com",
        Kind::Halted,
        "ns1",
        "halted",
        "steadfast thaw",
    );
    let daemons = [daemon(&folder.0, &how), daemon(&folder.0, &how)];
    for daemon in &daemons {
        daemon.board().note("example.com", vec![halted.clone()]);
    }
    wait("it is told", || {
        !standing(&folder.0, "desk").told.is_empty()
    });
    std::thread::sleep(Duration::from_secs(2));
    drop(daemons);
    let third = daemon(&folder.0, &how);
    third.board().note("example.com", vec![halted]);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}

#[test]
fn without_a_disk_people_are_told_all_the_same() {
    let heard = Arc::new(AtomicU32::new(0));
    let hears = heard.clone();
    let address = serve(move |mut stream| {
        request(&stream);
        hears.fetch_add(1, Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    let folder = Folder::new();
    // A file stands where the folder would be.
    fs::write(folder.0.join("notify"), "").unwrap();
    let daemon = daemon(&folder.0, &How::Webhook(webhook(address)));
    let halted = Trouble::new(
        "example.com",
        Kind::Halted,
        "ns1",
        "halted",
        "steadfast thaw",
    );
    daemon.board().note("example.com", vec![halted]);
    wait("it is told", || heard.load(Ordering::Relaxed) > 0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}
