//! Access logs out of ClickHouse as S3 server access log objects. See README.md.

mod calendar;
mod claim;
mod claims;
pub mod clickhouse;
mod columns;
mod cut;
mod fetch;
mod field;
pub mod line;
mod look;
pub mod object;
pub mod rows;
mod schema;
#[cfg(test)]
mod testing;

pub use claim::{Claim, Kind as ClaimKind, Place, Stream, Target};
pub use claims::Claims;
pub use columns::{Columns, Unsuitable};
pub use cut::{Cut, Limits};
pub use fetch::fetch;
pub use field::{FIELDS, Field, Kind};
pub use look::{Readiness, Ready, look};
pub use schema::Layout;
