//! What a config file says, as plain values: names are canonical (lower case, no trailing dot), paths start at the
//! folder of the file, numbers are in range, and everything that is named exists.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use cell::notify::How;
use steadfast_core::health;
use steadfast_core::leash::{Class, Need};
use steadfast_core::rollout::Stage;
use steadfast_core::trouble::Rank;

/// A whole config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder of the config file: relative paths start here, and a zone file's `$INCLUDE` may not leave it.
    pub root: PathBuf,
    /// The cell that this file describes.
    pub cell: Cell,
    /// Zones by canonical name.
    pub zones: BTreeMap<String, Zone>,
    /// Servers by the name that this file gives them.
    pub servers: BTreeMap<String, Server>,
    /// Endpoints by canonical name.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Who is told what is wrong, by the name that this file gives them.
    pub notify: BTreeMap<String, Notify>,
}

/// `[cell]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The cell's name, as ledger and metrics show it.
    pub name: String,
    /// The folder of the store.
    pub state: PathBuf,
    /// The folder of freezes, where the file names one.
    pub freeze_dir: Option<PathBuf>,
}

/// `[notify.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub how: How,
    /// What matters less is not told.
    pub least: Rank,
    /// How often what lasts is told again.
    pub repeat: Duration,
    /// How long one delivery may take.
    pub timeout: Duration,
}

/// `[zone."NAME"]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Canonical name.
    pub name: String,
    /// Zone file or octoDNS YAML.
    pub content: PathBuf,
    /// The primaries that we write to; each is a key of [`Config::servers`], none twice, at least one.
    pub servers: Vec<String>,
    /// Patterns of the names that are ours: relative to the zone, lower case, `@` for the apex.
    /// Labels are compared one by one; `*` takes exactly one label, `**` any number of them, none included.
    pub own: Vec<String>,
    /// Patterns of the names that are left to others, though `own` takes them. Same form as `own`.
    pub ignore: Vec<String>,
    /// Absolute canonical names that may never be empty. All are owned.
    pub critical: Vec<String>,
    /// The weakest fence that is acceptable.
    pub min_fence: Fence,
    /// How much one plan may change.
    pub limits: Limits,
    /// Seconds. No record may get a smaller TTL.
    pub ttl_min: u32,
    /// Seconds. No record may get a larger TTL; never smaller than `ttl_min`.
    pub ttl_max: u32,
    /// How many generations back can be returned to.
    pub keep: u32,
    /// Most octets of one UPDATE.
    pub max_update: u32,
    /// The stages that a plan goes out in; none: everywhere at once.
    pub stages: Vec<Stage>,
    /// Whose approval plans need; `None`: nobody's.
    pub approvals: Option<Approvals>,
}

/// `[zone."NAME".approvals]`: what is proposed to the ledger, where it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The roll of approvers, an OpenSSH `allowed_signers` file.
    pub signers: PathBuf,
    /// How long an approval may count.
    pub expire: Duration,
    /// What no class matches needs.
    pub otherwise: Need,
    /// What a waiver needs.
    pub waiver: Need,
    /// Groups of people.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Classes, by name.
    pub classes: Vec<Class>,
}

/// How a server keeps writers apart, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fence {
    /// Only the writers' own lease keeps them apart.
    LeaseOnly,
    /// The provider applies an atomic batch with exact deletes.
    Batch,
    /// The server compares and writes in one step.
    Server,
}

/// `[zone."NAME".limits]`. Each limit is about one plan, and counts RRsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// RRsets that one plan may delete in the zone.
    pub delete: Limit,
    /// RRsets that one plan may change in the zone.
    pub change: Limit,
    /// RRsets that one plan may create in the zone.
    pub create: Limit,
    /// RRsets that one plan may delete at one name; `None`: one name may use up the whole zone's limit.
    pub delete_per_name: Option<Limit>,
    /// RRsets that one plan may change at one name; `None`: as above.
    pub change_per_name: Option<Limit>,
    /// RRsets that one plan may create at one name; `None`: as above.
    pub create_per_name: Option<Limit>,
}

impl Limits {
    /// What `init` and `adopt` write into a new config file. Never assumed: a file without limits does not load.
    #[must_use]
    pub fn suggested() -> Self {
        let limit = |count, percent: Option<u32>| Limit {
            count: Some(count),
            share: percent.map(|p| Share(p * 10_000)),
        };
        Limits {
            delete: limit(5, Some(2)),
            change: limit(50, Some(10)),
            create: limit(200, None),
            delete_per_name: None,
            change_per_name: None,
            create_per_name: None,
        }
    }
}

