//! What goes out together.

/// The records of one bucket and one session: the unit of order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// `bucketName`.
    pub bucket: String,
    /// `raftSessionID`.
    pub session: u16,
}

/// Where a record stands in its stream; places are compared in this order. The default is before all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Seconds since 1970.
    pub inserted_at: u32,
    /// Milliseconds since 1970.
    pub start_time: i64,
    /// Any bytes.
    pub req_id: Vec<u8>,
}

/// Where records go: `(loggingTargetBucket, loggingTargetPrefix)`, as bytes, since names come from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The bucket that the customer named.
    pub bucket: Vec<u8>,
    /// What the keys of the customer's objects begin with.
    pub prefix: Vec<u8>,
    /// The oldest `startTime` of its records, in milliseconds since 1970.
    pub oldest: i64,
    /// Its records.
    pub records: u64,
}

/// Why a claim was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records behind the offset.
    Cut,
    /// Records that showed up in the range of the claim of this number after it was made.
    Late(u64),
    /// None: the offset is to stand at `to`.
    Reset,
}

/// Records that go out together: which, and how. Nothing of it changes, so that whoever carries it out makes the same objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose records they are.
    pub stream: Stream,
    /// Its number in the stream, from 1.
    pub seq: u64,
    /// Why it was made.
    pub kind: Kind,
    /// The place behind which its records stand.
    pub from: Place,
    /// The last place that they may have.
    pub to: Place,
    /// The hash of each record.
    pub hashes: Vec<u64>,
    /// In the order of their names.
    pub targets: Vec<Target>,
    /// The expressions that were read and hashed.
    pub columns: String,
    /// Fields of a line: 26 or 27.
    pub format: u8,
}
