//! Batches that are made from known records, and what deltas hold, as plain maps.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::slice::Iter;
use std::sync::Arc;

use logmill_model::Format;

use crate::{Batch, Chunks, Delta, Families, Kind, Malformed, Micros, Sum, Summarizer, walk};

/// A record as the tests make it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub second: u64,
    pub method: Option<&'static str>,
    pub path: String,
    pub agent: String,
}

pub(super) fn made(second: u64, path: &str) -> Made {
    Made { second, method: Some("GET"), path: path.to_owned(), agent: "curl/8.0".to_owned() }
}

/// The JSON body of records.
pub(super) fn body(records: &[Made]) -> String {
    let one = |made: &Made| {
        let (day, second) = (made.second / 86_400, made.second % 86_400);
        // Days since 1970 are enough for January 1970.
        let time = format!(
            "1970-01-{:02}T{:02}:{:02}:{:02}Z",
            day + 1,
            second / 3600,
            second / 60 % 60,
            second % 60
        );
        let method = made.method.map(|method| format!("\"method\":\"{method}\",")).unwrap_or_default();
        let (path, agent) = (&made.path, &made.agent);
        format!("{{\"timestamp\":\"{time}\",{method}\"path\":\"{path}\",\"userAgent\":\"{agent}\"}}")
    };
    format!("[{}]", records.iter().map(one).collect::<Vec<_>>().join(","))
}

pub(super) fn summarizer(allowed_lateness: Micros) -> Summarizer {
    Summarizer::new(Arc::new(Families::load()), allowed_lateness, None)
}

/// A door's clock that is ahead of all records.
pub(super) const LATER: Micros = 1 << 50;

pub(super) fn add(summarizer: &mut Summarizer, customer: &str, records: &[Made]) {
    add_at(summarizer, customer, LATER, records);
}

pub(super) fn add_at(summarizer: &mut Summarizer, customer: &str, received_at: Micros, records: &[Made]) {
    let body = body(records);
    let batch = Batch { customer, format: Format::Json, body: body.as_bytes(), rejected: &[], received_at };
    let counted = summarizer.add(&batch, |undecoded| panic!("{undecoded:?}"));
    assert_eq!(counted, records.len() as u64);
}

/// Counts by customer, minute since 1970, kind and key.
pub(super) type Plain = BTreeMap<(String, u32, &'static str, String), u64>;

pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Agents => "agents",
        Kind::Family => "family",
        Kind::Path => "path",
    }
}

/// A run in memory.
pub(super) struct InMemory<'a>(pub Iter<'a, Vec<u8>>);

impl Chunks for InMemory<'_> {
    type Error = Malformed;

    fn next(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        Ok(self.0.next().cloned())
    }
}

/// What deltas hold together.
pub(super) fn plain(deltas: &[Delta]) -> Plain {
    let mut plain = Plain::new();
    for (key, added) in deltas.iter().flatten() {
        let customer = key.customer.to_string();
        walk(vec![InMemory(added.run.iter())], |sum| {
            match sum {
                Sum::Agents(agents) => {
                    let count = agents.count().0;
                    *plain.entry((customer.clone(), key.hour * 60, "agents", String::new())).or_default() +=
                        count;
                }
                Sum::Counts(kind, name, counts) => {
                    for (minute, count) in *counts {
                        let name = String::from_utf8(name.to_vec()).unwrap();
                        let minute = key.hour * 60 + u32::from(*minute);
                        *plain.entry((customer.clone(), minute, kind_name(*kind), name)).or_default() +=
                            count;
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    }
    plain
}
