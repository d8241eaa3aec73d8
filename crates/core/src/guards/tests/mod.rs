//! Each guard: what it refuses, what it lets pass, what it calls standing, and small zones.

mod amounts;
mod apex;
mod dangling;
mod history;
mod never_empty;
mod order;
