//! What each fuzz target asserts. README.md says how they are run.

mod bodies;
pub mod csv;
pub mod encodings;
pub mod json;
pub mod ndjson;
pub mod otlp;
mod records;
pub mod recovery;
pub mod settings;
