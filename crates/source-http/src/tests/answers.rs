//! Answers byte for byte: clients of every age read them.

use http_body_util::BodyExt;
use logmill_model::RecordError;
use logmill_queue::{Class, QueueError};

use crate::answer::{Problem, Receipt};

/// Status line, headers and body of an answer.
async fn bytes(response: hyper::Response<axum::body::Body>) -> String {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let head: String = headers.collect();
    let body = body.collect().await.unwrap().to_bytes();
    format!("{}\n{head}\n{}", parts.status.as_u16(), std::str::from_utf8(&body).unwrap())
}

fn errors() -> Vec<RecordError> {
    vec![RecordError { index: Some(3), field: Some("path"), reason: "is \"empty\"".into() }]
}

#[tokio::test]
async fn problems_are_written_as_ever() {
    let away = || QueueError::new(Class::Bug, "the disk is full");
    let cases = [
        (
            Problem::Request("no".to_owned()),
            "400\ncontent-type: application/problem+json\n\n\
             {\"type\":\"urn:logmill:problem:bad-request\",\"title\":\"The request is malformed\",\"status\":400,\"detail\":\"no\"}",
        ),
        (
            Problem::Records(errors()),
            "400\ncontent-type: application/problem+json\n\n\
             {\"type\":\"urn:logmill:problem:invalid-records\",\"title\":\"The body holds invalid records\",\"status\":400,\
             \"detail\":\"nothing of the batch is stored; `Prefer: handling=lenient` stores the valid records\",\
             \"errors\":[{\"index\":3,\"field\":\"path\",\"reason\":\"is \\\"empty\\\"\"}]}",
        ),
        (
            Problem::Method,
            "405\ncontent-type: application/problem+json\nallow: POST\n\n\
             {\"type\":\"urn:logmill:problem:method-not-allowed\",\"title\":\"Only POST is allowed\",\"status\":405,\
             \"detail\":\"send the batch with POST\"}",
        ),
        (
            Problem::TooSlow("too slow"),
            "408\ncontent-type: application/problem+json\nconnection: close\n\n\
             {\"type\":\"urn:logmill:problem:body-too-slow\",\"title\":\"The body did not arrive in time\",\"status\":408,\
             \"detail\":\"too slow\"}",
        ),
        (
            Problem::Unavailable(away()),
            "503\ncontent-type: application/problem+json\nretry-after: 1\n\n\
             {\"type\":\"urn:logmill:problem:unavailable\",\"title\":\"The queue cannot take the batch now\",\"status\":503,\
             \"detail\":\"nothing is stored; repeat later\"}",
        ),
    ];
    for (problem, expected) in cases {
        assert_eq!(bytes(problem.into_response()).await, expected);
    }
}

#[tokio::test]
async fn receipts_are_written_as_ever() {
    let receipt = |duplicate, errors| Receipt { accepted: 2, duplicate, batch_id: [7; 16], errors };
    let id = "07070707-0707-0707-0707-070707070707";
    assert_eq!(
        bytes(receipt(true, Vec::new()).into_response()).await,
        format!(
            "200\ncontent-type: application/json\n\n{{\"accepted\":2,\"duplicate\":true,\"batchId\":\"{id}\"}}"
        )
    );
    assert_eq!(
        bytes(receipt(false, errors()).into_response()).await,
        format!(
            "202\ncontent-type: application/json\n\n{{\"accepted\":2,\"duplicate\":false,\"batchId\":\"{id}\",\
             \"errors\":[{{\"index\":3,\"field\":\"path\",\"reason\":\"is \\\"empty\\\"\"}}]}}"
        )
    );
}
