//! Real keys and real signatures: `ssh-keygen` makes them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of keys, gone with this.
pub(crate) struct Keys(PathBuf);

impl Keys {
    pub(crate) fn new() -> Keys {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("steadfast-keys-{}-{n}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Keys(folder)
    }

    fn file(&self, who: &str) -> PathBuf {
        self.0.join(who)
    }

    /// Makes a key of this sort (`ed25519`, `ecdsa -b 256`…); returns its public half, without the
    /// comment.
    pub(crate) fn make(&self, who: &str, sort: &str) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "", "-t"])
            .args(sort.split(' '))
            .arg("-f")
            .arg(self.file(who))
            .status();
        assert!(made.unwrap().success());
        let public = std::fs::read_to_string(self.0.join(format!("{who}.pub"))).unwrap();
        public.trim().to_owned()
    }

    /// What `ssh-keygen -Y sign` makes of a text.
    pub(crate) fn sign(&self, who: &str, namespace: &str, text: &str) -> String {
        use std::io::Write;
        let mut child = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-n", namespace, "-f"])
            .arg(self.file(who))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// RFC 4648 §4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    out
}
