//! A claim as a row: RowBinary to ClickHouse, JSON from it. Names and ids are bytes, which JSON cannot hold: there they are base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::claim::{Claim, Kind, Place, Stream, Target};

/// The columns of [`row`]; id and time are the server's.
pub(super) const INSERTED: &str = "bucketName, raftSessionID, seq, attempt, kind, base, fromInsertedAt, fromStartTime, fromReqId, \
                                   toInsertedAt, toStartTime, toReqId, hashes, targets, columns, format, instance";

/// The columns of [`Found`].
pub(super) const SELECTED: &str = "toInt8(kind) AS kind, base, \
     (toUInt32(fromInsertedAt), toUnixTimestamp64Milli(fromStartTime), base64Encode(fromReqId)) AS from, \
     (toUInt32(toInsertedAt), toUnixTimestamp64Milli(toStartTime), base64Encode(toReqId)) AS to, hashes, \
     arrayMap(t -> (base64Encode(t.1), base64Encode(t.2), toUnixTimestamp64Milli(t.3), t.4), targets) AS targets, columns, format";

const CUT: i8 = 1;
const LATE: i8 = 2;
const RESET: i8 = 3;

/// The bytes of a row.
pub(super) fn row(claim: &Claim, attempt: u8, instance: &str) -> Vec<u8> {
    let (kind, base) = match claim.kind {
        Kind::Cut => (CUT, 0),
        Kind::Late(base) => (LATE, base),
        Kind::Reset => (RESET, 0),
    };
    let mut out = Vec::with_capacity(claim.hashes.len() * 8 + 1024);
    string(claim.stream.bucket.as_bytes(), &mut out);
    out.extend(claim.stream.session.to_le_bytes());
    out.extend(claim.seq.to_le_bytes());
    out.push(attempt);
    out.extend(kind.to_le_bytes());
    out.extend(base.to_le_bytes());
    place(&claim.from, &mut out);
    place(&claim.to, &mut out);
    length(claim.hashes.len(), &mut out);
    claim.hashes.iter().for_each(|hash| out.extend(hash.to_le_bytes()));
    length(claim.targets.len(), &mut out);
    for target in &claim.targets {
        string(&target.bucket, &mut out);
        string(&target.prefix, &mut out);
        out.extend(target.oldest.to_le_bytes());
        out.extend(target.records.to_le_bytes());
    }
    string(claim.columns.as_bytes(), &mut out);
    out.push(claim.format);
    string(instance.as_bytes(), &mut out);
    out
}

fn place(place: &Place, out: &mut Vec<u8>) {
    out.extend(place.inserted_at.to_le_bytes());
    out.extend(place.start_time.to_le_bytes());
    string(&place.req_id, out);
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// LEB128.
fn length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

type PlaceFound = (u32, i64, String);

/// A row that was found.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    kind: i8,
    base: u64,
    from: PlaceFound,
    to: PlaceFound,
    hashes: Vec<u64>,
    targets: Vec<(String, String, i64, u64)>,
    columns: String,
    format: u8,
}

impl Found {
    /// The claim that it is.
    pub(super) fn claim(self, stream: &Stream, seq: u64) -> Result<Claim, String> {
        let kind = match self.kind {
            CUT => Kind::Cut,
            LATE => Kind::Late(self.base),
            RESET => Kind::Reset,
            other => return Err(format!("kind {other} is of a newer logmill")),
        };
        let target = |(bucket, prefix, oldest, records): (String, String, i64, u64)| {
            Ok::<_, String>(Target { bucket: bytes(&bucket)?, prefix: bytes(&prefix)?, oldest, records })
        };
        Ok(Claim {
            stream: stream.clone(),
            seq,
            kind,
            from: found(self.from)?,
            to: found(self.to)?,
            hashes: self.hashes,
            targets: self.targets.into_iter().map(target).collect::<Result<_, _>>()?,
            columns: self.columns,
            format: self.format,
        })
    }
}

fn found((inserted_at, start_time, req_id): PlaceFound) -> Result<Place, String> {
    Ok(Place { inserted_at, start_time, req_id: bytes(&req_id)? })
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| error.to_string())
}
