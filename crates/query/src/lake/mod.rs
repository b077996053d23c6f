//! The Iceberg table at the snapshot that it had when the question came.

mod files;
mod predicate;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use table::LakeTable;
