//! Tells people: carries out what the core's pager decides.
//!
//! A thread a receiver, so that one that hangs holds up no other, and none holds up enacting or
//! probing: those only leave what is wrong on a [`Board`]. Nothing is queued; whoever sends looks at
//! the board. What was told stands in a file that the daemons of a cell share (`memory.rs`).

mod board;
mod deliver;
mod memory;
mod tls;
mod worker;

pub use board::Board;
pub use deliver::deliver;
pub use memory::standing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::pager::Rules;
use worker::Worker;

/// Somebody who is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receiver {
    /// Its name in the config.
    pub name: String,
    /// How it is reached.
    pub how: How,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// What it wants.
    pub rules: Rules,
}

/// How a receiver is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum How {
    /// POST with JSON. Any status from 200 to 299 says that it was taken.
    Webhook(Webhook),
    /// A program that gets JSON on standard input. Exit code 0 says that it was taken.
    Command {
        /// The program, by its path, and its arguments.
        argv: Vec<String>,
    },
}

/// An HTTP server, by its address: no name is looked up (I10).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its name, for the `Host` header and its certificate; the address, where it has none.
    pub name: Option<String>,
    /// The path and query.
    pub path: String,
    /// A file with further header fields, or a token.
    pub token: Option<PathBuf>,
}

/// How a delivery went.
#[derive(Debug)]
pub enum Went {
    /// The receiver took it, and says this.
    Taken(String),
    /// It did not; it is tried again after so long.
    Failed(String, Duration),
    /// What was told can't be kept on disk: a restart may tell it again.
    Unkept(String),
}

/// Hears how deliveries went: the receiver's name, the message for people, how it went.
pub type Hear = Arc<dyn Fn(&str, &str, &Went) + Send + Sync>;

/// Tells receivers, until it is dropped. A delivery under way is not waited for.
pub struct Notifier {
    board: Arc<Board>,
    folder: PathBuf,
    hear: Hear,
    workers: BTreeMap<String, (Receiver, Worker)>,
}

impl Notifier {
    /// Tells nobody yet. `state` is the cell's folder.
    pub fn new(state: &Path, hear: Hear) -> Notifier {
        Notifier {
            board: Arc::default(),
            folder: memory::folder(state),
            hear,
            workers: BTreeMap::new(),
        }
    }

    /// Goes on with these receivers; those that stay as they are go on undisturbed.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn follow(&mut self, receivers: &BTreeMap<String, Receiver>) -> std::io::Result<()> {
        self.workers
            .retain(|name, (was, _)| receivers.get(name) == Some(was));
        for (name, receiver) in receivers {
            if !self.workers.contains_key(name) {
                let (board, hear) = (self.board.clone(), self.hear.clone());
                let worker = Worker::start(receiver.clone(), &self.folder, board, hear)?;
                self.workers
                    .insert(name.clone(), (receiver.clone(), worker));
            }
        }
        self.board.is_read(!self.workers.is_empty());
        Ok(())
    }

    /// Where what is wrong is left.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }
}

#[cfg(test)]
mod tests;
