//! A build without SQL.

use axum::Router;
use logmill_world::World;

use crate::settings::Settings;

/// Nobody answers questions.
pub(in crate::serve) struct Queries;

impl Queries {
    // The one with SQL may fail.
    #[expect(clippy::unnecessary_wraps)]
    pub(in crate::serve) fn threads() -> anyhow::Result<Self> {
        Ok(Self)
    }

    // As above.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(in crate::serve) fn routes(&self, _: &World, _: &Settings) -> anyhow::Result<Router> {
        Ok(Router::new())
    }

    #[expect(clippy::unused_self)]
    pub(in crate::serve) fn end(self) {}
}
