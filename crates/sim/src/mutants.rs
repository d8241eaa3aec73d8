//! Lifecycles with one safeguard taken out. They live here and nowhere else; the exploration that
//! passes with all safeguards must catch each of them.

use steadfast_core::safeguards::Safeguards;

/// No write compares the marker.
#[derive(Clone, Copy, Debug)]
pub struct NoMarker;

impl Safeguards for NoMarker {
    const MARKER: bool = false;
}

/// No write compares the marker, nor what critical names rest on: what October 2025 was. Either of
/// the two refuses the stalled deletion.
#[derive(Clone, Copy, Debug)]
pub struct NoFence;

impl Safeguards for NoFence {
    const MARKER: bool = false;
    const RESTS: bool = false;
}

/// No step compares what critical names rest on.
#[derive(Clone, Copy, Debug)]
pub struct NoRests;

impl Safeguards for NoRests {
    const RESTS: bool = false;
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
