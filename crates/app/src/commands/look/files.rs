//! The files of the embedded log.

use std::io::{self, Write};
use std::path::PathBuf;

use logmill_queue::embedded::tools::{LogFiles, LogReport};
use logmill_queue::{Frame, Offset, Topic};
use logmill_world::World;

use super::super::queue::{logs, unreadable};
use super::whole::Payloads;
use super::{Letters, Look, VisitFrame, VisitLetter};
use crate::exit::{Failure, IO};
use crate::settings::Settings;

/// The two logs of the data folder.
pub(super) struct Files<'a> {
    settings: &'a Settings,
    world: World,
    letters: Letters,
}

impl<'a> Files<'a> {
    pub(super) fn new(settings: &'a Settings, letters: Letters) -> Self {
        Self { settings, world: World::real(), letters }
    }

    /// Both logs' files with their names and folders.
    fn each(&self) -> impl Iterator<Item = (&'static str, PathBuf, LogFiles)> {
        let fs = self.world.fs();
        logs(self.settings).into_iter().map(|(name, folder)| {
            let files = LogFiles::new(fs.clone(), &folder);
            (name, folder, files)
        })
    }

    /// Visits all letters, the dropped ones too.
    fn all_letters(&self, visit: &mut VisitLetter<'_>) -> anyhow::Result<()> {
        let [_, (_, folder)] = logs(self.settings);
        let files = LogFiles::new(self.world.fs().clone(), &folder);
        match files.frames(&self.letters.topic, |_, frame| visit(&frame)) {
            // Without a folder nothing ever went to the dead letters.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Failure::new(IO, format!("cannot read {}: {error}", folder.display())).into()),
            Ok(()) => Ok(()),
        }
    }

    /// The file that says which letters are dealt with.
    fn mark(&self) -> PathBuf {
        let name = format!("{}.dropped", self.letters.topic);
        self.settings.data_dir.join("state").join(name)
    }

    /// The last letter that is dealt with.
    fn dropped(&self) -> Result<Option<Offset>, Failure> {
        let path = self.mark();
        match self.world.fs().read(&path, 64) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(IO, format!("cannot read {}: {error}", path.display()))),
        }
    }
}

impl Look for Files<'_> {
    fn inspect(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        for (name, folder, files) in self.each() {
            let report = files.inspect().map_err(|error| unreadable(&folder, &error))?;
            print_report(out, name, &report)?;
        }
        Ok(())
    }

    fn groups(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        for (name, folder, files) in self.each() {
            let report = files.inspect();
            writeln!(out, "log {name}")?;
            print_positions(out, &report.map_err(|error| unreadable(&folder, &error))?)?;
        }
        Ok(())
    }

    fn frames(&self, topic: &Topic, visit: &mut VisitFrame<'_>) -> anyhow::Result<()> {
        let payloads = Payloads::new(self.settings)?;
        for (_, folder, files) in self.each() {
            let id = files.inspect().map_err(|error| unreadable(&folder, &error))?.id;
            let Some(id) = id else { continue };
            files
                .frames(topic, |partition, frame| match payloads.of(frame)? {
                    Some(frame) => visit(id, partition, &frame),
                    None => Ok(()),
                })
                .map_err(|error| unreadable(&folder, &error))?;
        }
        Ok(())
    }

    fn letters(&self, visit: &mut VisitLetter<'_>) -> anyhow::Result<()> {
        let dropped = self.dropped()?;
        self.all_letters(&mut |letter| {
            if dropped.is_some_and(|dropped| letter.offset <= dropped) {
                return Ok(());
            }
            visit(letter)
        })
    }

    fn letter(&self, number: Offset) -> anyhow::Result<Option<Frame>> {
        let mut found = None;
        self.all_letters(&mut |letter| {
            if letter.offset == number {
                found = Some(letter.clone());
            }
            Ok(())
        })?;
        let Some(letter) = found else { return Ok(None) };
        let lost = || Failure::new(IO, format!("the payload of dead letter {number} is lost"));
        Ok(Some(Payloads::new(self.settings)?.of(letter)?.ok_or_else(lost)?))
    }

    fn drop_letters(&self, upto: Offset) -> anyhow::Result<()> {
        let fs = self.world.fs();
        fs.create_dir_all(&self.settings.data_dir.join("state"))?;
        logmill_world::replace(&**fs, &self.mark(), format!("{upto}\n").as_bytes())?;
        Ok(())
    }
}

fn print_report(out: &mut dyn Write, name: &str, report: &LogReport) -> io::Result<()> {
    let id = report.id.map_or("none".to_owned(), |id| id.to_string());
    writeln!(out, "log {name} {id}")?;
    for segment in &report.segments {
        writeln!(out, "  segment {:016x} {} bytes", segment.number, segment.bytes)?;
        for extent in &segment.extents {
            writeln!(
                out,
                "    {} {} offsets {}..{} records {}",
                extent.topic, extent.partition, extent.first, extent.end, extent.records
            )?;
        }
    }
    print_positions(out, report)
}

fn print_positions(out: &mut dyn Write, report: &LogReport) -> io::Result<()> {
    for position in &report.positions {
        let note = position.note.as_str().trim_end().escape_default();
        writeln!(
            out,
            "  group {} {} {} at {} note {note:?}",
            position.group,
            position.topic,
            position.partition,
            position.offset,
            note = note.to_string()
        )?;
    }
    Ok(())
}
