//! The store: what it promises to one caller, to several processes, and on bad files and disks.
#![allow(missing_docs, clippy::unwrap_used)]

mod bad_files;
mod basics;
mod full_disk;
mod model;
mod processes;
mod support;
