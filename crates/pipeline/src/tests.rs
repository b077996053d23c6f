#![allow(clippy::disallowed_methods)]

mod commits;
mod deaths;
mod drain;
mod machine;
mod outputs;
mod poison;
mod positions;
mod takeover;
