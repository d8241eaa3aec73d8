//! The store: what it promises to one caller, to several processes, and on bad files and disks.
#![allow(missing_docs, clippy::unwrap_used)]

mod basics;

mod model;

mod support;
