//! House rules and chores: `cargo xtask tidy`.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(root),
        _ => {
            eprintln!("usage: cargo xtask tidy");
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
