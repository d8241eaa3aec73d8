//! HTTPS targets and their certificates.

use crate::kit::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use steadfast_cell::probe::{Finding, Trust, Unasked};
use steadfast_core::health::{Check, Outcome};

/// A private authority, and the file that says whom to trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let file = format!("steadfast-probe-{}-{name}.pem", std::process::id());
        let file = std::env::temp_dir().join(file);
        std::fs::write(&file, pem).unwrap();
        let issuer = Issuer::new(params, key);
        Authority { issuer, file }
    }

    fn trust(&self) -> Trust {
        Trust::File(self.file.clone())
    }

    /// An HTTPS target whose certificate is for this name, until the end of that year.
    fn target(&self, name: &str, until: i32) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], secret);
        let config = Arc::new(config.unwrap());
        target(move |stream| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream);
            request_of(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        })
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn ask(trust: Trust, at: SocketAddr) -> Result<Finding, Unasked> {
    let (port, path) = (at.port(), "/healthz".to_owned());
    once(trust, at, Check::Https { port, path })
}

#[test]
fn a_certificate_is_for_the_endpoints_name_and_still_valid() {
    let ours = Authority::new("ours");
    let at = ours.target("api.test", 2090);
    is(&ask(ours.trust(), at), Outcome::Pass, "answers 200");
    let at = ours.target("api.test", 2024);
    is(
        &ask(ours.trust(), at),
        Outcome::Wrong,
        "certificate expired",
    );
    let at = ours.target("www.test", 2090);
    is(&ask(ours.trust(), at), Outcome::Wrong, "not valid for name");
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let (ours, theirs) = (Authority::new("a"), Authority::new("b"));
    let at = theirs.target("api.test", 2090);
    is(
        &ask(ours.trust(), at),
        Outcome::Wrong,
        "TLS: invalid peer certificate",
    );
}

#[test]
fn plain_http_is_no_tls() {
    let ours = Authority::new("plain");
    let at = target(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    is(&ask(ours.trust(), at), Outcome::Wrong, "TLS: ");
}

#[test]
fn without_anybody_to_trust_nothing_is_asked() {
    let file =
        std::env::temp_dir().join(format!("steadfast-probe-{}-none.pem", std::process::id()));
    let at = target(drop);
    let unasked = ask(Trust::File(file.clone()), at).unwrap_err();
    assert!(unasked.to_string().contains("none.pem"), "{unasked}");
    std::fs::write(&file, "no certificate\n").unwrap();
    let unasked = ask(Trust::File(file.clone()), at).unwrap_err();
    assert!(
        unasked.to_string().contains("holds no certificate"),
        "{unasked}"
    );
    std::fs::remove_file(&file).unwrap();
}
