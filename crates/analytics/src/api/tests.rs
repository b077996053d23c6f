#![allow(clippy::disallowed_methods)]

mod busy;
mod documented;
mod input;
mod series;
mod summary;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Method, Request};
use logmill_world::World;
use serde_json::Value;
use tower_service::Service;

use super::{Api, Windows, router};
use crate::question::{Answer, By, Distinct, Question, Width, Window};
use crate::{MAX_ANSWER, Refused};

/// 2025-12-28T18:00:00Z, by `date`.
const EIGHTEEN: u64 = 1_766_944_800;

type Answers = dyn Fn(&Question) -> Result<Answer, Refused> + Send + Sync;

/// Answers by a function, and remembers what it was asked.
struct Fixed {
    answers: Box<Answers>,
    asked: Mutex<Vec<Question>>,
}

impl Fixed {
    fn new(answers: impl Fn(&Question) -> Result<Answer, Refused> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answers: Box::new(answers), asked: Mutex::default() })
    }

    /// Always the same windows.
    fn of(windows: &[Window]) -> Arc<Self> {
        let windows = windows.to_vec();
        Self::new(move |_| Ok(Answer { windows: windows.clone() }))
    }

    fn last(&self) -> Question {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Windows for Fixed {
    fn answer(&self, question: &Question) -> Result<Answer, Refused> {
        self.asked.lock().unwrap().push(question.clone());
        (self.answers)(question)
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem's name behind its status.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        assert_eq!(self.json()["status"], self.status);
        let kind = self.json()["type"].as_str().unwrap().to_owned();
        format!("{} {}", self.status, kind.strip_prefix("urn:logmill:problem:").unwrap())
    }
}

fn api(windows: Arc<Fixed>) -> Arc<Api> {
    Api::new(World::real(), windows, 1000)
}

async fn call(api: &Arc<Api>, method: Method, uri: &str, headers: &[(&str, &str)]) -> Reply {
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = router(api.clone()).call(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: head.status.as_u16(), headers: head.headers, body }
}

async fn get(windows: &Arc<Fixed>, uri: &str) -> Reply {
    call(&api(windows.clone()), Method::GET, uri, &[]).await
}

async fn get_as(windows: &Arc<Fixed>, uri: &str, header: (&str, &str)) -> Reply {
    call(&api(windows.clone()), Method::GET, uri, &[header]).await
}

fn window(start: u64, counts: &[(&str, u64)], other: u64) -> Window {
    let counts: Vec<(String, u64)> = counts.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
    let total = counts.iter().map(|(_, count)| count).sum::<u64>() + other;
    Window { start, total, counts, other, revision: 1, is_final: true, distinct: None }
}
