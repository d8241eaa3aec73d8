//! Last known good answers on disk: an append log of checked records.
//!
//! A record that is damaged costs itself and nothing else; an embedded database would cost all of
//! them (docs/rfd/0007). A write that fails is told, tried again, and holds up nobody: answers come
//! from memory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use resolver::Kept;

/// The file, its first octets, and the format that those name.
const FILE: &str = "last-known-good";
const HEAD: &[u8; 8] = b"sfLKG\0\0\x01";
/// The first octets of each record: where to go on after a damaged one.
const MARK: [u8; 4] = [0xa5, b'L', b'K', b'G'];
/// Mark, kind, lengths of key and entry, checksum.
const RECORD_HEAD: usize = 4 + 1 + 4 + 4 + 16;
const KEEP: u8 = 1;
const FORGET: u8 = 2;
/// The longest key and entry together.
const LONGEST: usize = 256 << 10;
/// The log is written anew when it has this much more than what counts, and twice as much.
const SLACK: usize = 1 << 20;
/// How often a failing disk is tried, and told.
const RETRY: Duration = Duration::from_secs(10);

/// An entry to keep, or a key to forget.
enum Order {
    Keep(Vec<u8>, Vec<u8>),
    Forget(Vec<u8>),
}

/// The way to the thread that writes.
pub(crate) struct Disk {
    orders: Mutex<Option<Sender<Order>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Disk {
    /// Keeps nothing.
    pub(crate) fn none() -> Disk {
        Disk {
            orders: Mutex::new(None),
            thread: Mutex::new(None),
        }
    }

    /// Reads what there is in the folder, and writes there from now on.
    ///
    /// # Errors
    /// The folder cannot be made or read, or another resolver uses it. Damage is no error: what is
    /// whole comes back, and the rest is told.
    pub(crate) fn open(dir: &Path, log: fn(&str)) -> io::Result<(Disk, Vec<Kept>)> {
        fs::create_dir_all(dir)?;
        let lock = lock(dir)?;
        let path = dir.join(FILE);
        let octets = match fs::read(&path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (mut live, damage) = read_log(&octets);
        if octets.len() >= HEAD.len() && !octets.starts_with(HEAD) {
            let aside = dir.join(format!("{FILE}.unknown"));
            // Another version may know it: it is put aside, not thrown away.
            let moved = fs::rename(&path, &aside);
            let what = moved.map_or_else(
                |e| e.to_string(),
                |()| format!("kept as {}", aside.display()),
            );
            log(&format!(
                "{} is of another format: {what}; beginning anew",
                path.display()
            ));
        } else if damage > 0 {
            log(&format!(
                "{}: {damage} octets are damaged and dropped; {} answers are whole",
                path.display(),
                live.len()
            ));
        }
        let mut kept = Vec::new();
        live.retain(|key, entry| match Kept::decode(entry) {
            Ok(entry) => {
                kept.push(entry);
                true
            }
            Err(error) => {
                let shown: String = key.iter().map(|b| b.escape_ascii().to_string()).collect();
                log(&format!(
                    "{}: an entry is dropped ({shown}): {error}",
                    path.display()
                ));
                false
            }
        });
        let mut writer = Writer::new(path, live, lock, log);
        let rewrite = damage > 0 || octets.len() < HEAD.len() || writer.live.len() != kept.len();
        writer.size = octets.len();
        if rewrite || !octets.starts_with(HEAD) {
            writer.rewrite();
        }
        let (orders, receiver) = channel();
        let thread = std::thread::Builder::new().name("dns-keep".into());
        let thread = thread.spawn(move || writer.work(&receiver))?;
        let disk = Disk {
            orders: Mutex::new(Some(orders)),
            thread: Mutex::new(Some(thread)),
        };
        Ok((disk, kept))
    }

    pub(crate) fn keep(&self, key: Vec<u8>, entry: Vec<u8>) {
        self.order(Order::Keep(key, entry));
    }

    pub(crate) fn forget(&self, key: Vec<u8>) {
        self.order(Order::Forget(key));
    }

    fn order(&self, order: Order) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &*orders {
            // The thread ends only after this.
            let _ = orders.send(order);
        }
    }

    /// Writes what is left, and ends.
    pub(crate) fn finish(&self) {
        drop(
            self.orders
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// One resolver a folder.
fn lock(dir: &Path) -> io::Result<Option<File>> {
    let path = dir.join("lock");
    let file = match OpenOptions::new().create(true).append(true).open(path) {
        Ok(file) => file,
        // A folder that cannot be written to can still be read.
        Err(error) if is_read_only(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(io::Error::other("another resolver uses it")),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn is_read_only(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
    )
}

/// The thread's state.
struct Writer {
    path: PathBuf,
    /// What counts.
    live: BTreeMap<Vec<u8>, Vec<u8>>,
    file: Option<File>,
    size: usize,
    live_size: usize,
    /// What is on disk is not what counts, and since when that was tried.
    behind: Option<Instant>,
    _lock: Option<File>,
    log: fn(&str),
}

impl Writer {
    fn new(
        path: PathBuf,
        live: BTreeMap<Vec<u8>, Vec<u8>>,
        lock: Option<File>,
        log: fn(&str),
    ) -> Writer {
        let live_size = live.iter().map(|(k, e)| size_of(k, e)).sum();
        Writer {
            path,
            live,
            file: None,
            size: 0,
            live_size,
            behind: None,
            _lock: lock,
            log,
        }
    }

    fn work(mut self, orders: &Receiver<Order>) {
        loop {
            let first = match orders.recv_timeout(RETRY) {
                Ok(order) => Some(order),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => None,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            };
            let mut octets = Vec::new();
            for order in first.into_iter().chain(orders.try_iter()) {
                self.take(order, &mut octets);
            }
            self.append(&octets);
        }
        if self.behind.is_some() {
            self.rewrite();
        }
    }

    fn take(&mut self, order: Order, octets: &mut Vec<u8>) {
        match order {
            Order::Keep(key, entry) if key.len() + entry.len() <= LONGEST => {
                record(KEEP, &key, &entry, octets);
                self.live_size += size_of(&key, &entry);
                let size = key.len();
                if let Some(old) = self.live.insert(key, entry) {
                    self.live_size -= RECORD_HEAD + size + old.len();
                }
            }
            Order::Keep(..) => {}
            Order::Forget(key) => {
                if let Some(old) = self.live.remove(&key) {
                    record(FORGET, &key, &[], octets);
                    self.live_size -= size_of(&key, &old);
                }
            }
        }
    }

    /// Appends, and makes durable: one sync for all that came meanwhile.
    fn append(&mut self, octets: &[u8]) {
        if let Some(since) = self.behind {
            if since.elapsed() >= RETRY {
                self.rewrite();
            }
            return;
        }
        if octets.is_empty() {
            return;
        }
        if self.size + octets.len() > 2 * self.live_size + SLACK {
            return self.rewrite();
        }
        match self.try_append(octets) {
            Ok(()) => self.size += octets.len(),
            Err(error) => self.fell_behind(&error),
        }
    }

    fn try_append(&mut self, octets: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).open(&self.path)?),
        };
        file.write_all(octets)?;
        file.sync_data()
    }

    /// Writes all that counts to a new file, and puts that into the old one's place.
    fn rewrite(&mut self) {
        let mut octets = HEAD.to_vec();
        for (key, entry) in &self.live {
            record(KEEP, key, entry, &mut octets);
        }
        match replace(&self.path, &octets) {
            Ok(()) => {
                self.file = None;
                self.size = octets.len();
                if self.behind.take().is_some() {
                    (self.log)(&format!("{} can be written again", self.path.display()));
                }
            }
            Err(error) => self.fell_behind(&error),
        }
    }

    fn fell_behind(&mut self, error: &io::Error) {
        if self.behind.is_none() {
            (self.log)(&format!(
                "{} cannot be written: {error}; last known good answers are in memory only, and it is tried again every {} s",
                self.path.display(),
                RETRY.as_secs()
            ));
        }
        self.behind = Some(Instant::now());
        self.file = None;
    }
}

/// A whole new file under an old name, or the old one.
fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(octets)?;
    file.sync_data()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn size_of(key: &[u8], entry: &[u8]) -> usize {
    RECORD_HEAD + key.len() + entry.len()
}

fn record(kind: u8, key: &[u8], entry: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MARK);
    out.push(kind);
    out.extend_from_slice(&(key.len() as u32).to_be_bytes());
    out.extend_from_slice(&(entry.len() as u32).to_be_bytes());
    out.extend_from_slice(&checksum(kind, key, entry));
    out.extend_from_slice(key);
    out.extend_from_slice(entry);
}

fn checksum(kind: u8, key: &[u8], entry: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&(key.len() as u32).to_be_bytes());
    hasher.update(key);
    hasher.update(entry);
    let hash = hasher.finalize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What counts in a log, and how many octets of it are damaged.
fn read_log(octets: &[u8]) -> (BTreeMap<Vec<u8>, Vec<u8>>, usize) {
    let mut live = BTreeMap::new();
    let Some(mut rest) = octets.strip_prefix(HEAD) else {
        return (live, 0);
    };
    let mut damage = 0;
    while !rest.is_empty() {
        match read_record(rest) {
            Some((KEEP, key, entry, taken)) => {
                live.insert(key.to_vec(), entry.to_vec());
                rest = rest.get(taken..).unwrap_or_default();
            }
            Some((_, key, _, taken)) => {
                live.remove(key);
                rest = rest.get(taken..).unwrap_or_default();
            }
            None => {
                let next = rest
                    .get(1..)
                    .and_then(|r| r.windows(4).position(|w| w == MARK));
                let skipped = next.map_or(rest.len(), |at| at + 1);
                damage += skipped;
                rest = rest.get(skipped..).unwrap_or_default();
            }
        }
    }
    (live, damage)
}

/// Kind, key, entry, and octets taken; `None` for anything that is not whole.
fn read_record(octets: &[u8]) -> Option<(u8, &[u8], &[u8], usize)> {
    let head = octets.first_chunk::<RECORD_HEAD>()?;
    let (mark, rest) = head.split_first_chunk::<4>()?;
    let [kind, k0, k1, k2, k3, e0, e1, e2, e3, sum @ ..] = rest else {
        return None;
    };
    let key_len = u32::from_be_bytes([*k0, *k1, *k2, *k3]) as usize;
    let entry_len = u32::from_be_bytes([*e0, *e1, *e2, *e3]) as usize;
    if *mark != MARK || key_len.checked_add(entry_len)? > LONGEST {
        return None;
    }
    let end = RECORD_HEAD + key_len + entry_len;
    let body = octets.get(RECORD_HEAD..end)?;
    let (key, entry) = body.split_at_checked(key_len)?;
    let whole = matches!(*kind, KEEP | FORGET) && checksum(*kind, key, entry) == *sum;
    whole.then_some((*kind, key, entry, end))
}
