//! Writes zones as text.

use crate::rdata;
use crate::rrset::RRset;
use crate::rtype::Rtype;
use crate::zone::Zone;
use std::fmt;

/// Writes `zone` as a zone file, one record a line, SOA first, else in canonical order: the same
/// zone always gives the same text, and [`super::parse`] gives the zone back (a zone without SOA
/// only without [`super::Options::require_soa`]).
///
/// # Errors
/// Those of `out`.
pub fn write(zone: &Zone, out: &mut impl fmt::Write) -> fmt::Result {
    writeln!(out, "$ORIGIN {}", zone.apex())?;
    let soa = zone.get(zone.apex(), Rtype::SOA);
    let others = zone.iter().filter(|r| Some(*r) != soa);
    let mut owner = String::new();
    for rrset in soa.into_iter().chain(others) {
        owner.clear();
        rrset.name().write_relative(zone.apex(), &mut owner)?;
        write_rrset(rrset, &owner, out)?;
    }
    Ok(())
}

fn write_rrset(rrset: &RRset, owner: &str, out: &mut impl fmt::Write) -> fmt::Result {
    let (ttl, rtype) = (rrset.ttl(), rrset.rtype());
    for datum in rrset.data() {
        let text = rdata::to_text(rtype, datum);
        writeln!(out, "{owner} {ttl} IN {rtype} {text}")?;
    }
    Ok(())
}
