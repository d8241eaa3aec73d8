//! What lies beside the ledger, addressed by hash: plans, courses, contents.

use crate::health::{DefinitionError, ENDPOINT, from_rrset};
use crate::ledger::ServerId;
use crate::marker::Holding;
use crate::plan::{FORMAT, Plan, Steps};
use crate::written::Written;
use dns::{Change, Digest, Name, RRset, Zone};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The first octets of a stored content.
const CONTENT: &[u8] = b"steadfast-content-1\n";

/// A way for one server from what it holds to the present configuration, made when the plan
/// itself does not fit: it missed a generation, stopped half-way, drifted or was restored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Course {
    /// [`FORMAT`].
    pub format: u32,
    /// The zone.
    pub zone: Name,
    /// The server.
    pub server: ServerId,
    /// What it starts from.
    pub from: Holding,
    /// The configuration generation it leads to.
    pub to: u64,
    /// What changes, and in which order.
    pub steps: Steps,
}

/// What a move of targets changes on a server: what it answers, not what its configuration says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moves {
    /// [`FORMAT`].
    pub format: u32,
    /// The zone.
    pub zone: Name,
    /// The health generation that it leads to, or part of the way there.
    pub health: u64,
    /// The changes, in canonical order of owner and type, each pair once.
    pub changes: Vec<Change>,
}

/// A body.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Moves.
    Moves(Moves),
    /// A plan.
    Plan(Plan),
    /// A course.
    Course(Course),
    /// The owned content of a generation.
    Content(Arc<Zone>),
}

/// Why stored octets are not a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not what the hash says.
    #[error("the stored body {0} was altered")]
    Altered(Digest),
    /// Octets that make no sense.
    #[error("the stored body {0} can't be read: {1}")]
    Unreadable(Digest, String),
    /// A format of a newer version.
    #[error("the stored body {0} has format {1}, this version knows {FORMAT}")]
    Newer(Digest, u32),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "body", rename_all = "kebab-case")]
enum Json {
    Moves(Moves),
    Plan(Plan),
    Course(Course),
}

impl Body {
    /// The octets to store, and their hash.
    pub fn encode(&self) -> (Digest, Written<Body>) {
        let json = |json: &Json| {
            serde_json::to_vec(json)
                .unwrap_or_else(|e| unreachable!("bodies have string keys and whole numbers: {e}"))
        };
        let bytes = match self {
            Body::Moves(moves) => json(&Json::Moves(moves.clone())),
            Body::Plan(plan) => json(&Json::Plan(plan.clone())),
            Body::Course(course) => json(&Json::Course(course.clone())),
            Body::Content(zone) => content_bytes(zone),
        };
        (Digest::of(&bytes), bytes.into())
    }

    /// Reads stored octets.
    ///
    /// # Errors
    /// A hash that does not fit, a newer format, unreadable octets.
    pub fn decode(hash: Digest, bytes: &[u8]) -> Result<Body, BodyError> {
        if Digest::of(bytes) != hash {
            return Err(BodyError::Altered(hash));
        }
        Body::parse(hash, bytes)
    }

    /// The same for octets that are shared: whoever comes first reads, everybody checks the hash.
    ///
    /// # Errors
    /// As [`Body::decode`].
    pub fn open(hash: Digest, bytes: &Written<Body>) -> Result<Arc<Body>, BodyError> {
        if Digest::of(bytes) != hash {
            return Err(BodyError::Altered(hash));
        }
        bytes.read(|bytes| Body::parse(hash, bytes))
    }

    fn parse(hash: Digest, bytes: &[u8]) -> Result<Body, BodyError> {
        let unreadable = |why: String| BodyError::Unreadable(hash, why);
        if let Some(rest) = bytes.strip_prefix(CONTENT) {
            let zone = content(rest).ok_or_else(|| unreadable("malformed content".into()))?;
            definitions(zone.iter()).map_err(|e| unreadable(e.to_string()))?;
            return Ok(Body::Content(Arc::new(zone)));
        }
        let json = serde_json::from_slice(bytes).map_err(|e| unreadable(e.to_string()))?;
        let (format, sound) = match &json {
            Json::Moves(moves) => (moves.format, moves.is_sound()),
            Json::Plan(plan) => (plan.format, plan.steps.is_sound()),
            Json::Course(course) => (course.format, course.steps.is_sound_apart()),
        };
        if format != FORMAT {
            return Err(BodyError::Newer(hash, format));
        }
        if !sound {
            return Err(unreadable("its steps do not hold each change once".into()));
        }
        let steps = match &json {
            Json::Moves(_) => None,
            Json::Plan(plan) => Some(&plan.steps),
            Json::Course(course) => Some(&course.steps),
        };
        let changes = steps.iter().flat_map(|s| &s.changes);
        let sides = changes.flat_map(|c| c.before().into_iter().chain(c.after()));
        definitions(sides).map_err(|e| unreadable(e.to_string()))?;
        Ok(match json {
            Json::Moves(moves) => Body::Moves(moves),
            Json::Plan(plan) => Body::Plan(plan),
            Json::Course(course) => Body::Course(course),
        })
    }

    /// The steps, where the body has some.
    pub fn steps(&self) -> Option<&Steps> {
        match self {
            Body::Plan(plan) => Some(&plan.steps),
            Body::Course(course) => Some(&course.steps),
            Body::Moves(_) | Body::Content(_) => None,
        }
    }
}

/// Whether every endpoint's definition can be read: rendering has to rely on it.
fn definitions<'r>(sets: impl Iterator<Item = &'r RRset>) -> Result<(), DefinitionError> {
    for rrset in sets.filter(|r| r.rtype() == ENDPOINT) {
        from_rrset(rrset)?;
    }
    Ok(())
}

impl Moves {
    fn is_sound(&self) -> bool {
        let key = |c: &Change| (c.name().clone(), c.rtype());
        self.changes.is_sorted_by(|a, b| key(a) < key(b))
    }
}

fn content_bytes(zone: &Zone) -> Vec<u8> {
    let mut out = CONTENT.to_vec();
    let key = zone.apex().key();
    out.extend_from_slice(&(key.len() as u16).to_be_bytes());
    out.extend_from_slice(key);
    zone.iter().for_each(|rrset| rrset.pack(&mut out));
    out
}

fn content(bytes: &[u8]) -> Option<Zone> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    let (key, mut rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let apex = Name::from_key(key).ok()?;
    let mut rrsets = Vec::new();
    while !rest.is_empty() {
        rrsets.push(RRset::unpack(&mut rest)?);
    }
    Zone::new(apex, rrsets).ok()
}
