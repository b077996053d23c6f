//! A client that retries what has a key, and remembers what it was told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;

use super::acks::Acks;
use super::batch::Batch;
use crate::http::{Answer, Connection};

/// Acknowledged batches with a key that are remembered, to be sent once more.
const REMEMBERED: usize = 32;

#[derive(Debug)]
struct Sent {
    batch: Batch,
    attempts: u32,
    /// It was answered with 2xx before.
    is_acknowledged: bool,
    /// The outcome of an attempt is not known: it may be stored.
    may_be_stored: bool,
}

/// What an answer means for a batch.
enum Verdict {
    Done,
    Again,
}

/// One client over all processes of a run.
#[derive(Debug)]
pub struct Client {
    seed: u64,
    id: u32,
    next: (u64, u64),
    has_keys: bool,
    /// A repetition may be answered as if it came first: the word on its key may be late.
    takes_late_verdicts: bool,
    pending: Option<Sent>,
    settled: Vec<Sent>,
    rng: Rng,
    acks: Acks,
}

impl Client {
    /// A client that has sent nothing yet.
    #[must_use]
    pub fn new(seed: u64, id: u32, acks: Acks) -> Self {
        let rng = Rng::with_seed(seed.rotate_left(17) ^ u64::from(id));
        Self {
            seed,
            id,
            next: (0, 0),
            has_keys: true,
            takes_late_verdicts: false,
            pending: None,
            settled: Vec::new(),
            rng,
            acks,
        }
    }

    /// Sends no keys, so that nothing is repeated: a batch whose outcome is not known stays open.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.has_keys = false;
        self
    }

    /// Takes 202 for a repetition as well, as it may come on Kafka.
    #[must_use]
    pub fn with_late_verdicts(mut self) -> Self {
        self.takes_late_verdicts = true;
        self
    }

    /// Posts until the connection ends or `stop` is set.
    pub fn work(&mut self, address: SocketAddr, stop: &AtomicBool) {
        let Ok(mut connection) = Connection::open(address) else { return };
        while !stop.load(Ordering::Relaxed) {
            let sent = self.choose();
            if self.send(&mut connection, sent).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_micros(self.rng.u64(..4000)));
        }
    }

    /// Repeats what has no answer yet, until it has one.
    pub fn settle(&mut self, address: SocketAddr) {
        while let Some(sent) = self.pending.take() {
            let Ok(mut connection) = Connection::open(address) else {
                self.acks
                    .complain(format!("client {}: the last process does not accept connections", self.id));
                return;
            };
            if let Err(error) = self.send(&mut connection, sent) {
                self.acks.complain(format!("client {}: the last process gives no answer: {error}", self.id));
                return;
            }
        }
    }

    fn choose(&mut self) -> Sent {
        if let Some(sent) = self.pending.take() {
            return sent;
        }
        if !self.settled.is_empty() && self.rng.u32(..12) == 0 {
            return self.settled.swap_remove(self.rng.usize(..self.settled.len()));
        }
        let (number, first) = self.next;
        let mut batch = Batch::new(self.seed, self.id, number, first);
        batch.key = batch.key.filter(|_| self.has_keys);
        self.next = (number + 1, first + u64::from(batch.records));
        Sent { batch, attempts: 0, is_acknowledged: false, may_be_stored: false }
    }

    fn send(&mut self, connection: &mut Connection, mut sent: Sent) -> std::io::Result<()> {
        sent.attempts += 1;
        let answer = connection.post(&sent.batch.post(sent.attempts));
        match &answer {
            Ok(answer) => match self.judge(&mut sent, answer) {
                Verdict::Done => self.remember(sent),
                Verdict::Again => self.keep(sent),
            },
            Err(_) => {
                sent.may_be_stored = true;
                self.keep(sent);
            }
        }
        answer.map(drop)
    }

    /// The outcome is open: with a key it is repeated, without one it stays open.
    fn keep(&mut self, sent: Sent) {
        if !sent.is_acknowledged {
            self.acks.write(&sent.batch, if sent.may_be_stored { "unknown" } else { "refused" });
        }
        if sent.batch.key.is_some() {
            self.pending = Some(sent);
        }
    }

    fn remember(&mut self, sent: Sent) {
        if sent.batch.key.is_some() {
            self.settled.push(sent);
        }
        if self.settled.len() > REMEMBERED {
            self.settled.swap_remove(self.rng.usize(..REMEMBERED));
        }
    }

    fn judge(&self, sent: &mut Sent, answer: &Answer) -> Verdict {
        let Sent { batch, .. } = &*sent;
        let receipt = answer.json();
        let name = format!("client {} batch {} key {:?}", batch.client, batch.number, batch.key);
        match answer.status {
            200 | 202 => {
                let duplicate = answer.status == 200;
                if receipt["accepted"] != batch.records || receipt["duplicate"] != duplicate {
                    self.acks.complain(format!("{name}: {} records, told: {receipt}", batch.records));
                }
                if sent.is_acknowledged && !duplicate && !self.takes_late_verdicts {
                    self.acks.complain(format!("{name}: stored again after it was acknowledged"));
                }
                if duplicate && !sent.is_acknowledged && !sent.may_be_stored {
                    self.acks.complain(format!("{name}: told to be a repetition when it came first"));
                }
                if sent.is_acknowledged {
                    self.acks.repeated();
                } else {
                    self.acks.write(batch, &answer.status.to_string());
                    self.acks.acknowledged(batch);
                }
                sent.is_acknowledged = true;
                Verdict::Done
            }
            503 => {
                let unknown = receipt["type"].as_str().is_some_and(|kind| kind.ends_with("outcome-unknown"));
                sent.may_be_stored |= unknown;
                std::thread::sleep(Duration::from_millis(50));
                Verdict::Again
            }
            409 | 429 => {
                std::thread::sleep(Duration::from_millis(50));
                Verdict::Again
            }
            status => {
                self.acks.complain(format!("{name}: answered {status} {}", answer.text()));
                Verdict::Done
            }
        }
    }
}
