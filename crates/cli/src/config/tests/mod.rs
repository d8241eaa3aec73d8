#![allow(clippy::unwrap_used)]
use super::*;
use crate::diag::render_all;

const DESIGN: &str = include_str!("../../../tests/fixtures/design.toml");

mod bad;
mod hostile;
mod made;
mod notify;
mod stages;

fn parse_text(text: &str) -> Result<Loaded, Vec<Diag>> {
    parse(
        Source::new("steadfast.toml", text),
        Path::new("/etc/steadfast"),
    )
}

#[test]
fn the_printed_file_loads() {
    let loaded = parse_text(DESIGN)
        .map_err(|diags| render_all(&diags, false))
        .unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    insta::assert_debug_snapshot!(loaded.config);
}
