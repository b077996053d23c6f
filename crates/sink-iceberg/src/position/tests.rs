use std::collections::HashMap;

use logmill_queue::{Class, Lease, LogId, Partition, Topic, Totals};
use uuid::Uuid;

use super::{TablePosition, all, entries, first, position, since, totals};

fn lease(topic: &str) -> Lease {
    Lease::new(LogId([0xab; 16]), Topic::new(topic).unwrap(), Partition(7), 1)
}

#[test]
fn entries_are_written_as_the_readme_says_and_read_back() {
    let at = TablePosition { next: 42, commit: Uuid::from_u128(0x11) };
    let sum = Totals { read: 9, delivered: 7, dead_lettered: 1, damaged: 1, ..Totals::default() };
    let written = entries(&lease("otel-logs.eu"), at, &sum);
    let log = "ab".repeat(16);
    assert_eq!(written[0].0, format!("logmill.position.{log}.otel-logs%2Eeu.7"));
    assert_eq!(written[0].1, "42;00000000-0000-0000-0000-000000000011");
    assert_eq!(written[1].0, format!("logmill.totals.{log}.otel-logs%2Eeu.7"));
    assert!(
        written[1].1.starts_with("read=9,delivered=7,deduplicated=0,dead_lettered=1,"),
        "{}",
        written[1].1
    );

    let properties = HashMap::from(written);
    assert_eq!(position(&properties, &lease("otel-logs.eu")).unwrap(), Some(at));
    assert_eq!(totals(&properties, &lease("otel-logs.eu")).unwrap(), sum);
    assert_eq!(position(&properties, &lease("otel-logs")).unwrap(), None);
    assert_eq!(totals(&properties, &lease("otel-logs")).unwrap(), Totals::default());
}

#[test]
fn an_entry_of_somebody_else_is_no_position() {
    let at = TablePosition { next: 1, commit: Uuid::from_u128(1) };
    let [(name, _), (sum, _)] = entries(&lease("t"), at, &Totals::default());
    for text in ["", "7", "-1;00000000-0000-0000-0000-000000000011", "7;me", "99999999999999999999;x"] {
        let properties = HashMap::from([(name.clone(), text.to_owned())]);
        assert_eq!(position(&properties, &lease("t")).unwrap_err().class, Class::Invalid, "{text}");
    }
    for text in ["", "read", "read=-1", "read=1,,"] {
        let properties = HashMap::from([(sum.clone(), text.to_owned())]);
        assert_eq!(totals(&properties, &lease("t")).unwrap_err().class, Class::Invalid, "{text}");
    }
}

#[test]
fn all_entries_are_found_with_their_topics_as_they_are_called() {
    let at = |next| TablePosition { next, commit: Uuid::from_u128(0x11) };
    let sum = Totals { read: 9, delivered: 9, ..Totals::default() };
    let mut properties = HashMap::from(entries(&lease("otel-logs.eu"), at(42), &sum));
    properties.extend(entries(&lease("otel-logs"), at(7), &Totals::default()));
    properties.insert("logmill.since".to_owned(), "5".to_owned());
    properties.insert("write.format.default".to_owned(), "parquet".to_owned());
    let found = all(&properties).unwrap();
    let shown: Vec<_> =
        found.iter().map(|of| (of.topic.as_str(), of.partition.0, of.at.next, of.totals.read)).collect();
    assert_eq!(shown, [("otel-logs", 7, 7, 0), ("otel-logs.eu", 7, 42, 9)]);
    assert_eq!(found[0].log, "ab".repeat(16));
    for name in ["logmill.position.ab", "logmill.position.ab.topic", "logmill.position.ab.topic.x"] {
        let properties = HashMap::from([(name.to_owned(), format!("1;{}", Uuid::nil()))]);
        assert_eq!(all(&properties).unwrap_err().class, Class::Invalid, "{name}");
    }
}

#[test]
fn the_first_write_is_noted_once() {
    let mut properties = HashMap::new();
    assert_eq!(since(&properties).unwrap(), None);
    properties.extend(first(&properties, 1_700_000_000_123_456));
    assert_eq!(properties["logmill.since"], "1700000000123");
    assert_eq!(since(&properties).unwrap(), Some(1_700_000_000_123_000));
    assert_eq!(first(&properties, 1_800_000_000_000_000), None);
    properties.insert("logmill.since".to_owned(), "yesterday".to_owned());
    assert!(since(&properties).unwrap_err().to_string().contains("milliseconds since 1970"));
}
