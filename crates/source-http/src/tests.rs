#![allow(clippy::disallowed_methods)]

mod answers;
mod connections;
mod queues;
mod request;
mod requests;
mod server;
