//! The binary `logmill`: command line, settings, wiring. The only place that knows all rooms.

mod cli;
mod commands;
mod exit;
mod logging;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::Parser;

/// The allocator: sinks and sources keep buffers of many sizes for long, which fragments the system's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => exit::report(commands::run(cli)),
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            // The terminal may be gone; there is nobody else to tell.
            let _ = error.print();
            ExitCode::from(code)
        }
    }
}
