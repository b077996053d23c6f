//! Apache Iceberg's REST servlet and Nessie with their tables on S3, read and changed by PyIceberg.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{Outcome, Partition, Sink, SinkError, Start};
use logmill_sink_iceberg::catalog::{Access, Catalog, RestCatalog, RestConfig};
use logmill_sink_iceberg::storage::Storage;
use logmill_sink_iceberg::{Effort, History, IcebergSink, LakeConfig, Orphans, Round};
use logmill_store::StoreConfig;
use logmill_testkit::services::iceberg_rest::{IcebergRest, Product};
use logmill_testkit::services::s3::{Kind, S3};
use logmill_world::World;

use crate::compaction::{bulk, compact};
use crate::support::faulty::{Fault, Faulty};
use crate::support::proxy::{Proxy, Way};
use crate::support::{LOG, Lane, Reader, bodies, commit, commits, config, done, lease, position, sink};
use crate::upkeep::{FEW, expected, fill, upkeep};

struct Lake {
    catalog: IcebergRest,
    store: S3,
}

impl Lake {
    fn start() -> Self {
        Self::on(Product::Servlet, Kind::Conditional)
    }

    fn on(product: Product, kind: Kind) -> Self {
        let store = S3::start(kind, "lake");
        Self { catalog: IcebergRest::start_as(product, &store), store }
    }

    fn config(&self) -> LakeConfig {
        config(StoreConfig {
            url: String::new(),
            endpoint: self.store.endpoint(),
            region: self.store.region().to_owned(),
            access_key: self.store.access_key().to_owned(),
            secret_key: self.store.secret_key().to_owned(),
            timeout: Duration::from_secs(30),
        })
    }

    fn sink(&self, uri: &str) -> IcebergSink {
        sink(client(uri, Access::Open), self.config())
    }

    fn reader(&self) -> Reader {
        let store = &self.store;
        let (endpoint, uri) = (store.endpoint(), self.catalog.uri());
        Reader::rest(
            &uri,
            &[
                ("py-io-impl", "pyiceberg.io.pyarrow.PyArrowFileIO"),
                ("s3.endpoint", &endpoint),
                ("s3.region", store.region()),
                ("s3.access-key-id", store.access_key()),
                ("s3.secret-access-key", store.secret_key()),
            ],
        )
    }
}

