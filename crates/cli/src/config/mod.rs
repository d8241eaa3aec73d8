//! The config file, `steadfast.toml`.
pub mod keys;
pub mod model;
pub mod names;
pub mod suggest;
pub mod text;
