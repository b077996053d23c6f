//! Batches that follow from a seed. Each record tells who sent it, and carries a checksum over all that it says.

use std::fmt::Write as _;

use fastrand::Rng;
use flate2::Crc;

use crate::http::Post;

/// 2026-03-01T20:00:00Z: the hours pass midnight.
const DAY: [&str; 2] = ["2026-03-01", "2026-03-02"];
const FIRST_HOUR: u32 = 20;
const HOURS: u32 = 7;
const CUSTOMERS: [Option<&str>; 3] = [None, Some("acme"), Some("b_2-x")];
const METHODS: [&str; 4] = ["", "GET", "POST", "PROPFIND"];
const PATHS: [&str; 5] = ["/", "/a?b=c&d=%20e", "/say \"hi\", you", "/ü/日本/𝒳", "/line\u{2028}break\\"];
const AGENTS: [&str; 4] = ["", "curl/8.0", "Mozilla/5.0 (X11; Linux x86_64), like \"Gecko\"", "ключ"];

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Ndjson,
    Csv,
}

/// A batch, as often as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub client: u32,
    pub number: u64,
    /// Sequence number of the first record.
    pub first: u64,
    pub records: u32,
    pub customer: Option<&'static str>,
    pub key: Option<String>,
    format: Format,
    body: Vec<u8>,
}

struct Record {
    sent: String,
    method: &'static str,
    path: String,
    agent: &'static str,
    seq: u64,
    crc: String,
}

/// A time as it is sent, with any offset, and as it is to be written.
fn time(rng: &mut Rng) -> (String, String) {
    let hour = FIRST_HOUR + rng.u32(..HOURS);
    let (minute, second) = (rng.u32(..60), rng.u32(..60));
    let fraction = match rng.u32(..3) {
        0 => String::new(),
        1 => format!(".{:03}", rng.u32(..1000)),
        _ => format!(".{:09}", rng.u32(..1_000_000_000)),
    };
    let text =
        |hour: u32| format!("{}T{:02}:{minute:02}:{second:02}{fraction}", DAY[hour as usize / 24], hour % 24);
    let written = text(hour) + "Z";
    let sent = match rng.u32(..4) {
        0 => text(hour + 1) + "+01:00",
        1 => text(hour - 5) + "-05:00",
        _ => written.clone(),
    };
    (sent, written)
}

impl Record {
    fn new(rng: &mut Rng, batch: &Batch, seq: u64) -> Self {
        let (sent, written) = time(rng);
        let method = METHODS[rng.usize(..METHODS.len())];
        let path = PATHS[rng.usize(..PATHS.len())].to_owned() + &"x".repeat(rng.usize(..60));
        let agent = AGENTS[rng.usize(..AGENTS.len())];
        let customer = batch.customer.unwrap_or("default");
        let (client, number) = (batch.client, batch.number);
        let text = format!("{written}|{method}|{path}|{agent}|{customer}|{client}|{number}|{seq}");
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        Self { sent, method, path, agent, seq, crc: format!("{:08x}", crc.sum()) }
    }

    fn json(&self, batch: &Batch) -> String {
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        let method =
            if self.method.is_empty() { String::new() } else { format!("\"method\":\"{}\",", self.method) };
        format!(
            "{{\"timestamp\":\"{}\",{method}\"path\":{},\"userAgent\":{},\"client\":{},\"batch\":{},\"seq\":{},\"crc\":\"{}\"}}",
            self.sent,
            quote(&self.path),
            quote(self.agent),
            batch.client,
            batch.number,
            self.seq,
            self.crc
        )
    }

    fn csv(&self, batch: &Batch) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let (method, sent, crc) = (self.method, &self.sent, &self.crc);
        let (path, agent) = (quote(&self.path), quote(self.agent));
        format!("{},{agent},{method},{sent},{path},{},{},{crc}\r\n", batch.client, batch.number, self.seq)
    }
}

impl Batch {
    /// The batch with this number of this client. `first` is its first record's sequence number.
    pub(super) fn new(seed: u64, client: u32, number: u64, first: u64) -> Self {
        let mut rng = Rng::with_seed(
            seed ^ u64::from(client).rotate_left(48) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let format = [Format::Json, Format::Ndjson, Format::Csv][rng.usize(..3)];
        let records = if rng.bool() { rng.u32(1..=10) } else { rng.u32(1..=200) };
        let customer = CUSTOMERS[rng.usize(..3)];
        let key = rng.bool().then(|| format!("k-{client}-{number}"));
        let mut batch = Self { client, number, first, records, customer, key, format, body: Vec::new() };
        let records: Vec<Record> =
            (first..first + u64::from(records)).map(|seq| Record::new(&mut rng, &batch, seq)).collect();
        batch.body = batch.render(&records).into_bytes();
        batch
    }

    fn render(&self, records: &[Record]) -> String {
        let mut out = String::new();
        match self.format {
            Format::Json => {
                let records: Vec<String> = records.iter().map(|record| record.json(self)).collect();
                write!(out, "[{}]", records.join(", ")).unwrap();
            }
            Format::Ndjson => {
                records.iter().for_each(|record| writeln!(out, "{}", record.json(self)).unwrap())
            }
            Format::Csv => {
                out.push_str("client,userAgent,method,timestamp,path,batch,seq,crc\r\n");
                records.iter().for_each(|record| out.push_str(&record.csv(self)));
            }
        }
        out
    }

    /// The request. The same batch may come in another encoding when it is repeated.
    pub(super) fn post(&self, attempt: u32) -> Post {
        let kind = match self.format {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
        };
        let codings = ["identity", "gzip", "identity", "zstd"];
        let coding = codings[(self.number as usize + attempt as usize) % codings.len()];
        let mut post = Post::new(kind, self.body.clone()).encoded(coding);
        for (name, value) in [("x-customer-id", self.customer), ("idempotency-key", self.key.as_deref())] {
            if let Some(value) = value {
                post = post.with(name, value);
            }
        }
        post
    }
}
