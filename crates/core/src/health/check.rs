//! What a probe asks, and where.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is asked of each target of an endpoint. It is kept in the ledger with the endpoint, so a
/// field that a later version adds must not make this one stumble: unknown ones are passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Check {
    /// GET `path` with the endpoint's name as `Host`; 2xx passes, and nothing is followed.
    Http {
        /// TCP port.
        port: u16,
        /// Starts with `/`; path and query as they travel.
        path: String,
    },
    /// The same over TLS; the certificate must be valid for the endpoint's name.
    Https {
        /// TCP port.
        port: u16,
        /// Starts with `/`; path and query as they travel.
        path: String,
    },
    /// A connection is accepted.
    Tcp {
        /// TCP port.
        port: u16,
    },
    /// A question for the endpoint's own name and the target's family is answered, by anything
    /// that is well-formed and neither SERVFAIL nor REFUSED.
    Dns {
        /// UDP port.
        port: u16,
    },
}

impl Check {
    /// The port that is asked.
    pub fn port(&self) -> u16 {
        match self {
            Check::Http { port, .. }
            | Check::Https { port, .. }
            | Check::Tcp { port }
            | Check::Dns { port } => *port,
        }
    }
}

/// For people: `https :443/healthz`, `tcp :5432`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Http { port, path } => write!(f, "http :{port}{path}"),
            Check::Https { port, path } => write!(f, "https :{port}{path}"),
            Check::Tcp { port } => write!(f, "tcp :{port}"),
            Check::Dns { port } => write!(f, "dns :{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_stored_as_people_would_write_it_and_shown_short() {
        let check = Check::Https {
            port: 443,
            path: "/healthz?deep=1".into(),
        };
        let stored = r#"{"type":"https","port":443,"path":"/healthz?deep=1"}"#;
        assert_eq!(serde_json::to_string(&check).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Check>(stored).unwrap(), check);
        assert_eq!(check.to_string(), "https :443/healthz?deep=1");
        let dns = r#"{"type":"dns","port":53,"a-later-field":true}"#;
        let dns: Check = serde_json::from_str(dns).unwrap();
        assert_eq!((dns.port(), dns.to_string()), (53, "dns :53".to_owned()));
    }
}
