//! The OpenAPI document against what the routes do.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, json};

use super::super::OPENAPI;
use super::*;

/// Answers that show each member that there is.
fn full() -> Arc<Fixed> {
    Fixed::new(|question| {
        let counts: &[(&str, u64)] = if question.limit > 0 { &[("a", 3)] } else { &[] };
        let distinct = Distinct { count: 5000, approximate: true };
        let distinct = Some(distinct).filter(|_| question.width != Width::Minute);
        Ok(Answer { windows: vec![Window { distinct, ..window(question.from, counts, 2) }] })
    })
}

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// The operations by path, with references to parameters followed.
fn parameters(path: &str) -> Vec<Value> {
    let document = document();
    let listed = document["paths"][path]["get"]["parameters"].as_array().cloned().unwrap_or_default();
    let follow = |parameter: Value| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap().clone(),
        None => parameter,
    };
    listed.into_iter().map(follow).collect()
}

fn pair(parameter: &Value) -> String {
    let example = &parameter["example"];
    let value = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    format!("{}={value}", parameter["name"].as_str().unwrap())
}

fn paths() -> Vec<String> {
    document()["paths"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn each_documented_parameter_is_taken_and_each_that_is_taken_is_documented() {
    for path in paths() {
        let parameters = parameters(&path);
        let (required, optional): (Vec<_>, Vec<_>) =
            parameters.iter().partition(|parameter| parameter["required"] == true);
        let base = required.iter().map(|parameter| pair(parameter)).collect::<Vec<_>>();
        for further in optional.iter().map(|parameter| vec![pair(parameter)]).chain([Vec::new()]) {
            let uri = format!("{path}?{}", [base.clone(), further].concat().join("&"));
            assert_eq!(get(&full(), &uri).await.status, 200, "{uri}");
        }
        for missing in 0..base.len() {
            let rest = [&base[..missing], &base[missing + 1..]].concat();
            let reply = get(&full(), &format!("{path}?{}", rest.join("&"))).await;
            assert_eq!(reply.problem(), "400 invalid-parameter", "{path} without {}", base[missing]);
        }
        let allowed = get(&full(), &format!("{path}?no_such=1")).await.json()["allowed"].clone();
        let names: Vec<&str> =
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let documented = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        assert_eq!(allowed, documented, "{path}");
    }
}

#[tokio::test]
async fn documented_values_and_defaults_are_those_of_the_route() {
    let path = "/api/v1/analytics";
    let range = "from=2025-12-28&to=2025-12-29";
    for parameter in parameters(path) {
        let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
        for value in schema["enum"].as_array().into_iter().flatten() {
            let reply = get(&full(), &format!("{path}?{range}&{name}={}", value.as_str().unwrap())).await;
            assert_eq!(&reply.json()[name], value);
        }
        if let Some(default) = schema.get("default") {
            let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            let (with, without) = (full(), full());
            get(&with, &format!("{path}?{range}&{name}={default}")).await;
            get(&without, &format!("{path}?{range}")).await;
            assert_eq!(with.last(), without.last(), "{name}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_is_and_names_each_route() {
    let reply = get(&full(), "/api/v1/openapi.json").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.text(), OPENAPI);
    assert_eq!(paths(), ["/api/v1/analytics", "/analytics", "/api/v1/openapi.json"]);
}

/// What the validators of Python say about the document, and about these answers by it.
fn validated(answers: &Value) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.json");
    std::fs::write(&file, json!({ "document": document(), "answers": answers }).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/tests/validate.py");
    let services = std::env::var_os("LOGMILL_SERVICES").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/logmill-services");
    let packages = services.unwrap_or_else(home).join("openapi");
    let mut command = Command::new("python3");
    let done = command.env("PYTHONPATH", packages).env("PYTHONUTF8", "1").arg(script).arg(&file).output();
    let done = done.expect("python3 is on the PATH");
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

fn recorded(path: &str, reply: &Reply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.keys().map(|name| (name.to_string(), reply.header(name.as_str()).into())).collect();
    json!({ "path": path, "status": reply.status.to_string(), "headers": headers, "body": reply.text() })
}

#[tokio::test]
async fn real_answers_are_as_the_document_says() {
    let day = "/api/v1/analytics?from=2025-12-28&to=2025-12-29";
    let refuse = || Fixed::new(|_| Err(Refused::Behind("42 %".to_owned())));
    let mut answers = Vec::new();
    for (windows, uri, header) in [
        (full(), format!("{day}&window=day"), ("accept", "*/*")),
        (full(), format!("{day}&window=hour&by=user_agent&limit=0"), ("accept", "*/*")),
        (
            full(),
            "/api/v1/analytics?from=2025-12-28T18&to=2025-12-28T19&window=minute".into(),
            ("accept", "*/*"),
        ),
        (full(), day.to_owned(), ("accept", "text/csv")),
        (full(), day.to_owned(), ("accept", "text/html")),
        (full(), day.to_owned(), ("if-none-match", "*")),
        (full(), format!("{day}&window=week"), ("accept", "*/*")),
        (full(), format!("{day}&limit=1&limit=2"), ("accept", "*/*")),
        (refuse(), day.to_owned(), ("accept", "*/*")),
        (full(), "/analytics?hour=2025-12-28T18".into(), ("accept", "*/*")),
        (Fixed::of(&[]), "/analytics?hour=2025-12-28T18".into(), ("accept", "*/*")),
        (full(), "/analytics".into(), ("accept", "*/*")),
        (full(), "/api/v1/openapi.json".into(), ("accept", "*/*")),
        (Fixed::new(|_| panic!("a mistake")), day.to_owned(), ("accept", "*/*")),
    ] {
        let reply = get_as(&windows, &uri, header).await;
        answers.push(recorded(uri.split('?').next().unwrap(), &reply));
    }
    let wrong_method = call(&api(full()), Method::POST, day, &[]).await;
    answers.push(recorded("/api/v1/analytics", &wrong_method));
    let (good, said) = validated(&json!(answers));
    assert!(good, "tests/tools.sh installs the packages, if they are missing: {said}");
    assert_eq!(said.trim(), format!("{} answers are as documented", answers.len()));

    let mut wrong = answers[0].clone();
    wrong["body"] = wrong["body"].as_str().unwrap().replace("\"total\":5", "\"total\":\"5\"").into();
    let (good, said) = validated(&json!([wrong]));
    assert!(!good && said.contains("'5' is not of type 'integer'"), "{said}");
}