/// A bound on a number of RRsets. At least one of the two is set; the smaller one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most this many; 0 is "never".
    pub count: Option<u32>,
    /// At most this share of what was there before.
    pub share: Option<Share>,
}

impl Limit {
    /// How many of `total` are permitted: the smaller of count and share, the share rounded up.
    #[must_use]
    pub fn permits(self, total: u64) -> u64 {
        let count = self.count.map_or(u64::MAX, u64::from);
        count.min(self.share.map_or(u64::MAX, |share| share.of(total)))
    }
}

/// A share in parts per million: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

impl Share {
    /// This share of `total`, rounded up.
    #[must_use]
    pub fn of(self, total: u64) -> u64 {
        let parts = (u128::from(total) * u128::from(self.0)).div_ceil(1_000_000);
        u64::try_from(parts).unwrap_or(u64::MAX)
    }
}

/// As in the file: `2%`, `0.5%`.
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        write!(f, "{whole}.{}%", format!("{rest:04}").trim_end_matches('0'))
    }
}

/// `[server.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The name that the config file gives it.
    pub name: String,
    /// How it is written to.
    pub kind: ServerKind,
    /// Where updates, transfers and queries go.
    pub address: SocketAddr,
    /// The file with its TSIG key; see [`super::keyfile`]. Where the file names none for a built-in
    /// server: below the cell's state.
    pub key_file: PathBuf,
    /// How long after the decision the server may still take a write (the TSIG fudge), clock skew included. Whole seconds.
    pub deadline: Duration,
    /// How long one exchange with the server may take.
    pub timeout: Duration,
    /// How long a write is read back before it counts as unknown.
    pub read_back: Duration,
    /// Servers that transfer from this one: observed, never written to.
    pub followers: Vec<SocketAddr>,
}

/// The server adapters of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// DNS UPDATE with TSIG (RFC 2136, RFC 8945).
    Rfc2136,
    /// Our own server: it listens at `address`, and is written to in the same way.
    Builtin,
}

/// `[endpoint."NAME"]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Canonical name.
    pub name: String,
    /// The canonical name of the zone that it lies in: the longest that fits.
    pub zone: String,
    /// Which of the healthy targets are answered.
    pub policy: Policy,
    /// Seconds; within the zone's bounds.
    pub ttl: u32,
    /// Never fewer targets than this are answered, whatever the checks say; 1 to the number of targets.
    pub min_targets: u32,
    /// Never fewer regions than this are answered; 1 to the number of regions.
    pub min_regions: u32,
    /// How fast targets may be taken out.
    pub max_withdraw: MaxWithdraw,
    /// How a target is probed.
    pub check: Check,
    /// At least one; no address twice.
    pub targets: Vec<Target>,
}

/// Which of the healthy targets are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// All of them.
    AllHealthy,
    /// Those with the best priority.
    Failover,
}

/// `max-withdraw = { targets, per }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxWithdraw {
    /// At least 1.
    pub targets: u32,
    /// The window, at least a second.
    pub per: Duration,
}

/// `check = { … }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is asked, and where.
    pub probe: health::Check,
    /// From one probe to the next.
    pub interval: Duration,
    /// A probe without an answer by then has failed; at most `interval`.
    pub timeout: Duration,
    /// So many failures in a row make a target sick; at least 1.
    pub fall: u32,
    /// So many successes in a row make it well; at least 1.
    pub rise: u32,
}

/// One of an endpoint's targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What the name resolves to.
    pub address: IpAddr,
    /// Where it is.
    pub region: String,
    /// `failover`: smaller goes first; its default is the place in the list.
    pub priority: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_up_and_the_smaller_holds() {
        let limit = Limit {
            count: Some(5),
            share: Some(Share(20_000)),
        };
        assert_eq!(
            [0, 1, 50, 51, 250, 251, 1_000_000].map(|n| limit.permits(n)),
            [0, 1, 1, 2, 5, 5, 5]
        );
        assert_eq!(
            Limit {
                count: None,
                share: Some(Share(1))
            }
            .permits(1),
            1
        );
        assert_eq!(
            Limit {
                count: Some(0),
                share: None
            }
            .permits(9),
            0
        );
        assert_eq!(Share(1_000_000).of(u64::MAX), u64::MAX);
    }

    #[test]
    fn shares_print_as_written() {
        assert_eq!(
            [20_000, 5_000, 1, 1_000_000].map(|p| Share(p).to_string()),
            ["2%", "0.5%", "0.0001%", "100%"]
        );
    }
}
