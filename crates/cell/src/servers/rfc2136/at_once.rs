//! Several updates as close to each other as can be.

use super::{Rfc2136, Sealed, UpdateReply};
use crate::servers::exchange::{Connection, Failure};
use dns::Update;

impl Rfc2136 {
    /// Sends each update once, over a connection of its own: first all are connected, then all
    /// requests go out, then all answers are read, everything within `exchange`. The replies come
    /// in the order of the updates.
    pub(in crate::servers) fn at_once(
        &self,
        updates: &[Update],
        signed_at: u64,
        fudge: u16,
    ) -> Vec<UpdateReply> {
        let sealed = updates.iter().map(|u| self.seal(u, signed_at, fudge));
        let sealed: Vec<Result<Sealed<'_>, String>> = sealed.collect();
        let connections = self.connect_all(updates.len());
        let sent: Vec<Result<Connection, Failure>> = connections
            .into_iter()
            .zip(&sealed)
            .map(|(connection, sealed)| {
                let mut connection = connection?;
                if let Ok(sealed) = sealed {
                    connection.send(&sealed.octets)?;
                }
                Ok(connection)
            })
            .collect();
        let received = sent
            .into_iter()
            .zip(sealed)
            .map(|(sent, sealed)| match sealed {
                Ok(sealed) => sealed.judge(sent.and_then(|mut connection| connection.receive())),
                Err(why) => UpdateReply::not_sent(why),
            });
        received.collect()
    }

    /// At the same time, because each may take as long as a packet there and back.
    fn connect_all(&self, count: usize) -> Vec<Result<Connection, Failure>> {
        let time = self.exchange.timeouts().exchange;
        std::thread::scope(|scope| {
            let connect = || self.exchange.connect(time);
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(connect)).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            // A thread that ended unexpectedly made no connection.
            joined
                .map(|made| made.unwrap_or_else(|_| connect()))
                .collect()
        })
    }
}
