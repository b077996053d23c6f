//! The sink on real catalogs, read by PyIceberg.
#![allow(clippy::disallowed_methods)]

mod faults;
mod rest;
mod sqlite;
mod support;
