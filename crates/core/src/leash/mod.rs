//! The leash on configuration: which plans need whose approval, and what counts as one.
//!
//! Who may approve and what needs approval are a *charter*, which stands in the ledger; config files
//! only propose one. An approval is an SSH signature over a [`Statement`]. Nothing here is
//! remembered as verified: the gate verifies every signature anew each time it lets a plan pass
//! (I4, I5).

mod charter;
mod classes;
mod count;
mod glass;
mod refused;
mod roll;
mod signature;
pub mod stamp;
mod statement;

pub use charter::{Charter, CharterError};
pub use classes::{Author, Class, Demand, Need};
pub use count::{Missing, Void, admit, demand, is_author, missing, reform_missing, waived};
pub use glass::{Asked, GLASS_PEOPLE, Glass, MOST_GLASS, glass, glass_asked, glass_matter};
pub use refused::Refused;
pub use roll::{Roll, RollError, Signer, fingerprint};
pub use signature::{MOST_OCTETS as MOST_SIGNATURE, read as read_signature, verify};
pub use signature::{read_in as read_signature_in, verify_in};
pub use statement::{Approves, MOST_OCTETS as MOST_STATEMENT, Statement, is_reason};

/// What signatures are made for (`ssh-keygen -Y sign -n`).
pub const NAMESPACE: &str = "steadfast";

/// Guards whose findings can be waived.
pub const WAIVABLE: [&str; 6] = [
    "apex",
    "dangling",
    "max-change",
    "oscillation",
    "source-complete",
    "ttl-bounds",
];

/// Why no waiver passes a guard.
pub fn why_never(guard: &str) -> &'static str {
    match guard {
        "never-empty" | "endpoint" => {
            "a critical name is never empty (I3); a name stops being critical by a generation of its own"
        }
        "base-moved" => "a plan is applied to what it was made for, or not at all",
        "drift" => {
            "decide about the foreign edit: adopt --drift keeps it, apply --overwrite puts ours back"
        }
        "bounds" => "servers refuse it, or their followers stay stale",
        _ => "there is no such guard, or nothing to waive",
    }
}

/// Foreign text, shortened, for a sentence.
fn shown(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    match plain.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &plain[..at]),
        None => plain,
    }
}
