//! SSH signatures (OpenSSH's PROTOCOL.sshsig): read and verified, never made. No private key comes
//! near: `ssh-keygen -Y sign` makes them, with keys in files, agents and hardware.

use super::{NAMESPACE, Refused};
use ring::digest;
use ring::signature::{self as ring_signature, RsaPublicKeyComponents, UnparsedPublicKey};
use ssh_key::public::KeyData;
use ssh_key::{EcdsaCurve, HashAlg, SshSig};

/// No signature is longer than this, in octets: a hundred times what one takes.
pub const MOST_OCTETS: usize = 64 * 1024;

/// What ends the signature of a security key: flags and a counter (OpenSSH's PROTOCOL.u2f).
const TRAILER: usize = 5;

/// The flag of a security key that says that somebody touched it.
const TOUCHED: u8 = 1;

/// Reads a signature in its armour.
///
/// # Errors
/// Oversize, no armour, a version or namespace that is not ours, what can't be read.
pub fn read(armour: &str) -> Result<SshSig, Refused> {
    read_in(NAMESPACE, armour)
}

/// The same for signatures made for something else than approvals. [`Refused::Namespace`] says what
/// it found; what was wanted is the caller's to say.
///
/// # Errors
/// As [`read`].
pub fn read_in(namespace: &str, armour: &str) -> Result<SshSig, Refused> {
    if armour.len() > MOST_OCTETS {
        return Err(Refused::Oversize(armour.len()));
    }
    let text = armour.trim();
    if !text.starts_with("-----BEGIN SSH SIGNATURE-----") {
        return Err(Refused::NoArmour);
    }
    let sig = SshSig::from_pem(format!("{text}\n")).map_err(|e| match e {
        ssh_key::Error::Version { number } => Refused::Version(number),
        other => Refused::Broken(other.to_string()),
    })?;
    if !is_canonical(&sig, text) {
        return Err(Refused::Broken(
            "its lengths do not fit what they are of".into(),
        ));
    }
    if sig.version() != SshSig::VERSION {
        return Err(Refused::Version(sig.version()));
    }
    if sig.namespace() != namespace {
        return Err(Refused::Namespace(super::shown(sig.namespace())));
    }
    Ok(sig)
}

/// Whether the armour is the only one that says this: `ssh-key` forgives lengths that are wrong.
/// Those of security keys it writes otherwise than OpenSSH, so they are not compared.
fn is_canonical(sig: &SshSig, text: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    let of_hardware = sig.public_key().is_sk_ed25519() || sig.public_key().is_sk_ecdsa_p256();
    let again = sig.to_pem(ssh_key::LineEnding::LF);
    of_hardware || again.is_ok_and(|again| plain(&again) == plain(text))
}

/// Whether `sig` signs `message`, with the key that it names. Whose key that is, is another question.
///
/// # Errors
/// It does not, or is of a sort that can't be verified here.
pub fn verify(sig: &SshSig, message: &[u8]) -> Result<(), Refused> {
    verify_in(NAMESPACE, sig, message)
}

/// The same for signatures made for something else than approvals.
///
/// # Errors
/// As [`verify`].
pub fn verify_in(namespace: &str, sig: &SshSig, message: &[u8]) -> Result<(), Refused> {
    let broken = |why: &str| Refused::Broken(why.to_owned());
    let data = SshSig::signed_data(namespace, sig.hash_alg(), message);
    let data = data.map_err(|e| broken(&e.to_string()))?;
    let made = Made {
        key: sig.public_key(),
        by: sig.signature().algorithm(),
        bytes: sig.signature_bytes(),
    };
    match made.is_of(&data) {
        Some(true) => Ok(()),
        Some(false) => Err(broken("it does not fit the text and the key")),
        None => Err(Refused::Algorithm(sig.public_key().algorithm().to_string())),
    }
}

struct Made<'s> {
    key: &'s KeyData,
    by: ssh_key::Algorithm,
    bytes: &'s [u8],
}

impl Made<'_> {
    /// Whether it signs `data`; `None`: that can't be said here.
    fn is_of(&self, data: &[u8]) -> Option<bool> {
        use ssh_key::Algorithm;
        match (self.key, &self.by) {
            (KeyData::Ed25519(key), Algorithm::Ed25519) => {
                Some(check(&ring_signature::ED25519, &key.0, data, self.bytes))
            }
            (KeyData::SkEd25519(key), Algorithm::SkEd25519) => {
                let (signature, trailer) = self.bytes.split_at_checked(64)?;
                if trailer.len() != TRAILER || trailer[0] & TOUCHED == 0 {
                    return Some(false);
                }
                let hash = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
                let application = hash(key.application().as_bytes());
                let parts = [application.as_ref(), trailer, hash(data).as_ref()].concat();
                let public = &key.public_key().0;
                Some(check(&ring_signature::ED25519, public, &parts, signature))
            }
            (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve }) if key.curve() == *curve => {
                let algorithm = match curve {
                    EcdsaCurve::NistP256 => &ring_signature::ECDSA_P256_SHA256_FIXED,
                    EcdsaCurve::NistP384 => &ring_signature::ECDSA_P384_SHA384_FIXED,
                    EcdsaCurve::NistP521 => return None,
                };
                let width = if *curve == EcdsaCurve::NistP256 {
                    32
                } else {
                    48
                };
                let fixed = fixed(self.bytes, width);
                Some(fixed.is_some_and(|f| check(algorithm, key.as_sec1_bytes(), data, &f)))
            }
            (KeyData::Rsa(key), Algorithm::Rsa { hash }) => {
                let algorithm = match hash {
                    Some(HashAlg::Sha256) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
                    Some(HashAlg::Sha512) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
                    _ => return None,
                };
                let (n, e) = (key.n.as_positive_bytes()?, key.e.as_positive_bytes()?);
                let key = RsaPublicKeyComponents { n, e };
                Some(key.verify(algorithm, data, self.bytes).is_ok())
            }
            _ => None,
        }
    }
}

fn check(
    algorithm: &'static dyn ring_signature::VerificationAlgorithm,
    key: &[u8],
    data: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key)
        .verify(data, signature)
        .is_ok()
}

/// The two numbers of an ECDSA signature (RFC 5656 §3.1.2) side by side, each `width` octets.
fn fixed(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let mut out = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let (number, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let padding = width.checked_sub(number.len())?;
        out.resize(out.len() + padding, 0);
        out.extend(number);
        rest = tail;
    }
    rest.is_empty().then_some(out)
}
