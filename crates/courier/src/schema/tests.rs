use std::time::Duration;

use super::Layout;

fn statements(cluster: Option<&str>) -> String {
    let cluster = cluster.map(str::to_owned);
    let layout = Layout { database: "logs".to_owned(), cluster, retention: Duration::from_secs(7 * 86_400) };
    layout.statements().join(";\n")
}

#[test]
fn one_server_has_no_word_of_a_cluster() {
    let statements = statements(None);
    for word in ["Replicated", "ON CLUSTER", "Distributed"] {
        assert!(!statements.contains(word), "{word}");
    }
}

#[test]
fn a_cluster_shares_out_records_and_decides_once() {
    let statements = statements(Some("it's"));
    assert_eq!(statements.matches(" ON CLUSTER `it's`").count(), 13);
    assert!(statements.contains("ENGINE = Distributed('it\\'s', 'logs', 'access_logs', raftSessionID)"));
    // A path without the shard: one table on all nodes.
    assert!(
        statements
            .contains("ReplicatedMergeTree('/clickhouse/tables/logmill/logs/batches', '{shard}-{replica}')")
    );
    assert!(statements.contains("ENGINE = ReplicatedReplacingMergeTree(version)"));
}
