use std::sync::Barrier;
use std::time::Duration;

use logmill_queue::Topic;
use logmill_world::World;

use super::Core;
use crate::config::AnalyticsConfig;
use crate::store::StoreError;

fn core(dir: &std::path::Path) -> Core {
    let config = AnalyticsConfig {
        dir: dir.to_path_buf(),
        topic: Topic::new("web").unwrap(),
        late: Topic::new("late").unwrap(),
        default_customer: "default".to_owned(),
        interval: Duration::from_secs(1),
        allowed_lateness: Duration::ZERO,
        max_keys: 10,
    };
    Core::new(World::real(), config)
}

/// Names in the folder of the store, sorted.
fn names(core: &Core) -> Vec<String> {
    core.world.fs().list(&core.config.store()).unwrap()
}

#[test]
fn who_finds_a_store_damaged_after_somebody_else_did_leaves_the_next_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let before = core.with(crate::store::Store::state).unwrap().id;
    let both = Barrier::new(2);
    let damaged = || {
        core.with(|_| {
            both.wait();
            Err::<(), _>(StoreError::Damaged("a test".to_owned()))
        })
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(damaged);
        assert!(damaged().is_err());
        assert!(other.join().unwrap().is_err());
    });
    let now = core.with(crate::store::Store::state).unwrap().id;
    assert_ne!(now, before, "the next one is empty");
    assert_eq!(names(&core), ["LOCK", "windows.redb", "windows.redb.damaged-1"]);
    assert_eq!(core.with(crate::store::Store::state).unwrap().id, now, "and it stays");
}

#[test]
fn a_second_process_is_told_who_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (core(folder.path()), core(folder.path()));
    first.with(crate::store::Store::state).unwrap();
    let refused = second.with(crate::store::Store::state).unwrap_err().to_string();
    assert!(refused.contains("counts into"), "{refused}");
    drop(first);
    second.with(crate::store::Store::state).unwrap();
}
