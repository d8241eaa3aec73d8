//! What became of an update, as far as its answer tells.

use dns::tsig::{TsigError, Verifier};
use dns::{Message, Rcode, Update};
use std::fmt;

/// A server's reply to an update, with words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateReply {
    /// What it means.
    pub outcome: Outcome,
    /// How it was said, or why it is not known.
    pub detail: String,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// NOERROR, signed. The prerequisites held. **Not** that the data stand as asked: BIND and
    /// Knot drop what conflicts with a CNAME without a word. Read back.
    Accepted,
    /// A prerequisite did not hold; signed. Nothing was changed. One of NXRRSET, YXRRSET, NXDOMAIN
    /// and YXDOMAIN.
    Prerequisite(Rcode),
    /// BADTIME, signed: the update came outside of its time window. Nothing was changed.
    Late {
        /// The server's clock, in Unix seconds.
        server_time: u64,
    },
    /// BADKEY: the server does not know the key.
    BadKey,
    /// BADSIG: the secrets differ (or BADTRUNC, which full signatures never get).
    BadSig,
    /// REFUSED. PowerDNS says so for BADSIG, BADKEY and BADTIME, too.
    Refused,
    /// NOTAUTH: the server is no authority for the zone.
    NotAuth,
    /// NOTIMP: the server takes no updates.
    NotImp,
    /// FORMERR or NOTZONE: the server finds the update wrong.
    FormErr,
    /// It may have happened or not: read the marker.
    Unknown,
    /// Not one octet of it went out.
    NotSent,
}

/// What REFUSED can mean, and how to find out which.
const FOUR_CAUSES: &str = "REFUSED has four causes: \
    the zone is frozen (BIND: `rndc thaw ZONE`; Knot: `knotc zone-thaw ZONE`); \
    the key is wrong or the clocks differ (PowerDNS says only this; compare the key files and `date`); \
    the server's access list does not let this key update \
    (BIND: `update-policy` or `allow-update`; Knot: `acl`; PowerDNS: TSIG-ALLOW-DNSUPDATE); \
    or it is not the primary of the zone (compare the server's role, and the SOA's first name)";

impl UpdateReply {
    pub(super) fn not_sent(detail: String) -> UpdateReply {
        let outcome = Outcome::NotSent;
        UpdateReply { outcome, detail }
    }

    pub(super) fn unknown(detail: impl Into<String>) -> UpdateReply {
        let (outcome, detail) = (Outcome::Unknown, detail.into());
        UpdateReply { outcome, detail }
    }

    /// Judges what the server sent at `now` (Unix seconds).
    ///
    /// *Accepted* and *prerequisite* count only with a good signature. A refusal counts without:
    /// servers that don't know the key cannot sign, and who acts on a forged refusal only stops
    /// writing. A *wrong* signature makes anything unknown.
    pub(super) fn judge(
        update: &Update,
        id: u16,
        answer: &[u8],
        verifier: &Verifier,
        now: u64,
    ) -> UpdateReply {
        let message = match Message::parse(answer) {
            Ok(message) => message,
            Err(why) => return UpdateReply::unknown(format!("the answer is no message: {why}")),
        };
        if let Err(why) = update.matches(id, &message) {
            return UpdateReply::unknown(why.to_string());
        }
        let verified = verifier.verify(answer, now);
        let outcome = match &verified {
            Ok(()) => by_rcode(message.rcode),
            Err(TsigError::BadTime { server_time }) => Outcome::Late {
                server_time: *server_time,
            },
            Err(TsigError::BadKey(_)) => Outcome::BadKey,
            Err(TsigError::BadSig(_) | TsigError::BadTrunc) => Outcome::BadSig,
            Err(TsigError::Unsigned) => without_signature(message.rcode),
            Err(_) => Outcome::Unknown,
        };
        UpdateReply {
            outcome,
            detail: describe(outcome, &message, verified.err().as_ref()),
        }
    }
}

fn by_rcode(rcode: Rcode) -> Outcome {
    match rcode {
        Rcode::NOERROR => Outcome::Accepted,
        Rcode::NXRRSET | Rcode::YXRRSET | Rcode::NXDOMAIN | Rcode::YXDOMAIN => {
            Outcome::Prerequisite(rcode)
        }
        other => without_signature(other),
    }
}

/// Refusals, which servers may leave unsigned.
fn without_signature(rcode: Rcode) -> Outcome {
    match rcode {
        Rcode::REFUSED => Outcome::Refused,
        Rcode::NOTAUTH => Outcome::NotAuth,
        Rcode::NOTIMP => Outcome::NotImp,
        Rcode::FORMERR | Rcode::NOTZONE => Outcome::FormErr,
        _ => Outcome::Unknown,
    }
}

fn describe(outcome: Outcome, message: &Message, unverified: Option<&TsigError>) -> String {
    let mut detail = format!("the server answers {}", message.rcode);
    if let Some(why) = unverified {
        detail = format!("{detail}; {why}");
    }
    let errors = message.extended_errors();
    if !errors.is_empty() {
        detail = format!("{detail}; {errors}");
    }
    if outcome == Outcome::Refused {
        detail = format!("{detail}. {FOUR_CAUSES}");
    }
    detail
}

impl fmt::Display for UpdateReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
