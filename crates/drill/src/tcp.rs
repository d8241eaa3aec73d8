//! Streams: a thread for each connection, which has one to the upstream when it needs it.

use crate::proxy::{Fate, LOOK, Shared};
use fault::Span;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The most connections at once; more are closed.
const MOST: usize = 64;
/// How long a client may be silent, and how long the upstream may take.
const IDLE: Duration = Duration::from_secs(10);

/// Takes connections until told to stop. The caller wakes it with a connection of its own.
pub(crate) fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if shared.stopping() {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors, as a rule: others have to close theirs first.
            std::thread::sleep(LOOK);
            continue;
        };
        if open.load(Ordering::Relaxed) >= MOST {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (shared, places) = (Arc::clone(shared), Arc::clone(&open));
        let thread = std::thread::Builder::new().name("drill-tcp".into());
        let spawned = thread.spawn(move || {
            // Whatever goes wrong on a connection ends it, and nothing else.
            let _ = converse(&shared, stream);
            places.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn converse(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    prepare(&client)?;
    let mut upstream = None;
    loop {
        let request = receive(shared, &mut client)?;
        if request.len() < 12 || request.get(2).is_some_and(|flags| flags & 0x80 != 0) {
            return Err(ErrorKind::InvalidData.into());
        }
        let answer = match shared.fate(&request) {
            Fate::Silence => continue,
            Fate::Forged(octets) => octets,
            Fate::Pass => exchange(shared, &mut upstream, &request)?,
            Fate::Later(due) => {
                sleep_until(shared, due);
                exchange(shared, &mut upstream, &request)?
            }
        };
        send(&mut client, &answer)?;
    }
}

/// Asks the upstream. One that is gone ends the client's connection, as it would end its own.
fn exchange(
    shared: &Shared,
    upstream: &mut Option<TcpStream>,
    request: &[u8],
) -> io::Result<Vec<u8>> {
    let stream = match upstream {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect_timeout(&shared.upstream, IDLE)?;
            prepare(&stream)?;
            upstream.insert(stream)
        }
    };
    send(stream, request)?;
    let answer = receive(shared, stream)?;
    shared.passed.fetch_add(1, Ordering::Relaxed);
    Ok(answer)
}

fn sleep_until(shared: &Shared, due: Span) {
    while !shared.stopping() {
        let left = due.0.saturating_sub(shared.clock.elapsed().0);
        if left == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(left).min(LOOK));
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(IDLE))
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let len = u16::try_from(message.len()).map_err(|_| ErrorKind::InvalidData)?;
    stream.write_all(&[&len.to_be_bytes()[..], message].concat())
}

fn receive(shared: &Shared, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut len = [0; 2];
    fill(shared, stream, &mut len)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    fill(shared, stream, &mut message)?;
    Ok(message)
}

/// Reads so many octets, however they come.
fn fill(shared: &Shared, stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let (mut at, begin) = (0, Instant::now());
    while let Some(rest) = buffer.get_mut(at..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => at += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if shared.stopping() || begin.elapsed() > IDLE {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
