//! What goes out together.

/// The records of one bucket and one session: the unit of order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// `bucketName`.
    pub bucket: String,
    /// `raftSessionID`.
    pub session: u16,
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

/// What an object is made of: the part of a claim that decides its bytes and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose records they are.
    pub stream: Stream,
    /// The number of the claim in its stream.
    pub seq: u64,
    /// The hash of each record.
    pub hashes: Vec<u64>,
    /// In the order of their names.
    pub targets: Vec<Target>,
}
