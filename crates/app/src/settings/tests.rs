//! What `load` answers to whole sets of sources.

#![allow(clippy::disallowed_methods)]

mod messages;
mod places;
mod precedence;
mod samples;
mod secrets;

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// Files in memory.
#[derive(Default)]
struct Memory(RefCell<BTreeMap<PathBuf, Vec<u8>>>);

impl Files for Memory {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let files = self.0.borrow();
        let bytes = files.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let limit = usize::try_from(limit).unwrap() + 1;
        Ok(bytes[..bytes.len().min(limit)].to_vec())
    }

    fn create_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.0.borrow_mut();
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// Sources that are put together in one expression.
#[derive(Default)]
struct World {
    files: Memory,
    flags: Vec<Flag>,
    config: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
}

impl World {
    fn yaml(text: &str) -> Self {
        Self::default().file("./logmill.yaml", text)
    }

    fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.files.0.borrow_mut().insert(path.into(), text.as_ref().to_vec());
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, argument: &str) -> Self {
        self.flags.push(Flag::set(argument));
        self
    }

    fn flag(mut self, name: &str, value: &str, typed: &str) -> Self {
        self.flags.push(Flag::named(name, value, typed));
        self
    }

    fn config(mut self, path: &str) -> Self {
        self.config = Some(path.into());
        self
    }

    fn load_with(&self, catalogue: Catalogue) -> Result<Loaded, Vec<Problem>> {
        let sources = Sources {
            flags: self.flags.clone(),
            config: self.config.clone(),
            environment: self.environment.clone(),
            files: &self.files,
            machine: Machine { cores: 3 },
        };
        super::load_with(catalogue, &sources)
    }

    fn load(&self) -> Loaded {
        self.load_with(CATALOGUE).unwrap_or_else(|problems| panic!("{}", report(&problems)))
    }

    fn problems(&self) -> Vec<String> {
        let problems = self.load_with(CATALOGUE).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    fn problem(&self) -> String {
        self.problems().join("\n")
    }
}

/// The line of `explain` about a setting, with single spaces.
fn line(loaded: &Loaded, name: &str) -> String {
    let text = explain(loaded);
    let found = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}
