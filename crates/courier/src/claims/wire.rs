//! A claim as a row: RowBinary to ClickHouse, JSON from it. Names and ids are bytes, which JSON cannot hold: there they are base64.

use serde::Deserialize;

use crate::claim::{Claim, Kind, Place, Stream, Target};
use crate::clickhouse::Encoded;
use crate::rows::{write_length, write_string};

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
    write_string(claim.stream.bucket.as_bytes(), &mut out);
    out.extend(claim.stream.session.to_le_bytes());
    out.extend(claim.seq.to_le_bytes());
    out.push(attempt);
    out.extend(kind.to_le_bytes());
    out.extend(base.to_le_bytes());
    place(&claim.from, &mut out);
    place(&claim.to, &mut out);
    write_length(claim.hashes.len(), &mut out);
    claim.hashes.iter().for_each(|hash| out.extend(hash.to_le_bytes()));
    write_length(claim.targets.len(), &mut out);
    for target in &claim.targets {
        write_string(&target.bucket, &mut out);
        write_string(&target.prefix, &mut out);
        out.extend(target.oldest.to_le_bytes());
        out.extend(target.records.to_le_bytes());
    }
    write_string(claim.columns.as_bytes(), &mut out);
    out.push(claim.format);
    write_string(instance.as_bytes(), &mut out);
    out
}

fn place(place: &Place, out: &mut Vec<u8>) {
    out.extend(place.inserted_at.to_le_bytes());
    out.extend(place.start_time.to_le_bytes());
    write_string(&place.req_id, out);
}

type PlaceFound = (u32, i64, Encoded);

/// A row that was found.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    kind: i8,
    base: u64,
    from: PlaceFound,
    to: PlaceFound,
    hashes: Vec<u64>,
    targets: Vec<(Encoded, Encoded, i64, u64)>,
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
        let target =
            |(Encoded(bucket), Encoded(prefix), oldest, records)| Target { bucket, prefix, oldest, records };
        Ok(Claim {
            stream: stream.clone(),
            seq,
            kind,
            from: found(self.from),
            to: found(self.to),
            hashes: self.hashes,
            targets: self.targets.into_iter().map(target).collect(),
            columns: self.columns,
            format: self.format,
        })
    }
}

fn found((inserted_at, start_time, Encoded(req_id)): PlaceFound) -> Place {
    Place { inserted_at, start_time, req_id }
}
