//! The resolver's shell: sockets, threads, clocks, files and entropy around
//! [`resolver::Resolver`], which decides.
//!
//! Listening threads take questions, hand them to the state machine, and carry out what follows.
//! One more thread waits for upstreams and timers. Each question to an upstream has a socket of
//! its own, connected: the kernel draws its port and takes datagrams from nobody else.

mod clock;
mod core;
mod front;
mod net;
mod outward;
mod server;
mod store;
mod udp;
mod write;

pub use net::{Network, NetworkError};
pub use server::{ResolverConfig, ResolverError, ResolverServer};
