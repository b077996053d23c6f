use http_body_util::BodyExt;

use hyper::StatusCode;
use serde_json::json;

use crate::Problem;

#[tokio::test]
async fn a_problem_has_its_members_in_order() {
    let more = vec![("parameter", json!("from")), ("allowed", json!(["a", "b"]))];
    let (name, title, detail) = ("test", "A \"test\"", "\u{7}no\nway".to_owned());
    let response = Problem { name, status: StatusCode::IM_A_TEAPOT, title, detail, more }.respond();
    let (head, body) = response.into_parts();
    assert_eq!((head.status.as_u16(), head.headers.len()), (418, 1));
    assert_eq!(head.headers["content-type"], "application/problem+json");
    let expected = r#"{"type":"urn:logmill:problem:test","title":"A \"test\"","status":418,"detail":"\u0007no\nway","parameter":"from","allowed":["a","b"]}"#;
    assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
}
