//! Batches whose every line is known beforehand.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use logmill_model::{Format, HourPath, Limits, Mode, Timestamp, validate};
use logmill_queue::{Append, Encoding, Header, Key, Route, Topic};
use logmill_world::Micros;

use crate::Checked;
use crate::stage::FILES;

const CUSTOMERS: [&str; 3] = ["default", "acme", "cus-b"];

/// A line that has to be in a file once the batch is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The file.
    pub path: PathBuf,
    /// The line without its line feed.
    pub line: String,
}

/// A batch, the request that brings it, and the lines that it becomes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number in the oracle; the frame carries it as the batch id.
    pub number: u64,
    /// As the door would hand it to the log.
    pub append: Append,
    /// The lines of its accepted records, in order.
    pub expected: Vec<Expected>,
}

/// One record before it is written in some format.
struct Record {
    time: String,
    hour: u32,
    path: String,
    agent: String,
    extra: String,
    valid: bool,
}

/// Who writes the next batch, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub number: u64,
    pub writer: u8,
    pub now: Micros,
    pub large: bool,
}

impl Batch {
    /// A new batch. Its records name writer, number and index, and carry a checksum of them.
    pub(crate) fn new(rng: &mut fastrand::Rng, topic: &Topic, origin: Origin) -> Checked<Self> {
        let lenient = rng.u8(0..8) == 0;
        let count = if origin.large { rng.u32(100..300) } else { rng.u32(1..=6) };
        let records: Vec<Record> = (0..count).map(|index| record(rng, origin, index, lenient)).collect();
        let customer = CUSTOMERS.get(rng.usize(..CUSTOMERS.len())).copied().unwrap_or("default");
        let format = match rng.u8(0..3) {
            0 => Format::Json,
            1 => Format::Ndjson,
            _ => Format::Csv,
        };
        // One batch in fifty is none of web logs: it becomes a dead letter.
        let encoding = if rng.u8(0..50) == 0 { Encoding::OPAQUE } else { Encoding(format.code()) };
        let payload = Bytes::from(body(format, &records));
        let summary = validate(format, &payload, &Limits::default(), Mode::Lenient);
        let summary = summary.map_err(|error| format!("a generated body is invalid: {error}"))?;
        let mut header = Header::new(encoding, summary.records, origin.now);
        customer.clone_into(&mut header.customer);
        header.batch_id = id(origin.number);
        header.span = summary.min.zip(summary.max).map(|(min, max)| (min.micros(), max.micros()));
        header.rejected = summary.rejected;
        header.key = rng.bool().then(|| Key { hash: spread(origin.number), digest: digest(&payload) });
        let expected = records.iter().filter(|record| record.valid && encoding != Encoding::OPAQUE);
        let expected = expected.map(|record| record.expected(customer)).collect();
        let route = Route::Hash(rng.u64(..));
        Ok(Self {
            number: origin.number,
            append: Append { topic: topic.clone(), route, header, payload },
            expected,
        })
    }

    /// The same key with another body, which no log may take once it holds the first.
    #[must_use]
    pub fn conflicting(&self) -> Append {
        let mut append = self.append.clone();
        append.payload = Bytes::from_static(b"[]");
        if let Some(key) = &mut append.header.key {
            key.digest = digest(&append.payload);
        }
        (append.header.count, append.header.rejected) = (0, Vec::new());
        append
    }

    /// The number of the batch that a frame's header names.
    #[must_use]
    pub fn number_of(header: &Header) -> u64 {
        header.batch_id.first_chunk().copied().map_or(u64::MAX, u64::from_le_bytes)
    }

    /// Whether it can only become a dead letter.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.append.header.encoding == Encoding::OPAQUE
    }

    /// Whether its sender may repeat it.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.append.header.key.is_some()
    }
}

fn id(number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
    id
}

/// Distinct for each number and evenly distributed.
fn spread(number: u64) -> [u8; 16] {
    u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
}

fn digest(body: &[u8]) -> [u8; 16] {
    spread(u64::from(crc32c::crc32c(body)) << 24 | body.len() as u64)
}

fn record(rng: &mut fastrand::Rng, origin: Origin, index: u32, lenient: bool) -> Record {
    let broken = lenient && rng.u8(0..3) == 0;
    let seconds = u64::try_from(origin.now / 1_000_000).unwrap_or(0) + rng.u64(0..7200);
    let time = Timestamp::new(seconds, rng.u32(0..1000) * 1_000_000).unwrap_or_default();
    let (mut text, digits) = (Vec::new(), rng.u8(0..4));
    time.write(digits, &mut text);
    let path = format!("/w{}/b{}/r{index}", origin.writer, origin.number);
    let pad = if origin.large { rng.usize(200..700) } else { rng.usize(0..40) };
    let extra = "x".repeat(pad);
    let agent = format!("sum {:08x}", crc32c::crc32c(format!("{path} {extra}").as_bytes()));
    let time_text = if broken { "yesterday".to_owned() } else { String::from_utf8_lossy(&text).into_owned() };
    Record { time: time_text, hour: time.hour(), path, agent, extra, valid: !broken }
}

impl Record {
    fn object(&self) -> String {
        let Self { time, path, agent, extra, .. } = self;
        // Not the order in which lines are written, so that a copy of the body is not yet the answer.
        format!(
            r#"{{"pad":"{extra}","userAgent":"{agent}","path":"{path}","method":"GET","timestamp":"{time}"}}"#
        )
    }

    fn row(&self) -> String {
        let Self { time, path, agent, extra, .. } = self;
        format!("{extra},{agent},{path},GET,{time}\n")
    }

    fn expected(&self, customer: &str) -> Expected {
        let Self { time, path, agent, extra, .. } = self;
        let line = format!(
            r#"{{"timestamp":"{time}","method":"GET","path":"{path}","userAgent":"{agent}","pad":"{extra}"}}"#
        );
        Expected { path: file(customer, self.hour), line }
    }
}

fn body(format: Format, records: &[Record]) -> String {
    let objects = || records.iter().map(Record::object).collect::<Vec<_>>();
    match format {
        Format::Json => format!("[{}]", objects().join(", ")),
        Format::Ndjson => objects().join("\n"),
        Format::Csv => {
            let rows: String = records.iter().map(Record::row).collect();
            format!("pad,userAgent,path,method,timestamp\n{rows}")
        }
    }
}

fn file(customer: &str, hour: u32) -> PathBuf {
    let mut path = Path::new(FILES).join("logs");
    if customer != "default" {
        path.push(customer);
    }
    let (date, hour) = HourPath::new(hour)
        .map_or_else(Default::default, |hour| (hour.date().to_owned(), hour.hour().to_owned()));
    path.join(date).join(format!("{hour}.log.json"))
}
