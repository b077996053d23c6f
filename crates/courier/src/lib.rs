//! Access logs out of ClickHouse as S3 server access log objects. See README.md.

mod field;
pub mod line;
pub mod rows;
#[cfg(test)]
mod testing;

pub use field::{FIELDS, Field, Kind};
