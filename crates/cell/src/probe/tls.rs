//! Which certificates a probe trusts.

use super::find::Unasked;
use super::http::host;
use dns::Name;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;

/// Who may sign a target's certificate. It must be valid for the endpoint's name, now: that is what
/// clients look at. A private authority belongs where this machine keeps those that it trusts, or
/// into a file of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// Whoever this machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` say where, if set).
    #[default]
    System,
    /// The certificates of this PEM file and nobody else.
    File(PathBuf),
}

/// TLS for probes. Its certificates are read when they are needed.
pub(super) struct Tls {
    trust: Trust,
    ready: Mutex<Option<Result<TlsConnector, Unasked>>>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Tls {
        let ready = Mutex::new(None);
        Tls { trust, ready }
    }

    /// Reads the certificates again when they are needed next.
    pub(super) fn forget(&self) {
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What a connection to a target of this endpoint is made with.
    pub(super) fn ready(
        &self,
        endpoint: &Name,
    ) -> Result<(ServerName<'static>, TlsConnector), Unasked> {
        let host = host(endpoint)?;
        let name = ServerName::try_from(host);
        let name = name.map_err(|_| Unasked(format!("no certificate can be for {endpoint}")))?;
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = ready.get_or_insert_with(|| connector(&self.trust));
        Ok((name, connector.clone()?))
    }
}

fn connector(trust: &Trust) -> Result<TlsConnector, Unasked> {
    let mut roots = RootCertStore::empty();
    // What is no certificate among them is passed over: one bad file must not end all probes.
    roots.add_parsable_certificates(certificates(trust)?);
    if roots.is_empty() {
        let how = "install ca-certificates, or name a file in SSL_CERT_FILE";
        let unasked = match trust {
            Trust::System => format!("this machine trusts no certificate authority; {how}"),
            Trust::File(path) => format!("{} holds no certificate", path.display()),
        };
        return Err(Unasked(unasked));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Unasked(error.to_string()))?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    // A resumed session shows no certificate: it would go on looking well after that expired.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(trust: &Trust) -> Result<Vec<CertificateDer<'static>>, Unasked> {
    match trust {
        Trust::System => Ok(rustls_native_certs::load_native_certs().certs),
        Trust::File(path) => {
            let bad = |e| Unasked(format!("{}: {e}", path.display()));
            let certificates = CertificateDer::pem_file_iter(path).map_err(bad)?;
            certificates.collect::<Result<_, _>>().map_err(bad)
        }
    }
}
