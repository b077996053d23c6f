#![allow(clippy::disallowed_methods)]

mod codec;
mod crashes;
mod faults;
mod folder;
mod others;
mod rig;
mod sink;
