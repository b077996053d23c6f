use super::rig::{HOUR, MINUTE, Rig};

fn hours(rig: &Rig) -> Vec<(u32, String)> {
    let dirty = rig.store.dirty(None, 100).unwrap();
    dirty.into_iter().map(|dirty| (dirty.hour.hour, dirty.hour.customer.to_string())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_mark_goes_only_if_nothing_came_since() {
    let mut rig = Rig::new();
    rig.add("acme", &[(0, "/a"), (HOUR, "/a")]);
    let marked = rig.store.dirty(None, 100).unwrap();
    assert_eq!(hours(&rig), [(0, "acme".to_owned()), (1, "acme".to_owned())]);
    assert_eq!(rig.store.dirty(Some(&marked[0]), 100).unwrap().len(), 1, "behind the first");
    rig.add("acme", &[(HOUR, "/a")]);
    rig.store.clean(&marked).unwrap();
    assert_eq!(hours(&rig), [(1, "acme".to_owned())]);
    assert_eq!(hours(&rig.reopen()), [(1, "acme".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn events_of_an_interval_no_longer_change() {
    let mut rig = Rig::new();
    rig.add("acme", &[(50 * MINUTE, "/a")]);
    assert!(rig.store.events(10).unwrap().is_empty(), "nothing was late");
    rig.add("acme", &[(0, "/a"), (1, "/b"), (MINUTE, "/a")]);
    assert!(rig.store.events(10).unwrap().is_empty(), "the interval has not ended");
    rig.store.end_interval().unwrap();
    rig.add("acme", &[(2, "/a")]);
    rig.store.end_interval().unwrap();
    let told = |rig: &Rig| -> Vec<_> {
        let events = rig.store.events(10).unwrap();
        events.iter().map(|event| (event.minute, event.records, event.revision)).collect()
    };
    assert_eq!(told(&rig), [(0, 2, 3), (1, 1, 2)], "of the oldest interval, with the revision by now");
    let events = rig.store.events(10).unwrap();
    let rig = rig.reopen();
    assert_eq!(rig.store.events(10).unwrap()[0].key(), events[0].key(), "named alike in the next process");
    rig.store.told(&events).unwrap();
    assert_eq!(told(&rig), [(0, 1, 3)]);
    assert_ne!(rig.store.events(10).unwrap()[0].key(), events[0].key());
    rig.store.told(&rig.store.events(10).unwrap()).unwrap();
    assert_eq!(told(&rig), []);
}
