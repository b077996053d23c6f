//! A build without SQL.

use axum::Router;
use logmill_world::World;
use prometheus::Registry;

use crate::settings::Settings;

/// Nobody answers questions.
pub(in crate::serve) struct Queries;

impl Queries {
    pub(in crate::serve) fn threads() -> anyhow::Result<Self> {
        Ok(Self)
    }

    pub(in crate::serve) fn routes(&self, _: &World, _: &Settings, _: &Registry) -> anyhow::Result<Router> {
        Ok(Router::new())
    }

    pub(in crate::serve) fn end(self) {}
}
