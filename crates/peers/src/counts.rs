//! How often a test repeats what only repetition shows.

/// The number of repetitions: all of them under `cargo xtask soak`, a tenth (at least one)
/// otherwise. Prints which, so that a log says what it proves.
pub fn rounds(what: &str, full: u32) -> u32 {
    let soak = std::env::var_os("STEADFAST_SOAK").is_some_and(|value| value == "1");
    let count = rounds_of(full, soak);
    println!("{what}: {count} of {full}");
    count
}

fn rounds_of(full: u32, soak: bool) -> u32 {
    if soak { full } else { full.div_ceil(10).max(1) }
}

#[cfg(test)]
mod tests {
    use super::rounds_of;

    #[test]
    fn a_tenth_unless_soaking() {
        assert_eq!(
            [(200, false), (200, true), (5, false), (0, false)]
                .map(|(full, soak)| rounds_of(full, soak)),
            [20, 200, 1, 1]
        );
    }
}
