use std::collections::HashSet;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use logmill_model::Format;
use logmill_queue::{Encoding, Sink};
use logmill_world::sim::{Disk, Image, SimClock};
use logmill_world::{Clock, File, Fs, Lock, LockFailure, Machine, Mode, Space, World};

use super::rig::{Rig, simulate};

/// Counts the hourly files that are open.
struct Counting {
    disk: Disk,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Counted(Box<dyn File>, Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl File for Counted {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.0.write_at(parts, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.0.allocate(len)
    }
}

impl Fs for Counting {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let file = self.disk.open(path, mode)?;
        if !path.to_string_lossy().ends_with(".log.json") {
            return Ok(file);
        }
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(open, Ordering::Relaxed);
        Ok(Box::new(Counted(file, self.open.clone())))
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.disk.space(path)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockFailure> {
        self.disk.lock(path)
    }
}

struct Tasks;

impl Machine for Tasks {
    fn fill(&self, out: &mut [u8]) {
        out.fill(5);
    }
    fn spawn_io(&self, _name: &str, job: logmill_world::Job) -> io::Result<()> {
        tokio::spawn(job);
        Ok(())
    }
}

#[test]
fn two_thousand_hours_in_one_range_stay_within_the_files_that_may_be_open() {
    simulate(async {
        let disk = Disk::new(&Image::default());
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let fs = Counting { disk: disk.clone(), open: open.clone(), most: most.clone() };
        let clock: Arc<dyn Clock> = SimClock::start();
        let rig = Rig::with(World::new(clock, Arc::new(fs), Arc::new(Tasks)), &disk);
        for half in 0..2u32 {
            let line = |n: u32| {
                let (day, hour) = (n / 24, n % 24);
                let (month, day) = (day / 28 + 1, day % 28 + 1);
                format!(
                    "{{\"timestamp\":\"2025-{month:02}-{day:02}T{hour:02}:00:00Z\",\"path\":\"/{n}\",\"userAgent\":\"\"}}\n"
                )
            };
            let body: String = (half * 1000..half * 1000 + 1000).map(line).collect();
            rig.append("default", Encoding(Format::Ndjson.code()), 1000, &body).await;
        }
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        rig.sink.checkpoint().await.unwrap();
        let (peak, left) = (most.load(Ordering::Relaxed), open.load(Ordering::Relaxed));
        // One more while the idlest is closed.
        assert!((200..=257).contains(&peak), "{peak} files were open at once");
        assert_eq!(left, 0);
        let image = disk.killed();
        let files = super::rig::files_of(&image);
        assert_eq!(files.len(), 2000);
        let lines: HashSet<_> = files.values().collect();
        assert!(lines.len() == 2000 && files.values().all(|text| text.lines().count() == 1));
    });
}
