//! The fields of a line: their order, their kinds, and the columns that usually hold them.

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text without white space.
    Plain,
    /// Text between quotes.
    Quoted,
    /// Milliseconds since 1970 as a time in brackets.
    Time,
    /// A whole number.
    Number,
    /// A whole number of which 0 is written like none.
    NumberNot0,
    /// Milliseconds, possibly with a fraction.
    Float,
}

impl Kind {
    /// The type that a column is cast to, so that a row has the same bytes whatever the table has.
    #[must_use]
    pub fn column_type(self) -> &'static str {
        match self {
            Self::Plain | Self::Quoted => "Nullable(String)",
            Self::Time => "Nullable(DateTime64(3))",
            Self::Number | Self::NumberNot0 => "Nullable(UInt64)",
            Self::Float => "Nullable(Float32)",
        }
    }
}

/// A field of a line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the settings: `courier.columns.<name>`.
    pub name: &'static str,
    /// How it is written.
    pub kind: Kind,
    /// Columns that hold it, the first that a table has; none is needed.
    pub columns: &'static [&'static str],
}

const fn field(name: &'static str, kind: Kind, columns: &'static [&'static str]) -> Field {
    Field { name, kind, columns }
}

/// All fields in the order of a line. The last one is only in lines of `aws-27`.
///
/// Source: Amazon S3 User Guide, *Amazon S3 server access log format*.
pub const FIELDS: [Field; 27] = [
    field("bucket_owner", Kind::Plain, &["bucketOwner", "userName", "accountName"]),
    field("bucket", Kind::Plain, &["bucketName"]),
    field("time", Kind::Time, &["startTime", "timestamp"]),
    field("remote_ip", Kind::Plain, &["clientIP"]),
    field("requester", Kind::Plain, &["requester"]),
    field("request_id", Kind::Plain, &["req_id"]),
    field("operation", Kind::Plain, &["operation", "action"]),
    field("key", Kind::Plain, &["objectKey"]),
    field("request_uri", Kind::Quoted, &["requestURI", "httpURL"]),
    field("status", Kind::Number, &["httpCode"]),
    field("error_code", Kind::Plain, &["errorCode"]),
    field("bytes_sent", Kind::NumberNot0, &["bytesSent"]),
    field("object_size", Kind::Number, &["objectSize", "contentLength"]),
    field("total_time", Kind::Float, &["totalTime", "elapsed_ms"]),
    field("turn_around_time", Kind::Float, &["turnAroundTime", "turnaround_ms"]),
    field("referer", Kind::Quoted, &["referer"]),
    field("user_agent", Kind::Quoted, &["userAgent"]),
    field("version_id", Kind::Plain, &["versionId"]),
    field("host_id", Kind::Plain, &[]),
    field("signature_version", Kind::Plain, &["signatureVersion"]),
    field("cipher_suite", Kind::Plain, &["cipherSuite"]),
    field("authentication_type", Kind::Plain, &["authenticationType"]),
    field("host_header", Kind::Plain, &["hostHeader"]),
    field("tls_version", Kind::Plain, &["tlsVersion"]),
    field("access_point_arn", Kind::Plain, &[]),
    field("acl_required", Kind::Plain, &["aclRequired"]),
    field("source_region", Kind::Plain, &[]),
];
