//! What is wrong with a request, and where.

use std::borrow::Cow;
use std::fmt::Write;

/// Most fields of a path. A sender decides how deep the others go.
const MAX_PATH: usize = 8;

/// Why a request is refused: `INVALID_ARGUMENT`, HTTP 400. The same request is never taken later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason} (at byte {at})", prefix(.path))]
pub struct Invalid {
    /// Bytes before the place, from the start of the request.
    pub at: usize,
    /// The fields on the way to the place, such as `resource_logs[0].scope_logs[2].log_records[17].attributes`, in the
    /// spelling of the request's format. Empty where the request as a whole is meant. At most the outermost 8.
    pub path: String,
    /// One sentence for the sender. It quotes nothing of the request.
    pub reason: Cow<'static, str>,
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// An error on its way out of the levels of a message. One pointer, so that the results of the hot loops stay small.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    at: usize,
    reason: Cow<'static, str>,
    /// From the inside to the outside.
    path: Vec<(&'static str, Option<usize>)>,
}

impl Fault {
    #[cold]
    pub(crate) fn new(at: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { at, reason: reason.into(), path: Vec::new() }))
    }

    #[cold]
    fn inside(mut self, field: &'static str, index: Option<usize>) -> Self {
        self.0.path.push((field, index));
        self
    }
}

impl From<Fault> for Invalid {
    #[cold]
    fn from(fault: Fault) -> Self {
        let Inner { at, reason, path } = *fault.0;
        let mut text = String::new();
        for (field, index) in path.iter().rev().take(MAX_PATH) {
            let dot = if text.is_empty() { "" } else { "." };
            let index = index.map_or_else(String::new, |index| format!("[{index}]"));
            // Writing to a string cannot fail.
            let _ = write!(text, "{dot}{field}{index}");
        }
        Self { at, path: text, reason }
    }
}

/// Names the field that a fault was found in.
pub(crate) trait Inside<T> {
    fn inside(self, field: &'static str) -> Result<T, Fault>;
    fn inside_element(self, field: &'static str, index: usize) -> Result<T, Fault>;
}

impl<T> Inside<T> for Result<T, Fault> {
    #[inline]
    fn inside(self, field: &'static str) -> Self {
        self.map_err(|fault| fault.inside(field, None))
    }

    #[inline]
    fn inside_element(self, field: &'static str, index: usize) -> Self {
        self.map_err(|fault| fault.inside(field, Some(index)))
    }
}
