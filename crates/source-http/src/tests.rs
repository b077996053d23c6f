#![allow(clippy::disallowed_methods)]

mod budget;
mod connections;
mod inflate;
mod queues;
mod request;
mod requests;
mod server;
