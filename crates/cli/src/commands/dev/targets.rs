//! The demonstration's targets: tiny HTTP servers, each in a region of its own.

use crate::exit::{Exit, Fail};
use cell::servers::holder;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where they are, by region.
pub(super) const REGIONS: [(&str, [u8; 4]); 3] = [
    ("us-east", [127, 0, 2, 1]),
    ("eu-west", [127, 0, 2, 2]),
    ("ap-south", [127, 0, 2, 3]),
];
/// The first port that is tried, and how many.
const PORT: u16 = 8300;
const PORTS: u16 = 100;

/// All targets, on one port.
pub(super) struct Targets {
    port: u16,
    running: BTreeMap<&'static str, Running>,
}

struct Running {
    at: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Targets {
    /// Starts all of them on the first port that all of them can have. `taken` hears of those that
    /// they can't.
    pub(super) fn start(taken: &mut dyn FnMut(String)) -> Result<Targets, Fail> {
        let mut last = None;
        for port in PORT..PORT + PORTS {
            let mut targets = Targets {
                port,
                running: BTreeMap::new(),
            };
            let failed = REGIONS.iter().find_map(|(region, _)| {
                let error = targets.begin(region).err()?;
                Some((SocketAddr::new(address(region)?, port), error))
            });
            match failed {
                None => return Ok(targets),
                Some((at, error)) if error.kind() == ErrorKind::AddrInUse => {
                    let by = holder::of(at).map_or_else(String::new, |h| format!(" by {h}"));
                    taken(format!("{at} is taken{by}; trying the next port"));
                    last = Some((at, error));
                }
                Some(other) => {
                    last = Some(other);
                    break;
                }
            }
        }
        let (at, error) =
            last.map_or_else(Default::default, |(a, e)| (a.to_string(), e.to_string()));
        let message = format!("the targets can't listen on {at}: {error}");
        Err(Fail::new(Exit::Error, "no-targets", message, ""))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether that region's target runs.
    pub(super) fn runs(&self, region: &str) -> bool {
        self.running.contains_key(region)
    }

    /// Starts a region's target.
    pub(super) fn begin(&mut self, region: &str) -> std::io::Result<()> {
        let Some((region, octets)) = REGIONS.iter().find(|(r, _)| *r == region) else {
            return Err(ErrorKind::NotFound.into());
        };
        if self.runs(region) {
            return Ok(());
        }
        let at = SocketAddr::from((*octets, self.port));
        let listener = TcpListener::bind(at)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, name) = (stop.clone(), *region);
        let thread = std::thread::Builder::new().name((*region).into());
        let thread = thread.spawn(move || serve(&listener, name, &flag))?;
        self.running.insert(region, Running { at, stop, thread });
        Ok(())
    }

    /// Ends a region's target; whether it ran.
    pub(super) fn end(&mut self, region: &str) -> bool {
        let Some(running) = self.running.remove(region) else {
            return false;
        };
        running.stop.store(true, Ordering::Relaxed);
        // Wakes it.
        drop(TcpStream::connect_timeout(
            &running.at,
            Duration::from_secs(1),
        ));
        let _ = running.thread.join();
        true
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        for (region, _) in REGIONS {
            self.end(region);
        }
    }
}

/// A region's address.
pub(super) fn address(region: &str) -> Option<IpAddr> {
    let found = REGIONS.iter().find(|(r, _)| *r == region);
    found.map(|(_, octets)| IpAddr::from(*octets))
}

/// The region of an address.
pub(super) fn region(target: IpAddr) -> &'static str {
    let mut all = REGIONS.iter();
    let found = all.find(|(_, octets)| IpAddr::from(*octets) == target);
    found.map_or("?", |(region, _)| region)
}

/// Answers every request alike, one after the other.
fn serve(listener: &TcpListener, region: &str, stop: &AtomicBool) {
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let body = format!("hello from {region}\n");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes());
    }
}