fn client(uri: &str, access: Access) -> Arc<dyn Catalog> {
    let config = RestConfig { uri: uri.to_owned(), warehouse: String::new(), access };
    Arc::new(RestCatalog::new(&World::real(), config).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_on_s3_are_read_by_pyiceberg_and_survive_restarts_and_strangers() {
    for kind in [Kind::Conditional, Kind::Overwriting] {
        rows_on(&Lake::on(Product::Servlet, kind)).await;
    }
}

/// One after the other in one catalog, because it takes long to start.
#[tokio::test(flavor = "multi_thread")]
async fn nessie_holds_each_row_once_whatever_happens() {
    // Its paths are longer than the file names of the other store may be.
    let lake = Lake::on(Product::Nessie, Kind::Overwriting);
    rows_on(&lake).await;
    lake.reader().ask("drop", &[]);
    answers_on(&lake).await;
    assert_eq!(commits(&lake.reader().look()).len(), 1, "it shows the current snapshot only");
    lake.reader().ask("drop", &[]);
    let sink = lake.sink(&lake.catalog.uri());
    let mut beside = Lane::open(&sink, lease(1, 1), None).await;
    let range = beside.range(&["19000|a|beside"]);
    commit(&sink, range).await;
    owners_on(&lake).await;
    lake.reader().ask("drop", &[]);
    away_on(&lake).await;
    lake.reader().ask("drop", &[]);
    // Where only one snapshot is shown none is too old; manifests are merged as everywhere.
    let round = upkeep_on(&lake, &[Fault::Pass, Fault::Late]).await;
    assert_eq!((round.snapshots, round.files, round.merged), (0, 0, 12));
    let upkeep = upkeep(client(&lake.catalog.uri(), Access::Open), lake.config().store, FEW);
    let status = upkeep.status().await.unwrap().unwrap();
    assert_eq!((status.files.rows, status.positions[0].next), (14, 14));
    assert!(!matches!(status.positions[0].history, History::RolledBack(_)), "{status:?}");
    compact(&upkeep, Effort::Thorough).await;
    let status = upkeep.status().await.unwrap().unwrap();
    assert!(!matches!(status.positions[0].history, History::RolledBack(_)), "{status:?}");
    let refused = upkeep.orphans(Duration::ZERO, false).await.unwrap_err();
    assert!(refused.to_string().contains("nessie-gc"), "its branches are not those of the table: {refused}");
    lake.reader().ask("drop", &[]);
    compaction_on(&lake).await;
    lake.reader().ask("drop", &[]);
    first_comes_late_on(&lake).await;
}

/// Nessie 0.99 takes the requirement that there is no `main` yet for none: a late first commit replaces what came after it. Its
/// positions are replaced with it, so that the log is read again from there.
async fn first_comes_late_on(lake: &Lake) {
    let late = Faulty::new(client(&lake.catalog.uri(), Access::Open), &[Fault::Late]);
    let sink = sink(late.clone(), lake.config());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..4).await;
    assert_eq!(late.release().await, 1, "Nessie has learnt it: upkeep_on can do the same everywhere");
    let range = lane.range(&["19000|a|never there"]);
    assert!(matches!(commit(&sink, range).await, Outcome::Moved { partition: Partition(0), at: 1 }));
    let mut again = Lane::open(&sink, lease(0, 2), None).await;
    assert_eq!(again.next, 1);
    fill(&sink, &mut again, 1..5).await;
    let look = lake.reader().look();
    assert_eq!((bodies(&look), position(&look, 0)), (expected(5), Some(5)));
}

async fn rows_on(lake: &Lake) {
    let sink = lake.sink(&lake.catalog.uri());
    let mut first = Lane::open(&sink, lease(0, 1), None).await;
    let mut second = Lane::open(&sink, lease(1, 1), None).await;
    let staged = [first.range(&["19000|b|one\n19001|a|two"]), second.range(&["19000|a|three"])];
    assert_eq!(done(&sink.commit(&staged).await.unwrap()), [1, 1]);
    let reader = lake.reader();
    let look = reader.look();
    assert_eq!((bodies(&look).join(" "), commits(&look).len()), ("one three two".to_owned(), 1));
    assert_eq!(look["files"].as_array().unwrap().len(), 2);
    assert!(look["location"].as_str().unwrap().starts_with("s3://lake/warehouse/"), "{}", look["location"]);
    assert_eq!(look["columns"]["13"][1], "map<string, string>", "the catalog kept our field ids");
    assert_eq!(look["files"][0]["order"], 1);

    reader.ask("append", &["theirs"]);
    lake.catalog.restart();
    let uuid = look["uuid"].as_str().unwrap();
    let sink = lake.sink(&lake.catalog.uri());
    let mut lane = Lane::open(&sink, lease(0, 2), Some(&format!("t1 {uuid}"))).await;
    assert_eq!(lane.start, Start::At(LOG, 1));
    let range = lane.range(&["19000|a|four"]);
    commit(&sink, range).await;
    let look = reader.look();
    assert_eq!(bodies(&look), ["four", "one", "theirs", "three", "two"]);
    assert_eq!((position(&look, 0), position(&look, 1)), (Some(2), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_answers_there_is_one_snapshot_a_commit() {
    let lake = Lake::start();
    answers_on(&lake).await;
    let mut ids = commits(&lake.reader().look());
    assert_eq!(ids.len(), 9);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 9, "one snapshot a commit id");
}

/// Nine commits, each through other faults.
async fn answers_on(lake: &Lake) {
    let proxy = Proxy::start(&lake.catalog.endpoint()).await;
    let sink = lake.sink(&format!("{}{}", proxy.uri, lake.catalog.path()));
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let plans: [&[Way]; 9] = [
        &[Way::Instead(409); 10],
        &[Way::After(500)],
        &[Way::After(504)],
        &[Way::CloseAfter],
        &[Way::CutAfter],
        &[Way::After(409)],
        &[Way::Instead(503), Way::Instead(429), Way::Instead(401), Way::After(502)],
        &[Way::Instead(500), Way::Instead(504), Way::Instead(403), Way::Instead(419)],
        &[],
    ];
    for (at, plan) in plans.iter().enumerate() {
        proxy.next(plan);
        let range = lane.range(&[&format!("19000|a|row {at}")]);
        assert!(matches!(commit(&sink, range).await, Outcome::Done(..)), "{plan:?}");
        assert_eq!(proxy.left(), 0, "{plan:?}");
    }
    let look = lake.reader().look();
    assert_eq!(bodies(&look), (0..9).map(|at| format!("row {at}")).collect::<Vec<_>>());
    assert_eq!(look["files"].as_array().unwrap().len(), 9, "no file is there twice");
    assert_eq!(position(&look, 0), Some(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_one_wins_and_the_other_hears_where_the_table_stands() {
    owners_on(&Lake::start()).await;
}

async fn owners_on(lake: &Lake) {
    let (ours, theirs) = (lake.sink(&lake.catalog.uri()), lake.sink(&lake.catalog.uri()));
    let mut mine = Lane::open(&ours, lease(0, 1), None).await;
    let mut other = Lane::open(&theirs, lease(0, 1), None).await;
    let (short, long) = (mine.range(&["19000|a|one"]), other.range(&["19000|a|one", "19000|a|two"]));
    let (ours, theirs) = tokio::join!(commit(&ours, short), commit(&theirs, long));
    let look = lake.reader().look();
    let bodies = |look| bodies(look).into_iter().filter(|body| body != "beside").collect::<Vec<_>>();
    // Who came first decides; both know how it ended.
    match (ours, theirs) {
        (Outcome::Done(..), Outcome::Moved { partition: Partition(0), at: 1 }) => {
            assert_eq!(bodies(&look), ["one"]);
        }
        (Outcome::Done(..), Outcome::Done(..)) => assert_eq!(bodies(&look), ["one", "two"]),
        others => panic!("{others:?}"),
    }
    assert_eq!(commits(&look).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_is_unavailable_with_its_reason() {
    away_on(&Lake::start()).await;
}

async fn away_on(lake: &Lake) {
    let sink = lake.sink(&lake.catalog.uri());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range = [lane.range(&["19000|a|one"])];
    lake.catalog.kill();
    let Err(SinkError::Unavailable(reason)) = sink.commit(&range).await else { panic!() };
    assert!(reason.to_string().contains("the lake's catalog"), "{reason}");
    lake.catalog.restart();
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [1]);
    assert_eq!(bodies(&lake.reader().look()), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_comes_late_is_refused_and_upkeep_keeps_the_rows() {
    let round = upkeep_on(&Lake::start(), &[Fault::Late]).await;
    assert_eq!((round.snapshots, round.files, round.merged), (7, 7, 12));
}

/// Fourteen commits with a round of upkeep between, and one that comes late.
async fn upkeep_on(lake: &Lake, plan: &[Fault]) -> Round {
    let late = Faulty::new(client(&lake.catalog.uri(), Access::Open), plan);
    let sink = sink(late.clone(), lake.config());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..12).await;
    assert_eq!(late.release().await, 0, "its base is gone");
    let upkeep = upkeep(client(&lake.catalog.uri(), Access::Open), lake.config().store, FEW);
    let round = upkeep.round().await.unwrap();
    fill(&sink, &mut lane, 12..14).await;
    let look = lake.reader().look();
    assert_eq!((bodies(&look), position(&look, 0), &look["manifests"]), (expected(14), Some(14), &3.into()));
    round
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_in_a_bucket_are_merged() {
    for kind in [Kind::Conditional, Kind::Overwriting] {
        compaction_on(&Lake::on(Product::Servlet, kind)).await;
    }
}

/// With files that are fetched in parts, and one that is sent in parts.
async fn compaction_on(lake: &Lake) {
    let sink = lake.sink(&lake.catalog.uri());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..6).await;
    bulk(&sink, &mut lane, 7).await;
    bulk(&sink, &mut lane, 9).await;
    let reader = lake.reader();
    let digest = reader.ask("digest", &[]);
    let upkeep = upkeep(client(&lake.catalog.uri(), Access::Open), lake.config().store, FEW);
    let done = compact(&upkeep, Effort::Thorough).await;
    assert_eq!((done.files_before, done.files_after, done.commits), (8, 3, 3));
    assert!(done.bytes_after > 8 << 20, "{done:?}");
    assert_eq!(reader.ask("digest", &[]), digest);
    assert_eq!(reader.ask("sorted", &[]), serde_json::json!([true, true, true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_in_a_bucket_go_and_the_catalogs_own_files_stay() {
    for kind in [Kind::Conditional, Kind::Overwriting] {
        orphans_on(&Lake::on(Product::Servlet, kind)).await;
    }
}

async fn orphans_on(lake: &Lake) {
    let open = || client(&lake.catalog.uri(), Access::Open);
    let faulty = Faulty::new(open(), &[]);
    let sink = sink(faulty.clone(), lake.config());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    fill(&sink, &mut lane, 0..1).await;
    let location = lake.reader().look()["location"].as_str().unwrap().to_owned();
    let storage = Storage::of(&World::real(), &location, &lake.config().store).unwrap();
    let before = listed(&storage, &location).await;
    faulty.next(&[Fault::LostBefore; 3]);
    let range = [lane.range(&["19000|a|row 001"])];
    assert!(sink.commit(&range).await.is_err());
    let left: BTreeSet<String> = listed(&storage, &location).await.difference(&before).cloned().collect();
    assert_eq!(left.len(), 1 + 3 + 3);
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [2]);

    // The fourth attempt used the data file again.
    lake.reader().ask("property", &["logmill.since", "0"]);
    let stray = format!("{location}/metadata/00099-0191d3a4-7c1e-4c7a-9b57-0a1b2c3d4e5f.metadata.json");
    storage.put(&stray, "{}".into()).await.unwrap();
    let upkeep = upkeep(open(), lake.config().store, FEW);
    let young = upkeep.orphans(Duration::from_hours(1), false).await.unwrap();
    assert_eq!(young, Orphans::default());
    let before = listed(&storage, &location).await;
    let found = upkeep.orphans(Duration::ZERO, true).await.unwrap();
    assert_eq!((found.files, found.bytes > 0, listed(&storage, &location).await), (6, true, before.clone()));
    assert_eq!(upkeep.orphans(Duration::ZERO, false).await.unwrap(), found);
    let gone: BTreeSet<String> = before.difference(&listed(&storage, &location).await).cloned().collect();
    assert!(gone.is_subset(&left) && gone.len() == 6, "{gone:?}");
    fill(&sink, &mut lane, 2..3).await;
    assert_eq!(bodies(&lake.reader().look()), expected(3));
}

async fn listed(storage: &Storage, location: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    storage.list(location, &mut |file| assert!(found.insert(file.location))).await.unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_get_a_token_that_all_requests_carry() {
    let lake = Lake::start();
    let proxy = Proxy::start(&lake.catalog.uri()).await;
    let access = Access::Credentials {
        server: String::new(),
        id: "mill".to_owned(),
        secret: "s&cret".to_owned(),
        scope: String::new(),
    };
    let sink = sink(client(&proxy.uri, access), lake.config());
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range = lane.range(&["19000|a|one"]);
    commit(&sink, range).await;
    let heads = proxy.heads();
    assert!(heads[0].starts_with("POST /v1/oauth/tokens "), "{}", heads[0]);
    assert!(heads.len() > 4);
    for head in &heads[1..] {
        assert!(!head.starts_with("POST /v1/oauth"), "one token is enough");
        assert!(head.contains("authorization: Bearer client-credentials-token:"), "{head}");
    }
}

#[test]
fn tls_and_bad_addresses() {
    client("https://catalog.example/api", Access::Bearer("secret".to_owned()));
    for uri in ["catalog", "ftp://catalog", "data:x"] {
        let config = RestConfig { uri: uri.to_owned(), warehouse: String::new(), access: Access::Open };
        assert!(RestCatalog::new(&World::real(), config).is_err(), "{uri}");
    }
    assert_eq!(format!("{:?}", Access::Bearer("secret".to_owned())), "Bearer");
}
