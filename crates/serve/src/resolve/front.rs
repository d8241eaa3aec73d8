//! What a worker answers without the state machine: fresh cached answers that it has just been
//! given, for a moment.
//!
//! It has no lock and decides nothing. The state machine is asked again every two seconds, so that
//! it knows what is in use, and in the last tenth of an answer's life, so that it renews it.

use super::udp::checking_disabled;
use crate::request::Request;
use resolver::{Answer, Reply, Ttl};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Places; questions share them by hash, the last one stays.
const PLACES: usize = 1 << 16;
/// How long an answer is served without asking the state machine, in milliseconds.
const MOMENT: u64 = 2000;

/// The answers of one worker.
pub(super) struct Front {
    places: Vec<Option<Box<Held>>>,
    hasher: RandomState,
    epoch: u64,
}

struct Held {
    name: Box<[u8]>,
    qtype: u16,
    checking_disabled: bool,
    answer: Arc<Answer>,
    /// The most that is shown of a TTL, in seconds.
    shown: u32,
    /// When the answer came, and until when it is served from here.
    born: u64,
    until: u64,
}

impl Front {
    pub(super) fn new() -> Front {
        Front {
            places: (0..PLACES).map(|_| None).collect(),
            hasher: RandomState::new(),
            epoch: 0,
        }
    }

    /// Forgets everything when the epoch has moved: something was let go of, or the lists are
    /// others.
    pub(super) fn begin(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.places.fill_with(|| None);
            self.epoch = epoch;
        }
    }

    /// The reply to a question.
    pub(super) fn find(&self, request: &Request<'_>, mono: u64) -> Option<Reply> {
        let held = self.places.get(self.place(request))?.as_ref()?;
        let same = held.qtype == request.qtype
            && held.checking_disabled == checking_disabled(request)
            && *held.name == *request.name();
        if !same || mono >= held.until {
            return None;
        }
        let age = u32::try_from(mono.saturating_sub(held.born) / 1000).unwrap_or(u32::MAX);
        Some(Reply {
            rcode: held.answer.rcode,
            authentic: held.answer.authentic,
            records: Some((Arc::clone(&held.answer), Ttl::Aged(age, held.shown))),
            errors: Vec::new(),
        })
    }

    /// Keeps a fresh reply for a moment.
    pub(super) fn keep(
        &mut self,
        request: &Request<'_>,
        reply: &Reply,
        (born, fresh_until): (u64, u64),
        mono: u64,
    ) {
        let (Some((answer, Ttl::Aged(_, shown))), true) = (&reply.records, reply.errors.is_empty())
        else {
            return;
        };
        let last_tenth = fresh_until - (fresh_until - born) / 10;
        let until = last_tenth.min(mono + MOMENT);
        let place = self.place(request);
        let held = Held {
            name: request.name().into(),
            qtype: request.qtype,
            checking_disabled: checking_disabled(request),
            answer: Arc::clone(answer),
            shown: *shown,
            born,
            until,
        };
        if let Some(slot) = self.places.get_mut(place).filter(|_| mono < until) {
            *slot = Some(Box::new(held));
        }
    }

    fn place(&self, request: &Request<'_>) -> usize {
        self.hasher.hash_one((request.name(), request.qtype)) as usize % PLACES
    }
}
