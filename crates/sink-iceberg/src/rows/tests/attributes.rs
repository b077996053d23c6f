//! Attributes of records, scopes and resources as one map.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{collected, lines, protobuf};

/// Random small lists of attributes, always the same ones. The keys are few, so that they meet.
fn lists(seed: u64) -> [Vec<(String, Option<u64>)>; 3] {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    [(); 3].map(|()| {
        let length = next(7);
        let pair = |_| (format!("k{}", next(6)), (next(5) > 0).then(|| next(100)));
        (0..length).map(pair).collect()
    })
}

fn as_json(list: &[(String, Option<u64>)]) -> Value {
    let value = |value: &Option<u64>| value.map_or(json!({}), |number| json!({ "intValue": number }));
    list.iter().map(|(key, number)| json!({ "key": key, "value": value(number) })).collect()
}

#[test]
fn the_record_stands_over_the_scope_and_the_scope_over_the_resource() {
    for seed in 0..500 {
        let [resource, scope, record] = lists(seed);
        let request = json!({ "resourceLogs": [{ "resource": { "attributes": as_json(&resource) }, "scopeLogs": [{
            "scope": { "attributes": as_json(&scope) }, "logRecords": [{ "attributes": as_json(&record) }] }] }] });
        // A map that is filled from the outside to the inside keeps what is inserted last.
        let all: BTreeMap<_, _> = resource.into_iter().chain(scope).chain(record).collect();
        let expected: Value = all
            .into_iter()
            .filter_map(|(key, number)| Some((key, json!(number?.to_string()))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let line = lines(&[&collected(&[&protobuf(&request.to_string())])]).remove(0);
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(row["attributes"].to_string(), expected.to_string(), "seed {seed}");
    }
}
