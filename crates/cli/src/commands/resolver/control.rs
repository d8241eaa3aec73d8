//! The socket on which a running resolver explains itself: one line in, one JSON document out.
//! Who may open it is the file system's word.

use dns::Name;
use resolver::{Report, TypeReport};
use serde_json::{Value, json};
use serve::ResolverServer;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest request: a verb and a name.
const LONGEST: u64 = 2048;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the socket of a folder is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Takes requests in a thread of its own, for as long as the program runs.
pub(super) fn listen(dir: &Path, server: &Arc<ResolverServer>) -> io::Result<()> {
    let path = path(dir);
    // The folder is locked by this resolver: a socket that is there has nobody behind it.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let server = Arc::clone(server);
    let thread = std::thread::Builder::new().name("control".into());
    thread.spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever talks nonsense or goes away harms nobody else.
            let _ = converse(&server, stream);
        }
    })?;
    Ok(())
}

/// Removes the socket.
pub(super) fn end(dir: &Path) {
    let _ = std::fs::remove_file(path(dir));
}

fn converse(server: &ResolverServer, mut stream: UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?.take(LONGEST)).read_line(&mut line)?;
    let answer = answer(server, line.trim());
    writeln!(stream, "{answer}")
}

fn answer(server: &ResolverServer, line: &str) -> Value {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let name = Name::absolute(rest);
    match (verb, name) {
        ("why", Ok(name)) => report(&server.why(&name)),
        ("let-go", Ok(name)) => {
            server.let_go(&name);
            report(&server.why(&name))
        }
        ("why" | "let-go", Err(error)) => json!({ "error": format!("{rest:?}: {error}") }),
        _ => json!({ "error": "say `why NAME` or `let-go NAME`" }),
    }
}

fn report(report: &Report) -> Value {
    json!({
        "name": report.name.to_string(),
        "pin": report.pin,
        "blocked": report.blocked,
        "types": report.types.iter().map(of_type).collect::<Vec<_>>(),
    })
}

fn of_type(report: &TypeReport) -> Value {
    let sources = report.sources.iter().map(|source| {
        json!({ "source": source.source.to_string(), "said": source.said, "seconds-ago": source.ago })
    });
    let history = report
        .history
        .iter()
        .map(|(at, text)| json!({ "at": at, "text": text }));
    json!({
        "question": report.question,
        "from": report.from,
        "good": report.good,
        "before": report.before,
        "finding": report.finding,
        "sources": sources.collect::<Vec<_>>(),
        "change": report.change,
        "history": history.collect::<Vec<_>>(),
    })
}
