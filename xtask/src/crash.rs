//! `cargo xtask crash`: kill -9 under load, again and again, and a checker in another language.

use std::path::PathBuf;
use std::process::ExitCode;

use logmill_e2e::crash::{Options, run};

/// How the command is called.
pub(crate) const USAGE: &str = "cargo xtask crash [--runs N] [--seed S] [--keep] [--binary PATH]";

struct Arguments {
    runs: u32,
    seed: u64,
    keep: bool,
    binary: Option<PathBuf>,
}

fn parse(arguments: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut parsed = Arguments { runs: 25, seed: fastrand::u64(..), keep: false, binary: None };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => parsed.runs = arguments.next()?.parse().ok()?,
            "--seed" => parsed.seed = arguments.next()?.parse().ok()?,
            "--binary" => parsed.binary = Some(std::path::absolute(arguments.next()?).ok()?),
            "--keep" => parsed.keep = true,
            _ => return None,
        }
    }
    Some(parsed)
}

/// Runs the command; fails when anything is missing, doubled, altered or invented.
pub(crate) fn crash(arguments: impl Iterator<Item = String>) -> ExitCode {
    let Some(Arguments { runs, seed, keep, binary }) = parse(arguments) else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(64);
    };
    let folder = tempfile::Builder::new().prefix("logmill-crash-").tempdir().expect("a temporary folder");
    let binary = binary.unwrap_or_else(|| logmill_e2e::binary().to_owned());
    println!("seed {seed}, {runs} runs of {}, in {}", binary.display(), folder.path().display());
    let report = run(&Options { binary, runs, seed, dir: folder.path().to_owned() });
    println!("{report}");
    if keep || !report.is_good() {
        println!("seed {seed}; what is left is in {}", folder.keep().display());
    }
    ExitCode::from(u8::from(!report.is_good()))
}
