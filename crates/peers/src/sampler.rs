//! Asks a server the same questions all the time, and remembers what it said.
//!
//! "Never an empty answer" is only worth something with many questions in every gap. The sampler
//! sends at its rate whether or not answers come, so a server that stalls is still asked, and its
//! backlog of answers is still read.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wire::{self, Answer};

/// How long an answer may take before it counts as a timeout.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the last questions are waited for after [`Sampler::stop`].
const DRAIN: Duration = Duration::from_millis(500);

/// A running sampler: one thread, one UDP socket.
#[derive(Debug)]
#[must_use = "a sampler is worth what its `stop` returns"]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Samples>>,
}

/// What a sampler saw.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// Questions sent.
    pub asked: u64,
    /// Answers of any kind that came in time.
    pub answered: u64,
    /// Of these: NOERROR with no record of the asked type at the end of the CNAMEs, or NXDOMAIN.
    pub empty: u64,
    /// Of these: other response codes (SERVFAIL, REFUSED…).
    pub failed: u64,
    /// Answers that cannot be read.
    pub garbled: u64,
    /// Questions without an answer within a second.
    pub timeouts: u64,
    /// The first empty answer.
    pub first_empty: Option<FirstEmpty>,
    /// How often each question had each answer: `name type -> data, sorted, or response code`.
    pub answers: BTreeMap<String, u64>,
    /// From the first question to the last.
    pub elapsed: Duration,
}

/// When and how a name was first seen empty.
#[derive(Debug, Clone)]
pub struct FirstEmpty {
    /// Since the sampler's start.
    pub after: Duration,
    /// Name and type.
    pub question: String,
    /// The answer.
    pub answer: Answer,
}

