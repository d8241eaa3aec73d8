//! Which certificates of webhooks are trusted: those that this machine trusts.

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Read anew for each delivery: they are few, and a certificate that was put there helps at once.
pub(super) fn config() -> Result<Arc<ClientConfig>, String> {
    trusting(rustls_native_certs::load_native_certs().certs)
}

/// Trusts these authorities and no others. What is no certificate among them is passed over.
pub(super) fn trusting(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    if roots.is_empty() {
        return Err("this machine trusts no certificate authority; install ca-certificates, or name a file in SSL_CERT_FILE".into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| error.to_string())?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
