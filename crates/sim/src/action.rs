//! What can happen in the world, one thing at a time: the alphabet of traces.

use crate::followers::Ask;
use crate::targets::Fate;
use dns::{Name, RRset, Rtype};
use serde::{Deserialize, Serialize};
use steadfast_core::rollout::Word;

/// Index of an enactor.
pub type E = u8;
/// Index of a server.
pub type Srv = u8;

/// A request that an enactor made of a server: the enactor, and the how-manieth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Item(pub E, pub u32);

/// What an operator asks for, at the enactor it works with.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Plan and propose the content of a recipe (see [`crate::scenario::recipe`]).
    Apply(u64),
    /// Plan and propose the present content with something spoilt (see [`crate::scenario::spoil`]).
    Spoil(u8),
    /// Propose a plan that was made that many generations ago, for the content of a recipe.
    Late(u64, u64),
    /// Plan and propose the content of that many generations ago.
    Rollback(u64),
    /// Freeze; `Some`: for that many milliseconds.
    Freeze(Option<u64>),
    /// Thaw.
    Thaw,
    /// A person looked at a halted server, and writing may go on.
    Resume(Srv),
    /// Plan and propose the present content with one endpoint moved (see
    /// [`crate::scenario::endpoint`]).
    Move(u16, u8),
    /// Plan and propose the present content with an endpoint defined otherwise (see
    /// [`crate::targets::shaped`]).
    Define(u8, u8),
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// An enactor starts, knowing nothing but its store.
    Start(E),
    /// It dies with all that is not in the store.
    Crash(E),
    /// It is stopped (SIGSTOP); the director holds back what it would do. A remark in the trace.
    Stall(E),
    /// It goes on.
    Go(E),
    /// Its clock is set: milliseconds ahead of the world's.
    Skew(E, i64),
    /// Its timer rings.
    Wake(E),
    /// The store does the enactor's next request.
    Store(E),
    /// The store's next answer reaches the enactor.
    Answer(E),
    /// The enactor's store fails it.
    StoreFails(E),
    /// The store does the enactor's next request, and its answer is lost: the enactor is told that
    /// the store failed.
    StoreForgets(E),
    /// A write leaves the machine.
    Send(Item),
    /// A write reaches its server. Twice: a duplicate.
    Deliver(Item),
    /// A server answers the next question of a reading, a transfer, or for serials.
    Look(Item),
    /// The answer reaches the enactor.
    Return(Item),
    /// The enactor stops waiting for an answer.
    GiveUp(Item),
    /// An operator does something with the help of an enactor.
    Operate(E, Verb),
    /// A server goes down.
    Down(Srv),
    /// It comes up.
    Up(Srv),
    /// A server refuses updates (frozen zone).
    Refuse(Srv),
    /// It takes them again.
    Permit(Srv),
    /// The served view follows the kept one by one version.
    Show(Srv),
    /// A server's clock is set.
    ServerSkew(Srv, i64),
    /// A server's zone is backed up.
    Backup(Srv),
    /// The backup is restored.
    Restore(Srv),
    /// A zone file made from the present content, without the marker, is loaded.
    Reload(Srv),
    /// Somebody else sets an RRset.
    Foreign(Srv, Name, Rtype, Option<RRset>),
    /// A store is copied; the copy gets the next number.
    CopyStore(u8),
    /// An enactor is to use another store, from its next start.
    Attach(E, u8),
    /// Faults end here: from now on everything has to come to rest.
    Calm,
    /// Everything must be at rest by now (I12).
    Check,
    /// A follower of a server asks it for something newer. Its first time: there it begins.
    Transfer(Srv, u8),
    /// A follower goes down.
    FollowerDown(Srv, u8),
    /// It comes up, with what it had.
    FollowerUp(Srv, u8),
    /// A client asks a cache.
    Ask(Ask),
    /// Nothing passes between an enactor and a server, or its store. The director holds back what
    /// would: a remark in the trace.
    Cut(E, Option<Srv>),
    /// It passes again.
    Joined(E, Option<Srv>),
    /// A store's disk is full: it can be read, and takes no append.
    Full(u8),
    /// There is room again.
    Roomy(u8),
    /// Somebody else alters one part of the marker that stands: its hash, step, generation or
    /// ledger.
    Forge(Srv, u8),
    /// Something befalls a target or a prober.
    Targets(Fate),
    /// The zone's store and a copy change places: the ledger went back. Whoever used them dies.
    PutBack(u8),
    /// A check of a stage has looked: what it says to the life of an enactor that asked, and which
    /// question it answers.
    Said(E, u64, u64, Word),
    /// Somebody adopts the zone with another ledger, in a store of its own: it gets the next number.
    Rival,
}

/// An action and when it happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Event {
    /// Milliseconds of the world's clock.
    pub at: u64,
    /// What.
    pub action: Action,
}

/// What an action brought about that somebody has to move on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A request waits for the store.
    StoreWaits(E),
    /// An answer of the store waits.
    AnswerWaits(E),
    /// A write wants to be sent.
    WriteWaits(Item),
    /// A write is under way.
    Sent(Item),
    /// A reading, transfer or question for serials wants its next answer.
    LookWaits(Item),
    /// An answer waits to be returned.
    ReplyWaits(Item),
    /// The enactor wants to be woken at that time of the world's clock.
    WakeAt(E, u64),
    /// A served view trails by one more version.
    Trails(Srv),
    /// A prober has made a round.
    Probed(E, u8),
    /// A check was asked, in a life of an enactor: its number.
    Asked(E, u64, u64),
    /// An operator's verb was answered: whether with yes.
    Answered(E, bool),
}

/// FNV-1a, so that hashes are the same on every machine and in every version.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(pub u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
