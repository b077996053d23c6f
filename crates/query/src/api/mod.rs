//! `POST /api/v1/query`. docs/query.md says what callers see.

mod ask;
mod problem;
mod send;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use hyper::{HeaderMap, Response};
use logmill_world::World;

use self::problem::Problem;
use crate::engine::{Engine, Question};

struct Api {
    world: World,
    engine: Arc<Engine>,
    patience: Duration,
}

/// The route `/api/v1/query`. A request's body may take `patience` to come (`http.body_timeout`).
pub fn router(world: World, engine: Arc<Engine>, patience: Duration) -> Router {
    let refuse = || async { Problem::Method.respond() };
    let api = Arc::new(Api { world, engine, patience });
    Router::new().route("/api/v1/query", post(query).fallback(refuse)).with_state(api)
}

async fn query(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Response<Body> {
    api.answer(&headers, body).await.unwrap_or_else(Problem::respond)
}

impl Api {
    async fn answer(&self, headers: &HeaderMap, body: Body) -> Result<Response<Body>, Problem> {
        let asked = tokio::select! {
            biased;
            asked = ask::read(headers, body) => asked?,
            () = self.world.clock().sleep(self.patience) => return Err(Problem::TooSlow),
        };
        let question = Question { sql: asked.sql, first: None };
        let answer = self.engine.ask(question).await?;
        send::send(answer, asked.form).await
    }
}
