//! Lifecycles with one safeguard taken out. They live here and nowhere else; the exploration that
//! passes with all safeguards must catch each of them.

use steadfast_core::safeguards::Safeguards;

/// No write compares the marker.
#[derive(Clone, Copy, Debug)]
pub struct NoMarker;

impl Safeguards for NoMarker {
    const MARKER: bool = false;
}

/// Where a write leads to is looked up once, when an enactor starts.
#[derive(Clone, Copy, Debug)]
pub struct FreshCheckedOnce;

impl Safeguards for FreshCheckedOnce {
    const FRESH: bool = false;
}

/// No write compares what it replaces.
#[derive(Clone, Copy, Debug)]
pub struct NoBeforeValues;

impl Safeguards for NoBeforeValues {
    const BEFORE_VALUES: bool = false;
}
