//! Dead letters: the stage that copies rejected records, and the file that shows them. See README.md.

mod file;
mod stage;
#[cfg(test)]
mod tests;

pub use file::LetterFile;
pub use stage::LetterStage;
