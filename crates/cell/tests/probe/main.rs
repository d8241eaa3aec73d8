//! Probes against targets that behave as targets do: each of them a real socket on loopback.

#![allow(clippy::unwrap_used)]

mod dns;
mod http;
mod kit;
mod rounds;
mod tls;
