#![allow(clippy::disallowed_methods)]

use std::io::{ErrorKind, IoSlice};
use std::path::Path;

use crate::sim::{Disk, Image};
use crate::{EntryKind, Fs, LockFailure, Mode, World, replace};

/// What both file systems must do alike.
fn behaves(fs: &dyn Fs, root: &Path) {
    let folder = root.join("a/b");
    fs.create_dir_all(&folder).unwrap();
    let path = folder.join("file");
    assert_eq!(fs.open(&path, Mode::Read).err().unwrap().kind(), ErrorKind::NotFound);
    let file = fs.open(&path, Mode::Create).unwrap();
    file.write_at(&[IoSlice::new(b"hello "), IoSlice::new(b""), IoSlice::new(b"world")], 2).unwrap();
    file.sync_data().unwrap();
    assert_eq!(fs.read(&path, 100).unwrap(), b"\0\0hello world");
    assert_eq!(fs.read(&path, 12).unwrap_err().kind(), ErrorKind::InvalidData);
    file.allocate(100).unwrap();
    assert_eq!(file.len().unwrap(), 100);
    file.set_len(4).unwrap();
    let mut buf = [9; 8];
    assert_eq!(file.read_at(&mut buf, 1).unwrap(), 3);
    assert_eq!(&buf[..3], b"\0he");
    replace(fs, &path, b"new").unwrap();
    assert_eq!(fs.read(&path, 100).unwrap(), b"new");
    fs.rename(&path, &folder.join("other")).unwrap();
    assert_eq!(fs.list(&folder).unwrap(), ["other"]);
    fs.remove(&folder.join("other")).unwrap();
    assert!(!fs.exists(&folder.join("other")).unwrap());
    assert!(fs.list(&root.join("absent")).is_err());
    let lock = fs.lock(&root.join("LOCK")).unwrap();
    assert!(matches!(fs.lock(&root.join("LOCK")), Err(LockFailure::Held(Some(_)))));
    drop(lock);
    drop(fs.lock(&root.join("LOCK")).ok().unwrap());
    assert!(fs.space(root).unwrap().free > 0);
}

#[test]
fn the_real_and_the_simulated_files_behave_alike() {
    let folder = tempfile::tempdir().unwrap();
    behaves(&**World::real().fs(), folder.path());
    let disk = Disk::new(&Image::default());
    disk.create_dir_all(Path::new("/root")).unwrap();
    behaves(&disk, Path::new("/root"));
}

#[test]
fn entries_tell_files_folders_and_links_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "four").unwrap();
    std::fs::create_dir(path("below")).unwrap();
    std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
    std::os::unix::fs::symlink(path("below"), path("way")).unwrap();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_micros(1_700_000_000_000_001);
    std::fs::File::options().write(true).open(path("file")).unwrap().set_modified(at).unwrap();
    let entries = World::real().fs().entries(folder.path()).unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    let (file, below, other) = (EntryKind::File, EntryKind::Folder, EntryKind::Other);
    assert_eq!(kinds, [("below", below), ("file", file), ("link", other), ("way", other)]);
    assert_eq!((entries[1].len, entries[1].modified), (4, 1_700_000_000_000_001));
    assert_eq!(World::real().fs().entries(&path("absent")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_write_of_more_parts_than_one_call_takes_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::real();
    let path = folder.path().join("many");
    let file = world.fs().open(&path, Mode::Create).unwrap();
    let parts: Vec<[u8; 2]> = (0..5000u16).map(u16::to_le_bytes).collect();
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p)).collect();
    file.write_at(&slices, 0).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), parts.concat());
}

fn disk() -> Disk {
    let disk = Disk::new(&Image::default());
    disk.create_dir_all(Path::new("/d")).unwrap();
    disk
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_any_part_of_the_rest() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..200 {
        let disk = disk();
        let file = disk.open(Path::new("/d/f"), Mode::Create).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[IoSlice::new(&[1; 2048])], 0).unwrap();
        file.sync_data().unwrap();
        file.write_at(&[IoSlice::new(&[2; 1024])], 0).unwrap();
        let image = disk.power_cut(seed);
        let left = image.get(Path::new("/d/f")).unwrap();
        assert_eq!(&left[1024..], [1; 1024]);
        match (left[0], left[512]) {
            (1, 1) => lost += 1,
            (2, 2) => kept += 1,
            _ => {}
        }
    }
    assert!(lost > 10 && kept > 10 && lost + kept < 190, "{lost} lost, {kept} kept");
}

#[test]
fn an_entry_is_durable_only_after_its_folder_was_synced() {
    let found = |synced: bool, seed| {
        let disk = disk();
        let file = disk.open(Path::new("/d/f"), Mode::Create).unwrap();
        file.sync_data().unwrap();
        if synced {
            disk.sync_dir(Path::new("/d")).unwrap();
        }
        disk.power_cut(seed).get(Path::new("/d/f")).is_some()
    };
    assert!((0..50).all(|seed| found(true, seed)));
    assert!((0..50).any(|seed| !found(false, seed)) && (0..50).any(|seed| found(false, seed)));
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next_one() {
    let disk = disk();
    let file = disk.open(Path::new("/d/f"), Mode::Create).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_at(&[IoSlice::new(&[1; 512])], 0).unwrap();
    file.sync_data().unwrap();
    file.write_at(&[IoSlice::new(&[2; 512])], 0).unwrap();
    disk.fail_sync(0);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(disk.power_cut(1).get(Path::new("/d/f")).unwrap(), [1; 512]);
}

#[test]
fn nothing_works_after_the_machine_died() {
    let disk = disk();
    let file = disk.open(Path::new("/d/f"), Mode::Create).unwrap();
    disk.crash_after(1);
    assert!(file.write_at(&[IoSlice::new(b"0123")], 0).is_err());
    assert!(disk.is_down() && file.len().is_err() && disk.open(Path::new("/d/f"), Mode::Read).is_err());
}

#[test]
fn a_full_disk_says_so() {
    let disk = disk();
    let file = disk.open(Path::new("/d/f"), Mode::Create).unwrap();
    disk.set_capacity(Some(1000));
    assert_eq!(file.allocate(1001).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_at(&[IoSlice::new(&[1; 1000])], 0).unwrap();
    assert_eq!(file.write_at(&[IoSlice::new(&[1])], 1000).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.space(Path::new("/")).unwrap().free, 0);
}
