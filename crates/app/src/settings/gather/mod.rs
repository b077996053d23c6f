//! What the sources say, as it stands there. Whether it is allowed is decided later.

mod environment;
mod file;
mod flags;

use std::io;
use std::path::PathBuf;

use super::Sources;
use super::catalogue::{Catalogue, Setting};
use super::kind::Raw;
use super::problem::{Fault, Origin, Problem, Spot, escaped};
use super::units::show_size;

/// Names the settings file.
const CONFIG: &str = "LOGMILL_CONFIG";
/// The largest settings file, and the largest file that a variable `…_FILE` names, in bytes.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Sources from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    File,
    Alias,
    Variable,
    Flag,
}

/// A source sets a setting.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) setting: &'static Setting,
    pub(super) raw: Raw,
    pub(super) layer: Layer,
    pub(super) origin: Origin,
}

/// All that the sources say.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) assignments: Vec<Assignment>,
    pub(super) problems: Vec<Problem>,
    pub(super) notices: Vec<String>,
    /// The settings file that was read.
    pub(super) file: Option<PathBuf>,
    /// Whether the settings file could not be read to its end.
    pub(super) is_file_broken: bool,
}

impl Gathered {
    fn problem(&mut self, origin: &Origin, setting: Option<&'static str>, fault: Fault) {
        self.problems.push(fault.of(origin, setting));
    }

    fn assign(&mut self, setting: &'static Setting, raw: Raw, layer: Layer, origin: Origin) {
        self.assignments.push(Assignment { setting, raw, layer, origin });
    }
}

/// Reads all sources.
pub(super) fn gather(catalogue: Catalogue, sources: &Sources<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    flags::gather(catalogue, &sources.flags, &mut gathered);
    environment::gather(catalogue, sources, &mut gathered);
    file::gather(catalogue, sources, &mut gathered);
    gathered
}

/// What was read, as text without a byte order mark.
fn text_of(bytes: io::Result<Vec<u8>>) -> Result<String, Fault> {
    let too_large = || Fault::new("is too large", format!("allowed: {}", show_size(MAX_FILE_BYTES)));
    let bytes = bytes.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => too_large(),
        _ => {
            let advice = "check that it is there and that this user may read it";
            Fault::new(format!("cannot be read: {}", escaped(&error.to_string())), advice)
        }
    })?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good =
            String::from_utf8_lossy(error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]));
        let line = 1 + good.matches('\n').count();
        let column = 1 + good.rsplit('\n').next().map_or(0, |last| last.chars().count());
        Fault::new("is not UTF-8", "save the file as UTF-8").at(Spot { line, column })
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