impl Sampler {
    /// Asks these questions (name, type) in turn, `rate` of them a second in all.
    ///
    /// # Panics
    /// On a rate of 0, no question, or an unknown type.
    #[track_caller]
    pub fn start(server: SocketAddr, questions: &[(&str, &str)], rate: u32) -> Self {
        assert!(
            rate > 0 && !questions.is_empty(),
            "a sampler needs a question and a rate"
        );
        let socket = match UdpSocket::bind((server.ip(), 0))
            .and_then(|socket| socket.connect(server).map(|()| socket))
        {
            Ok(socket) => socket,
            Err(error) => panic!("no socket to sample {server}: {error}"),
        };
        let questions = questions
            .iter()
            .map(|(name, rtype)| Question {
                name: (*name).to_owned(),
                rtype: (*rtype).to_owned(),
                bytes: wire::question(name, rtype, 0, false),
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let run = Run {
            socket,
            questions,
            started: Instant::now(),
            outstanding: BTreeMap::new(),
            samples: Samples::default(),
        };
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || run.until(&stopped, Duration::from_secs(1) / rate));
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops asking, waits for the last answers, and returns what was seen.
    #[track_caller]
    pub fn stop(mut self) -> Samples {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(samples)) => samples,
            _ => panic!("the sampler's thread panicked"),
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Samples {
    /// Questions per second.
    pub fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.asked).unwrap_or(u32::MAX))
            / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Fails unless at least `least_rate` questions a second were asked, most were answered, and
    /// no answer was empty. Prints the count.
    ///
    /// # Panics
    /// As said.
    #[track_caller]
    pub fn assert_never_empty(&self, least_rate: u32) {
        println!("{self}");
        assert!(self.empty == 0, "an empty answer was served: {self}");
        assert!(
            self.rate() >= f64::from(least_rate),
            "too few questions to say anything: {self}"
        );
        assert!(
            self.answered * 2 >= self.asked,
            "too few answers to say anything: {self}"
        );
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} questions in {:.1} s ({:.0}/s): {} answers, {} empty, {} other response codes, {} unreadable, {} timeouts",
            self.asked,
            self.elapsed.as_secs_f64(),
            self.rate(),
            self.answered,
            self.empty,
            self.failed,
            self.garbled,
            self.timeouts
        )?;
        if let Some(first) = &self.first_empty {
            write!(
                f,
                "; first empty: {} after {:.3} s, {:?}",
                first.question,
                first.after.as_secs_f64(),
                first.answer
            )?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Question {
    name: String,
    rtype: String,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Run {
    socket: UdpSocket,
    questions: Vec<Question>,
    started: Instant,
    /// By message id: when it was sent, and which question.
    outstanding: BTreeMap<u16, (Instant, usize)>,
    samples: Samples,
}

impl Run {
    fn until(mut self, stop: &AtomicBool, gap: Duration) -> Samples {
        let mut due = self.started;
        while !stop.load(Ordering::Relaxed) {
            while due <= Instant::now() {
                self.send();
                due += gap;
            }
            self.receive_until(due);
            self.expire(PATIENCE);
        }
        self.samples.elapsed = self.started.elapsed();
        let end = Instant::now() + DRAIN;
        while !self.outstanding.is_empty() && Instant::now() < end {
            self.receive_until(end.min(Instant::now() + Duration::from_millis(10)));
        }
        self.expire(Duration::ZERO);
        self.samples
    }

    fn send(&mut self) {
        let count = self.questions.len() as u64;
        let index = usize::try_from(self.samples.asked % count).unwrap_or(0);
        let id = u16::try_from(self.samples.asked & 0xffff).unwrap_or(0);
        let Some(question) = self.questions.get_mut(index) else {
            return;
        };
        question.bytes.splice(..2, id.to_be_bytes());
        self.samples.asked += 1;
        // A send that fails (port closed) goes unanswered, and is counted as such.
        let _ = self.socket.send(&question.bytes);
        if self
            .outstanding
            .insert(id, (Instant::now(), index))
            .is_some()
        {
            self.samples.timeouts += 1;
        }
    }

    fn receive_until(&mut self, end: Instant) {
        let mut buffer = [0; 4096];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // The kernel's timeouts round to its tick; below that, read only what is there.
            let waits = left >= Duration::from_micros(50);
            let set = if waits {
                self.socket.set_read_timeout(Some(left))
            } else {
                self.socket.set_nonblocking(true)
            };
            let received = set.and_then(|()| self.socket.recv(&mut buffer));
            if !waits {
                let _ = self.socket.set_nonblocking(false);
            }
            match received {
                Ok(length) => self.judge(buffer.get(..length).unwrap_or_default()),
                // A closed port shows as an error of the next call: wait, do not spin.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    thread::sleep(left)
                }
                Err(_) => return,
            }
            if Instant::now() >= end {
                return;
            }
        }
    }

    fn judge(&mut self, bytes: &[u8]) {
        let Some(id) = bytes
            .get(..2)
            .and_then(|id| id.try_into().ok())
            .map(u16::from_be_bytes)
        else {
            self.samples.garbled += 1;
            return;
        };
        // Already counted as a timeout, or nobody asked.
        let Some((_, index)) = self.outstanding.remove(&id) else {
            return;
        };
        let Some(question) = self.questions.get_mut(index) else {
            return;
        };
        question.bytes.splice(..2, id.to_be_bytes());
        self.samples.answered += 1;
        let answer = wire::parse(bytes).filter(|_| wire::is_answer_to(bytes, &question.bytes));
        let Some(answer) = answer else {
            self.samples.garbled += 1;
            return;
        };
        let name = format!("{} {}", question.name, question.rtype);
        let nothing = match answer.rcode {
            // A truncated answer has data, it only did not fit.
            0 => !answer.truncated && !answer.serves(&question.name, &question.rtype),
            3 => true,
            _ => {
                self.samples.failed += 1;
                false
            }
        };
        *self
            .samples
            .answers
            .entry(format!("{name} -> {}", describe(&answer)))
            .or_default() += 1;
        if nothing {
            self.samples.empty += 1;
            let after = self.started.elapsed();
            self.samples.first_empty.get_or_insert(FirstEmpty {
                after,
                question: name,
                answer,
            });
        }
    }

    /// Counts as timeouts what is older than this.
    fn expire(&mut self, age: Duration) {
        let before = self.outstanding.len();
        self.outstanding.retain(|_, (sent, _)| sent.elapsed() < age);
        self.samples.timeouts += (before - self.outstanding.len()) as u64;
    }
}

/// The answer in a line.
fn describe(answer: &Answer) -> String {
    if answer.rcode != 0 {
        return format!("rcode {}", answer.rcode);
    }
    let mut data: Vec<String> = answer
        .records
        .iter()
        .map(|record| format!("{} {}", record.rtype, record.data))
        .collect();
    data.sort_unstable();
    if data.is_empty() {
        "nothing".to_owned()
    } else {
        data.join(", ")
    }
}
