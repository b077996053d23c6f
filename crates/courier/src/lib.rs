//! Access logs out of ClickHouse as S3 server access log objects. See README.md.

pub mod clickhouse;
mod columns;
mod field;
pub mod line;
pub mod rows;
mod schema;
#[cfg(test)]
mod testing;

pub use columns::{Columns, Unsuitable};
pub use field::{FIELDS, Field, Kind};
pub use schema::Layout;
