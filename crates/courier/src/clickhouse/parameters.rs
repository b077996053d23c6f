//! Streams and places in statements.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Statement;
use crate::claim::{Place, Stream};

/// Bytes of a column that is read as `base64Encode(column)`, since JSON cannot hold all of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(crate) struct Encoded(pub(crate) Vec<u8>);

impl TryFrom<String> for Encoded {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// A place as an expression; [`Statement::place`] has its values.
pub(crate) fn place(name: &str) -> String {
    format!(
        "(toDateTime({{{name}_at:UInt32}}), fromUnixTimestamp64Milli({{{name}_time:Int64}}), base64Decode({{{name}_id:String}}))"
    )
}

impl Statement {
    /// With the values of `{bucket:String}` and `{session:UInt16}`.
    pub(crate) fn stream(self, stream: &Stream) -> Self {
        self.with("bucket", &stream.bucket).with("session", &stream.session.to_string())
    }

    /// With the values of a [`place`] of this name.
    pub(crate) fn place(self, name: &str, place: &Place) -> Self {
        self.with(&format!("{name}_at"), &place.inserted_at.to_string())
            .with(&format!("{name}_time"), &place.start_time.to_string())
            .with(&format!("{name}_id"), &STANDARD.encode(&place.req_id))
    }
}
