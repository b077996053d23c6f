//! `logmill config`, and the way from the command line to checked settings.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::cli::{ConfigAction, SettingsArgs};
use crate::exit::{CONFIG, Failure, IO};
use crate::settings::{self, Files, Flag, InitError, Loaded, Machine, Sources};

/// The settings' own files. They may be pipes, whose length nobody knows, so they do not go through `world`.
struct SettingsFiles;

#[allow(clippy::disallowed_methods)] // See `SettingsFiles`.
impl Files for SettingsFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
    }
}

fn flags(args: &SettingsArgs, roles: Option<&str>) -> Vec<Flag> {
    let named = [
        ("data_dir", args.data_dir.as_deref(), "--data-dir"),
        ("log.level", args.log_level.as_deref(), "--log-level"),
        ("roles", roles, "--roles"),
    ];
    let named = named.into_iter().filter_map(|(name, value, typed)| Some(Flag::named(name, value?, typed)));
    named.chain(args.set.iter().map(|argument| Flag::set(argument))).collect()
}

/// Loads the settings as `serve` uses them.
pub(crate) fn load(args: &SettingsArgs, roles: Option<&str>) -> anyhow::Result<Loaded> {
    let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    let sources = Sources {
        flags: flags(args, roles),
        config: args.config.clone(),
        environment: std::env::vars_os().collect(),
        files: &SettingsFiles,
        machine: Machine { cores },
    };
    settings::load(&sources)
        .map_err(|problems| Failure::new(CONFIG, settings::report(&problems).trim_end().to_owned()).into())
}

pub(crate) fn run(args: &SettingsArgs, action: ConfigAction) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match action {
        ConfigAction::Check { connect } => {
            let loaded = load(args, None)?;
            loaded.notices.iter().for_each(|notice| eprintln!("{notice}"));
            if connect {
                super::check::all(&loaded.settings)?;
            }
            writeln!(out, "the settings are good")?;
        }
        ConfigAction::Explain => write!(out, "{}", settings::explain(&load(args, None)?))?,
        ConfigAction::Schema => writeln!(out, "{:#}", settings::schema())?,
        ConfigAction::Init { file: None } => write!(out, "{}", settings::init())?,
        ConfigAction::Init { file: Some(path) } => {
            settings::write_init(&SettingsFiles, &path).map_err(|error| init_failure(&error))?;
            eprintln!("{} was written", path.display());
        }
    }
    Ok(())
}

fn init_failure(error: &InitError) -> Failure {
    Failure::new(IO, error.to_string())
}
