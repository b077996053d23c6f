//! Exit codes (sysexits.h) and how a command's failure is told.

use std::process::ExitCode;

/// The command line is wrong.
pub(crate) const USAGE: u8 = 64;
/// What the command depends on is away.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A mistake of ours.
pub(crate) const INTERNAL: u8 = 70;
/// A file or socket does not do what it should.
pub(crate) const IO: u8 = 74;
/// The settings do not allow a start.
pub(crate) const CONFIG: u8 = 78;

/// A failure with its exit code. The text is for the operator and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// Tells a failure on standard error, and answers the code to exit with.
pub(crate) fn report(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let code = error.downcast_ref::<Failure>().map_or(INTERNAL, |failure| failure.code);
    eprintln!("logmill: {error:#}");
    ExitCode::from(code)
}
