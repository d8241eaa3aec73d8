//! How often each fault, and each thing that only the world knows of, came about.

macro_rules! tallies {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// Counts, by name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The names of all counts.
        pub const NAMES: &[&str] = &[$($text,)*];

        impl Tally {
            /// Adds another run's.
            pub fn add(&mut self, other: &Tally) {
                $(self.$name += other.$name;)*
            }

            /// All of them, each with its name.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($text, self.$name),)*].into_iter()
            }
        }
    };
}

tallies! {
    /// A follower has transferred a newer version.
    transfers "a follower transfers"
    /// A follower was asked, and answered of an older version than its primary.
    behind "a follower that is behind is asked"
    /// A follower keeps other data than its primary, whose serial is no newer.
    stuck "a follower keeps what its restored primary lost"
    /// A follower was down when a repair needed its serial.
    unknown "a repair waits for a follower's serial"
    /// A client was told what an authority said.
    asked "a client is told afresh"
    /// A client was told what a cache kept.
    kept "a client is told from a cache"
    /// …which the authority that it would have asked says no more.
    outdated "a client is told what was superseded"
    /// A cache was told that something is not there.
    nothing "a cache keeps a nothing"
    /// A client was told something put together of what was heard at different times.
    pieced "an answer is put together in a cache"
}
