use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{Attributes, ObjectStoreExt};

use super::{Condition, Created, Store, StoreConfig};

fn memory(prefix: &str) -> Store {
    Store::new(Arc::new(InMemory::new()), prefix, "memory://bucket")
}

#[test]
fn a_location_leads_back_to_its_path_and_another_buckets_does_not() {
    for (prefix, location) in [("", "memory://bucket/a/b"), ("x/y", "memory://bucket/x/y/a/b")] {
        let store = memory(prefix);
        let path = store.path("a/b");
        assert_eq!(store.location(&path), location);
        // Also with another prefix: what was written before it changed can still be found.
        assert_eq!(memory("other").find(location), Some(path));
    }
    for location in ["memory://bucket2/a", "s3://bucket/a", "memory://bucket", "a/b"] {
        assert_eq!(memory("").find(location), None, "{location}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_object_of_a_name_is_told_and_changes_nothing() {
    let store = memory("p");
    let path = store.path("one");
    let put = |bytes: &'static [u8]| store.create(&path, bytes.into(), Attributes::new());
    assert_eq!(put(b"first").await.unwrap(), Created::New);
    assert_eq!(put(b"second").await.unwrap(), Created::Exists);
    let found = store.objects().get(&"p/one".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(found, "first");
    assert_eq!(store.look().await.unwrap(), Condition::Kept);
}

#[test]
fn what_is_no_store_is_named() {
    let long = format!("s3://bucket/{}", "p".repeat(1025));
    for (url, word) in [
        ("bucket/prefix", "relative"),
        ("s3:///prefix", "no bucket"),
        ("ftp://bucket", "known are s3, az and gs"),
        (long.as_str(), "1024"),
    ] {
        let config =
            StoreConfig { url: url.to_owned(), region: "us-east-1".into(), ..StoreConfig::default() };
        let told = Store::open(&config).expect_err(url).to_string();
        assert!(told.contains(word) && told.contains(url), "{told}");
    }
    let config = StoreConfig { url: "s3://bucket/a/b/".into(), region: "r".into(), ..StoreConfig::default() };
    let store = Store::open(&config).unwrap();
    assert_eq!((store.name().as_str(), store.prefix()), ("s3://bucket/a/b", "a/b"));
    assert_eq!(store.location(&store.path("c")), "s3://bucket/a/b/c");
}
