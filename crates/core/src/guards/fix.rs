//! What to do about a finding: every text in one place, so that the words stay the same everywhere.

use crate::lifecycle::zone_text;
use dns::Name;

/// `never-empty`: a plan would empty a critical name.
pub(super) const NEVER_EMPTY: &str = "keep an address for this name in the same plan, or first take it off `critical` with a plan of its own";
/// `never-empty`: a critical name was empty already.
pub(super) const NEVER_EMPTY_STANDING: &str = "give the name an address, or take it off `critical`";
/// `never-empty`: the answer comes from elsewhere.
pub(super) const NEVER_EMPTY_ELSEWHERE: &str =
    "nothing here; watch the name where its answer comes from";
/// `never-empty`: a name loses the wildcard's answer.
pub(super) const NEVER_EMPTY_WILDCARD: &str =
    "give the name records of its own if it is to go on answering";
/// `endpoint`: something stands beside a definition.
pub(super) const ENDPOINT_ALONE: &str = "take the address records out of the source, or do without the endpoint: its addresses come from its targets";
/// `endpoint`: too few targets are in.
pub(super) const ENDPOINT_FLOOR: &str = "keep a target that answers its checks, or lower `min-targets` or `min-regions`; `steadfast status` shows which targets are out";
/// `endpoint`: a definition of a newer version.
pub(super) const ENDPOINT_UNREADABLE: &str = "plan it with the version that wrote the definition";
/// `max-change`.
pub(super) const MAX_CHANGE: &str = "make several smaller plans, or raise this limit under [zone.\"NAME\".limits] for the time of this change";
/// `ttl-bounds`.
pub(super) const TTL_BOUNDS: &str = "set a TTL inside the bounds, or change the zone's bounds";
/// `apex`: the SOA.
pub(super) const APEX_SOA: &str = "take the SOA out of the plan; the server keeps it";
/// `apex`: types that servers make.
pub(super) const APEX_MADE: &str = "take it out of the plan; the server makes it";
/// `apex`: name servers of the zone.
pub(super) const APEX_NS: &str = "keep at least two name servers, one of those that stand among them; move to others in two plans, a TTL apart";
/// `apex`: a delegation's name servers.
pub(super) const APEX_DELEGATION: &str = "keep one of the name servers that stand until caches let go of them; to give the delegation up, take its name out of what `own` covers and delete it by hand";
/// `apex`: DS.
pub(super) const APEX_DS: &str =
    "add the new DS beside the old one, and take the old one away a TTL later in a plan of its own";
/// `apex`: glue.
pub(super) const APEX_GLUE: &str =
    "first take the name server out of the NS records that name it, and wait for their TTL";
/// `dangling`: a target.
pub(super) const DANGLING_TARGET: &str =
    "create the target in the same plan, or point elsewhere first";
/// `dangling`: in a circle of data at one owner.
pub(super) const DANGLING_CNAME: &str =
    "leave either the CNAME or the other data at this name, and one CNAME record only";
/// `dangling`: hidden data.
pub(super) const DANGLING_HIDDEN: &str =
    "delete what is below in the same plan, or do without the DNAME or delegation";
/// `dangling`: a server's name that is an alias.
pub(super) const DANGLING_ALIAS: &str = "name the alias's target instead (RFC 2181 §10.3)";
/// `source-complete`.
pub(super) const SOURCE: &str = "look at the source: it has to be the whole zone, with NS (and in a zone file the SOA) at the apex; a source that can't be read is not an empty one";
/// `base-moved`.
pub(super) const BASE_MOVED: &str = "make a new plan from what stands now";
/// `oscillation`.
pub(super) const OSCILLATION: &str =
    "find the two sources that disagree and stop one; a rollback is not held up by this";
/// `bounds`: too many records.
pub(super) const BOUNDS_RECORDS: &str =
    "split the RRset over several names, or lower the number of records";
/// `bounds`: too large for an UPDATE.
pub(super) const BOUNDS_SIZE: &str =
    "change fewer of the names that hang on each other in one plan, or raise the size of an UPDATE";
/// `bounds`: not ours.
pub(super) const BOUNDS_OWNED: &str =
    "leave the name alone, or own it by `own` and `ignore` before planning";
/// `bounds`: swaps that a server loses.
pub(super) const BOUNDS_SWAP: &str = "delete in one plan and create in the next, with the name served from elsewhere in between, or do without the server's signing";
/// `bounds`: a plan that is none.
pub(super) const BOUNDS_BROKEN: &str = "make the plan anew: this one is damaged";
/// `drift`: a foreign edit. The two ways out, as the commands to type.
pub(super) fn drift(zone: &Name, name: &Name) -> String {
    let (zone, name) = (zone_text(zone), zone_text(name));
    format!(
        "keep the foreign edit: `steadfast adopt {zone} --drift {name}`; put ours back: `steadfast apply {zone} --overwrite {name}`"
    )
}
/// `drift`: somebody already did it.
pub(super) const DRIFT_THERE: &str = "nothing: it is what this plan wants";
