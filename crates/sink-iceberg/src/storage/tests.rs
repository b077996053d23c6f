#![allow(clippy::disallowed_methods)]

use bytes::Bytes;
use logmill_queue::Class;
use logmill_store::StoreConfig;
use logmill_world::World;

use super::Storage;

fn of(location: &str) -> Result<Storage, Class> {
    Storage::of(&World::real(), location, &StoreConfig::default()).map_err(|error| error.class)
}

#[tokio::test]
async fn a_file_is_put_read_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let root = format!("file://{}", folder.path().display());
    let storage = of(&root).unwrap();
    let name = format!("{root}/a/b/c.bin");
    storage.put(&name, Bytes::from_static(b"a longer content")).await.unwrap();
    storage.put(&name, Bytes::from_static(b"content")).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("a/b/c.bin")).unwrap(), b"content");
    assert_eq!(storage.get(&name, 7).await.unwrap(), "content");
    assert_eq!(storage.get(&name, 6).await.unwrap_err().class, Class::Corrupt);
    assert_eq!(storage.get_range(&name, 2..5).await.unwrap(), "nte");
    assert_eq!(storage.get_range(&name, 5..9).await.unwrap_err().class, Class::Corrupt);
    storage.delete(&name).await.unwrap();
    storage.delete(&name).await.unwrap();
    assert_eq!(storage.get(&name, 7).await.unwrap_err().class, Class::Unavailable);
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lake");
    let storage = of(&format!("file://{}", root.display())).unwrap();
    let beside = folder.path().join("beside");
    std::fs::write(&beside, "mine").unwrap();
    for name in [format!("file://{}", beside.display()), format!("file://{}/../beside", root.display())] {
        assert_eq!(storage.get(&name, 99).await.unwrap_err().class, Class::Invalid);
        assert_eq!(storage.put(&name, Bytes::new()).await.unwrap_err().class, Class::Invalid);
        assert_eq!(storage.delete(&name).await.unwrap_err().class, Class::Invalid);
    }
    assert_eq!(std::fs::read(beside).unwrap(), b"mine");
}

#[tokio::test]
async fn files_are_listed_at_any_depth_with_size_and_time_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    std::fs::create_dir_all(lake.join("table/a/b")).unwrap();
    std::fs::create_dir_all(lake.join("table2")).unwrap();
    std::fs::create_dir_all(folder.path().join("beside")).unwrap();
    for name in ["lake/table/one", "lake/table/a/b/two", "lake/table2/other", "beside/three"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(lake.join("table/one")).unwrap().set_modified(at).unwrap();
    std::os::unix::fs::symlink(folder.path().join("beside"), lake.join("table/way")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("beside/three"), lake.join("table/a/link")).unwrap();
    for root in [format!("file://{}", lake.display()), format!("file:{}", lake.display())] {
        let storage = of(&root).unwrap();
        let mut found = Vec::new();
        storage.list(&format!("{root}/table/"), &mut |file| found.push(file)).await.unwrap();
        found.sort_by(|a, b| a.location.cmp(&b.location));
        let places: Vec<_> = found.iter().map(|file| (file.location.clone(), file.size)).collect();
        let expected = [(format!("{root}/table/a/b/two"), 18), (format!("{root}/table/one"), 14)];
        assert_eq!(places, expected);
        assert_eq!(found[1].modified, 1_700_000_000_000_000);
        assert!(found[0].modified > 1_700_000_000_000_000);
        storage.list(&format!("{root}/absent"), &mut |file| panic!("{file:?}")).await.unwrap();
    }
}

#[test]
fn a_place_that_readers_would_spell_differently_is_refused() {
    for location in ["file:relative", "file:///lake%20two", "file:///lake#two", "ftp://host/lake", "lake"] {
        assert_eq!(of(location).err(), Some(Class::Invalid), "{location}");
    }
    assert!(of("file:/lake").is_ok());
    assert!(of("s3a://bucket/lake").is_ok());
}
