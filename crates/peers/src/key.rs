//! TSIG keys, and wrong ones.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::scratch::must;

/// An `hmac-sha256` key.
#[derive(Debug, Clone)]
pub(crate) struct TsigKey {
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl TsigKey {
    /// A key with a secret of 32 random bytes.
    #[track_caller]
    pub(crate) fn random(name: &str) -> Self {
        let mut bytes = [0; 32];
        let source = Path::new("/dev/urandom");
        must(
            must(File::open(source), "open", source).read_exact(&mut bytes),
            "read",
            source,
        );
        Self {
            name: name.to_owned(),
            secret: base64(&bytes),
        }
    }

    /// The text of a key file, byte for byte as `tsig-keygen` writes it; BIND includes it as it is.
    pub(crate) fn file_text(&self) -> String {
        format!(
            "key \"{}\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{}\";\n}};\n",
            self.name, self.secret
        )
    }
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = usize::try_from(word >> (18 - 6 * place) & 63).unwrap_or(0);
            text.push(if place <= chunk.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648_section_10() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in vectors {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn secrets_are_not_repeated() {
        assert_ne!(TsigKey::random("a").secret, TsigKey::random("a").secret);
        assert_eq!(TsigKey::random("a").secret.len(), 44);
    }
}
