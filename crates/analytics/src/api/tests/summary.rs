use std::sync::atomic::{AtomicU64, Ordering};

use super::super::json;
use super::*;

const URI: &str = "/analytics?hour=2025-12-28T18";

/// An hour with these many records, by path and by user agent.
fn hour(question: &Question, total: u64, approximate: bool) -> Answer {
    let counts: &[(&str, u64)] = match question.by {
        By::Path => &[("GET /", 2)],
        By::UserAgent => &[("Chrome", 1), ("curl", 1)],
    };
    let distinct = Some(Distinct { count: 5000, approximate });
    let window = window(EIGHTEEN, counts, total - 2);
    Answer { windows: vec![Window { revision: 3, distinct, ..window }] }
}

#[tokio::test]
async fn a_summary_is_json_as_it_is_specified() {
    let windows = Fixed::new(|question| Ok(hour(question, 3, true)));
    let reply = get(&windows, "/analytics?hour=2025-12-28T18&customer=acme").await;
    let expected = concat!(
        r#"{"hour":"2025-12-28T18:00:00Z","total":3,"paths":{"GET /":2,"__other__":1},"#,
        r#""userAgents":{"Chrome":1,"curl":1,"__other__":1},"distinctUserAgents":5000,"revision":3,"approximate":true}"#,
        "\n"
    );
    assert_eq!((reply.status, reply.text()), (200, expected));
    assert_eq!(reply.header("content-type"), "application/json");
    let asked = windows.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().map(|question| question.by).collect::<Vec<_>>(), [By::Path, By::UserAgent]);
    for question in asked {
        let range = (question.from, question.to, question.width);
        assert_eq!(range, (EIGHTEEN, EIGHTEEN + 3600, Width::Hour));
        assert_eq!((question.customer.as_str(), question.limit), ("acme", 1000));
    }
    let exact = get(&Fixed::new(|question| Ok(hour(question, 3, false))), URI).await.json();
    assert_eq!(exact.get("approximate"), None);
}

#[tokio::test]
async fn the_bytes_of_a_summary_file_are_those_of_the_answer() {
    let windows = Fixed::new(|question| Ok(hour(question, 9, true)));
    let reply = get(&windows, URI).await;
    let one = |by| {
        (windows.answers)(&Question { by, ..windows.last() }).unwrap().windows.into_iter().next().unwrap()
    };
    let mut file = Vec::new();
    json::summary(&mut file, &one(By::Path), &one(By::UserAgent)).unwrap();
    assert_eq!(file, reply.body);
}

#[tokio::test]
async fn an_hour_without_records_is_empty_and_not_absent() {
    let reply = get(&Fixed::of(&[]), "/analytics?customer=nobody&hour=2025-12-28T18").await;
    let expected = concat!(
        r#"{"hour":"2025-12-28T18:00:00Z","total":0,"paths":{},"userAgents":{},"distinctUserAgents":0,"revision":0}"#,
        "\n"
    );
    assert_eq!((reply.status, reply.text()), (200, expected));
}

#[tokio::test]
async fn an_hour_can_be_written_as_the_answer_writes_it() {
    for text in ["2025-12-28T18:00:00Z", "2025-12-28T18:00", "2025-12-28T20:00:00%2B02:00"] {
        let windows = Fixed::of(&[]);
        assert_eq!(get(&windows, &format!("/analytics?hour={text}")).await.status, 200);
        assert_eq!(windows.last().from, EIGHTEEN, "{text}");
    }
}

#[tokio::test]
async fn a_commit_between_the_two_questions_is_not_seen() {
    // The hour grows once, after the first question.
    let asked = AtomicU64::new(0);
    let windows = Fixed::new(move |question| {
        Ok(hour(question, 3 + asked.fetch_add(1, Ordering::Relaxed).min(1), true))
    });
    let reply = get(&windows, URI).await.json();
    let sum =
        |name: &str| reply[name].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!((reply["total"].as_u64(), sum("paths"), sum("userAgents")), (Some(4), 4, 4));

    let asked = AtomicU64::new(3);
    let restless =
        Fixed::new(move |question| Ok(hour(question, asked.fetch_add(1, Ordering::Relaxed), true)));
    assert_eq!(get(&restless, URI).await.problem(), "503 counts-unavailable");
}
