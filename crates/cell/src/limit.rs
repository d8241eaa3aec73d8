//! How long something may take, whatever it waits for.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// When something ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    at: Instant,
    whole: Duration,
}

impl Limit {
    pub(crate) fn after(whole: Duration) -> Limit {
        let at = Instant::now() + whole;
        Limit { at, whole }
    }

    /// What is left; `None`: nothing.
    pub(crate) fn left(&self) -> Option<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    pub(crate) fn passed(&self) -> String {
        format!("nothing within {} ms", self.whole.as_millis())
    }

    fn or_late(&self) -> Result<Option<Duration>> {
        let left = self.left().ok_or(Error::from(ErrorKind::TimedOut))?;
        Ok(Some(left))
    }
}

/// A connection that ends with its limit, also where the other side sends an octet a second.
pub(crate) struct Timed {
    pub(crate) stream: TcpStream,
    pub(crate) limit: Limit,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(self.limit.or_late()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, octets: &[u8]) -> Result<usize> {
        self.stream.set_write_timeout(self.limit.or_late()?)?;
        self.stream.write(octets)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}
