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
    /// Stops of an enactor.
    stalls "an enactor is stopped"
    /// Deaths of an enactor.
    crashes "an enactor dies"
    /// Clocks off by little.
    skews "a clock is off"
    /// Clocks set far ahead.
    ahead "a clock jumps ahead"
    /// Clocks set far back.
    back "a clock jumps back"
    /// Servers' clocks.
    server_skews "a server's clock is off"
    /// Writes of which nobody knows whether they arrive.
    lost "a write is lost or late"
    /// Answers that were given and not heard.
    unheard "an answer is lost"
    /// Questions without an answer.
    unanswered "a question is lost"
    /// Writes that came twice.
    duplicates "a write arrives twice"
    /// Writes that came after one that was decided later.
    overtaken "a write arrives after a later one"
    /// Partitions between an enactor and a server…
    cuts "an enactor is cut off a server"
    /// …and between an enactor and its store.
    store_cuts "an enactor is cut off its store"
    /// Appends that failed for once.
    store_fails "a store fails"
    /// Appends that were done, and nobody was told.
    store_forgets "a store's answer is lost"
    /// Appends that a full disk refused.
    full "a disk is full"
    /// Copies of a store.
    copies "a store is copied"
    /// Older stores in place of the zone's.
    put_back "a ledger goes back"
    /// Other ledgers for the same servers.
    rivals "a rival ledger begins"
    /// Markers that somebody altered.
    forged "a marker is forged"
    /// Servers that were down.
    downs "a server is down"
    /// Servers that refused.
    refuses "a server refuses"
    /// Restored backups.
    restores "a backup is restored"
    /// Zone files loaded.
    reloads "a zone file is loaded"
    /// Foreign edits.
    edits "somebody edits"
    /// A client was told something put together of what was heard at different times.
    pieced "an answer is put together in a cache"
}
