//! An endpoint's definition as part of a zone's content.
//!
//! A definition stands in the content of a configuration like an RRset, under a type of its own: it
//! is planned, diffed, hashed, cleared, cleaned up and rolled back like one, and it never leaves the
//! ledger. What servers hold in its place is the address RRsets that follow from it and from the
//! health of its targets (`render`). A record of this type on a server is nobody's definition; it is
//! dropped where transfers are read.

use super::Endpoint;
use dns::{RRset, Rtype};
use serde::{Deserialize, Serialize};

/// The type of definitions: of the range for private use (RFC 6895 §3.1).
pub const ENDPOINT: Rtype = Rtype(65_400);

/// The format of definitions that this version writes, and the only one it reads.
const FORMAT: u32 = 1;

/// Why a stored definition makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Not the JSON of an endpoint.
    #[error("the definition of the endpoint {0} can't be read: {1}")]
    Unreadable(dns::Name, String),
    /// A newer version wrote it.
    #[error("the definition of the endpoint {0} has format {1}, this version knows {FORMAT}")]
    Newer(dns::Name, u32),
    /// It is of another name than its owner.
    #[error("the definition at {0} is of {1}")]
    Misplaced(dns::Name, dns::Name),
    /// More than a record holds.
    #[error("the endpoint {0} has {1} targets: more than a definition of 65,535 octets holds")]
    TooLarge(dns::Name, usize),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The definition as the content holds it. Targets in order of address, so that the order in which
/// somebody wrote them down changes nothing.
///
/// # Errors
/// More targets than 65,535 octets hold.
pub fn to_rrset(endpoint: &Endpoint) -> Result<RRset, DefinitionError> {
    let mut endpoint = endpoint.clone();
    endpoint.targets.sort_by_key(|t| t.address);
    let (name, targets, ttl) = (
        endpoint.name.clone(),
        endpoint.targets.len(),
        endpoint.ttl.min(i32::MAX as u32),
    );
    let stored = Stored {
        format: FORMAT,
        endpoint,
    };
    let too_large = || DefinitionError::TooLarge(name.clone(), targets);
    let datum = serde_json::to_vec(&stored).map_err(|_| too_large())?;
    if datum.len() > usize::from(u16::MAX) {
        return Err(too_large());
    }
    RRset::new(name.clone(), ENDPOINT, ttl, [datum]).map_err(|_| too_large())
}

/// Reads a definition.
///
/// # Errors
/// Anything but one record with a definition of this version for its owner.
pub fn from_rrset(rrset: &RRset) -> Result<Endpoint, DefinitionError> {
    let name = rrset.name();
    let unreadable =
        |why: &dyn std::fmt::Display| DefinitionError::Unreadable(name.clone(), why.to_string());
    let mut data = rrset.data();
    let (Some(datum), None) = (data.next(), data.next()) else {
        return Err(unreadable(&"it is not one record"));
    };
    let format = serde_json::from_slice::<Format>(datum).map_err(|e| unreadable(&e))?;
    if format.format != FORMAT {
        return Err(DefinitionError::Newer(name.clone(), format.format));
    }
    let stored = serde_json::from_slice::<Stored>(datum).map_err(|e| unreadable(&e))?;
    if &stored.endpoint.name != name {
        return Err(DefinitionError::Misplaced(
            name.clone(),
            stored.endpoint.name,
        ));
    }
    Ok(stored.endpoint)
}
