//! Clients that send lenient batches with invalid records in them, and remember what they were told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::{Connection, Post};

use crate::samples::record;

const COLUMNS: &str = "timestamp,method,path,userAgent,id\n";
const TIME: &str = "2026-01-02T03:04:05Z";
/// In the place of the time of a record that is to be rejected.
const NO_TIME: &str = "never";

/// What the client knows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Stored,
    /// It is there as a whole, or not at all.
    Unknown,
    Refused,
}

/// A batch that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// The names of the valid records.
    pub(super) good: Vec<String>,
    /// The bodies of the letters that the others become.
    pub(super) bad: Vec<String>,
    pub(super) told: Told,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Ndjson,
    Csv,
}

impl Format {
    fn record(self, id: &str, is_good: bool) -> String {
        let text = match self {
            Self::Json | Self::Ndjson => record(id),
            Self::Csv => format!("{TIME},GET,/,t,{id}"),
        };
        if is_good { text } else { text.replace(TIME, NO_TIME) }
    }

    /// A body of these records; that of a letter is one of one record.
    fn body(self, records: &[String]) -> String {
        let lines = || records.iter().map(|record| format!("{record}\n")).collect::<String>();
        match self {
            Self::Json => format!("[{}]", records.join(",")),
            Self::Ndjson => lines(),
            Self::Csv => COLUMNS.to_owned() + &lines(),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

/// One client over all processes of a run, without keys: nothing is repeated.
pub(super) struct Sender {
    name: String,
    rng: Rng,
    pub(super) sent: Vec<Sent>,
}

impl Sender {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let rng = Rng::with_seed(seed.rotate_left(17) ^ number);
        Self { name: format!("sender-{number}"), rng, sent: Vec::new() }
    }

    /// Posts until the connection ends or `stop` is set.
    pub(super) fn work(&mut self, address: SocketAddr, stop: &AtomicBool, stored: &AtomicU64) {
        let Ok(mut connection) = Connection::open(address) else { return };
        while !stop.load(Ordering::Relaxed) {
            let (post, mut sent) = self.batch();
            let answer = connection.post(&post);
            let has_ended = answer.is_err();
            if let Ok(answer) = answer {
                let receipt = answer.json();
                sent.told = match answer.status {
                    202 => Told::Stored,
                    503 if receipt["type"].as_str().is_some_and(|kind| kind.ends_with("outcome-unknown")) => {
                        Told::Unknown
                    }
                    429 | 503 => Told::Refused,
                    status => panic!("answered {status}: {}", answer.text()),
                };
                if sent.told == Told::Stored {
                    assert_eq!(receipt["accepted"], sent.good.len(), "{receipt}");
                    stored.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.sent.push(sent);
            if has_ended {
                return;
            }
            std::thread::sleep(Duration::from_millis(self.rng.u64(2..20)));
        }
    }

    fn batch(&mut self) -> (Post, Sent) {
        let format = [Format::Json, Format::Ndjson, Format::Csv][self.rng.usize(..3)];
        let (number, count) = (self.sent.len(), self.rng.u32(1..=8));
        let mut sent = Sent { good: Vec::new(), bad: Vec::new(), told: Told::Unknown };
        let mut records = Vec::new();
        for index in 0..count {
            let (id, is_good) = (format!("{}-{number}-{index}", self.name), self.rng.u32(..3) > 0);
            let record = format.record(&id, is_good);
            if is_good {
                sent.good.push(id);
            } else {
                sent.bad.push(format.body(std::slice::from_ref(&record)));
            }
            records.push(record);
        }
        (Post::new(format.kind(), format.body(&records)).with("prefer", "handling=lenient"), sent)
    }
}
