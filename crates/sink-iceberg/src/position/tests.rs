use std::collections::HashMap;

use logmill_queue::{Class, Lease, LogId, Partition, Topic, Totals};
use uuid::Uuid;

use super::{TablePosition, entries, position, totals};

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
