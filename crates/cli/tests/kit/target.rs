//! A target of endpoints that can be stopped.
// Several tests share it, and none uses all of it.
#![allow(dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A target: an HTTP server that says 200, while it runs.
pub(crate) struct Target {
    pub(crate) address: SocketAddrV4,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    /// How often it was asked.
    pub(crate) asked: Arc<AtomicU32>,
}

impl Target {
    pub(crate) fn new(address: SocketAddrV4) -> Target {
        let mut target = Target {
            address,
            running: None,
            asked: Arc::default(),
        };
        target.start();
        target
    }

    pub(crate) fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        let listener = TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), self.asked.clone());
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => {
                        let mut request = [0; 1024];
                        let _ = stream.set_nonblocking(false);
                        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                        let _ = stream.read(&mut request);
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    Err(_) => return,
                }
            }
        });
        self.running = Some((stop, thread));
    }

    pub(crate) fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap();
        }
    }

    pub(crate) fn flip(&mut self) {
        match self.running {
            Some(_) => self.stop(),
            None => self.start(),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop();
    }
}
