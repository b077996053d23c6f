#![allow(clippy::disallowed_methods)]

mod grpc;
mod http;
mod overload;
mod server;
