//! `logmill dlq`.

use std::io::{self, Write};
use std::path::PathBuf;

use logmill_model::Timestamp;
use logmill_queue::embedded::tools::LogFiles;
use logmill_queue::{Frame, Topic};
use logmill_world::World;

use super::post::{Batch, post};
use super::queue::logs;
use super::whole::Payloads;
use crate::cli::DlqAction;
use crate::exit::{Failure, IO, USAGE};
use crate::serve::log::needs_files;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, action: &DlqAction) -> anyhow::Result<()> {
    needs_files(settings, "logmill dlq")?;
    let mut out = io::stdout().lock();
    match action {
        DlqAction::List => {
            let dropped = dropped(settings)?;
            each(settings, |letter| {
                if dropped.is_some_and(|dropped| letter.offset <= dropped) {
                    return Ok(());
                }
                writeln!(out, "{}", summary(letter))
            })
        }
        DlqAction::Drop { letter } => drop_upto(settings, *letter),
        DlqAction::Replay { letter, url } => {
            replay(&one(settings, *letter)?, url)?;
            writeln!(out, "it is stored")?;
            Ok(())
        }
        DlqAction::Show { letter } => Ok(show(&mut out, &one(settings, *letter)?)?),
    }
}

/// The file that says which letters are dealt with.
fn mark(settings: &Settings) -> PathBuf {
    settings.data_dir.join("state").join(format!("{}.dlq.dropped", settings.web.topic))
}

fn dropped(settings: &Settings) -> Result<Option<u64>, Failure> {
    let path = mark(settings);
    match World::real().fs().read(&path, 64) {
        Ok(text) => Ok(String::from_utf8_lossy(&text).trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(IO, format!("cannot read {}: {error}", path.display()))),
    }
}

fn drop_upto(settings: &Settings, letter: u64) -> anyhow::Result<()> {
    let mut found = false;
    each(settings, |frame| {
        found |= frame.offset == letter;
        Ok(())
    })?;
    if !found {
        return Err(absent(letter).into());
    }
    let (world, path) = (World::real(), mark(settings));
    world.fs().create_dir_all(&settings.data_dir.join("state"))?;
    logmill_world::replace(&**world.fs(), &path, format!("{letter}\n").as_bytes())?;
    Ok(())
}

fn absent(letter: u64) -> Failure {
    Failure::new(USAGE, format!("there is no dead letter {letter}; `dlq list` shows them"))
}

/// One letter, with its payload.
fn one(settings: &Settings, letter: u64) -> anyhow::Result<Frame> {
    let mut found = None;
    each(settings, |frame| {
        if frame.offset == letter {
            found = Some(frame.clone());
        }
        Ok(())
    })?;
    let whole = Payloads::new(settings)?.of(found.ok_or_else(|| absent(letter))?)?;
    Ok(whole.ok_or_else(|| Failure::new(IO, format!("the payload of dead letter {letter} is lost")))?)
}

fn replay(letter: &Frame, url: &str) -> Result<(), Failure> {
    let key = format!("dlq/{}", attribute(letter, "id"));
    let (encoding, customer) = (letter.header.encoding, letter.header.customer.as_str());
    post(url, &Batch { encoding, customer, key: &key, body: &letter.payload, lenient: false })
}

fn each(settings: &Settings, mut visit: impl FnMut(&Frame) -> io::Result<()>) -> anyhow::Result<()> {
    let [_, (_, folder)] = logs(settings);
    let topic = Topic::new(&format!("{}.dlq", settings.web.topic))?;
    let files = LogFiles::new(World::real().fs().clone(), &folder);
    match files.frames(&topic, |_, frame| visit(&frame)) {
        // Without a folder nothing ever went to the dead letters.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::new(IO, format!("cannot read {}: {error}", folder.display())).into()),
        Ok(()) => Ok(()),
    }
}

/// An attribute for a terminal: what a sender controls may hold control sequences.
fn attribute(letter: &Frame, name: &str) -> String {
    let value = letter.header.attribute(name).map(|value| String::from_utf8_lossy(value).into_owned());
    value.unwrap_or_default().chars().flat_map(char::escape_default).collect()
}

fn time(letter: &Frame) -> String {
    let micros = letter.header.received_at.max(0).cast_unsigned();
    let mut text = Vec::new();
    if let Some(time) = Timestamp::new(micros / 1_000_000, 0) {
        time.write(0, &mut text);
    }
    String::from_utf8(text).unwrap_or_default()
}

fn summary(letter: &Frame) -> String {
    let index = Some(attribute(letter, "index")).filter(|index| !index.is_empty()).unwrap_or("-".to_owned());
    format!(
        "{} {} {} {}/{}/{} record {index}: {}",
        letter.offset,
        time(letter),
        attribute(letter, "stage"),
        attribute(letter, "topic"),
        attribute(letter, "partition"),
        attribute(letter, "offset"),
        attribute(letter, "reason"),
    )
}

fn show(out: &mut impl Write, letter: &Frame) -> io::Result<()> {
    writeln!(out, "{}", summary(letter))?;
    writeln!(out, "id {}", attribute(letter, "id"))?;
    writeln!(out, "customer {}", letter.header.customer)?;
    let payload = String::from_utf8_lossy(&letter.payload);
    for line in payload.lines() {
        let shown: String = line
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        writeln!(out, "{shown}")?;
    }
    Ok(())
}
