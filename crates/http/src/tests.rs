#![allow(clippy::disallowed_methods)]

mod budget;
mod inflate;
mod problem;
