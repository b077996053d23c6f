#![allow(clippy::disallowed_methods)]

mod answers;
mod budget;
mod connections;
mod inflate;
mod queues;
mod request;
mod requests;
mod server;
