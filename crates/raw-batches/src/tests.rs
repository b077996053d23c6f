//! On the embedded log over a simulated disk, with a store in memory; real ones are in `tests/`.

mod append;
mod lost;
mod read;
mod rig;
