#![allow(clippy::disallowed_methods)]

mod file;
mod rig;
mod stage;
