//! The hourly files of web logs, as the room `sink-files` writes them into a folder.

mod files;
mod lines;
mod table;
#[cfg(test)]
mod tests;

pub use table::WEB_LOGS;
pub(crate) use table::WebTable;
