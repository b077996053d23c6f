//! Counts of web logs, and how they are packed and added. See README.md.
