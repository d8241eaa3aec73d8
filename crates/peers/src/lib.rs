//! Real DNS servers for tests and measurements.
//!
//! Steadfast's promises are about what BIND, Knot and PowerDNS really do, so its tests start
//! those programs, from Debian's packages, on loopback, and throw every file away afterwards:
//!
//! ```no_run
//! # use steadfast_peers as peers;
//! use peers::{Kind, PeerBuilder, ask, zone_text};
//!
//! let text = zone_text("example.com", "www 60 A 192.0.2.1\n");
//! let peer = PeerBuilder::new(Kind::Bind).zone("example.com", &text).start();
//! assert_eq!(ask(peer.addr(), "www.example.com", "A").data("A"), ["192.0.2.1"]);
//! ```
//!
//! What holds for every peer:
//! * It listens on `127.0.0.1` only, on a port that nobody else holds, and asks nobody anything.
//! * Its files live in one new folder under the system's temporary folder, removed on drop
//!   (kept when the environment variable `PEERS_KEEP` is set).
//! * Its process dies with the [`Peer`], and with the test process however that one ends.
//! * A server or tool that is not installed fails the test, with the command that installs it.
//!
//! This is a test kit: what goes wrong panics, with the tail of the server's log. It is never
//! shipped, and it must not use the `dns` crate, or one mistake there could hide itself.

mod bind;
mod builder;
mod builtin;
mod counts;
mod flavour;
mod key;
mod kind;
mod knot;
mod peer;
mod port;
mod postgres;
mod powerdns;
mod process;
mod prometheus;
mod proxy;
mod sampler;
mod scratch;
mod tools;
mod wire;

pub use builder::{Mode, PeerBuilder, zone_text};
pub use counts::rounds;
pub use kind::{Kind, Program, install_command, missing, require};
pub use peer::{Backup, Peer};
pub use port::Port;
pub use prometheus::Prometheus;
pub use proxy::{Behaviour, Proxy};
pub use sampler::{FirstEmpty, Sampler, Samples};
pub use tools::{TOOLS, nsupdate, octodns};
pub use wire::{Answer, Record, ask, ask_signed, try_ask, try_ask_recursive};
