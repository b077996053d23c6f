//! House rules and chores: `cargo xtask tidy`, `cargo xtask crash`.
#![allow(clippy::disallowed_methods, clippy::expect_used)]

mod crash;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("tidy") => tidy(root),
        Some("crash") => crash::crash(arguments),
        _ => {
            eprintln!("usage: cargo xtask tidy\n       {}", crash::USAGE);
            ExitCode::from(64)
        }
    }
}

fn tidy(root: &Path) -> ExitCode {
    let complaints = tidy::check(root);
    complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
    println!("tidy: {} complaints", complaints.len());
    ExitCode::from(u8::from(!complaints.is_empty()))
}
