//! A catalog behind Iceberg's REST protocol (apache/iceberg, open-api/rest-catalog-open-api.yaml).

mod access;
mod client;
mod wire;

use std::sync::Arc;

use iceberg::spec::TableMetadata;
use logmill_queue::{BoxFuture, Class, QueueError};
use logmill_world::World;
use reqwest::Method;
use tokio::sync::OnceCell;
use url::Url;

pub use access::Access;
use client::{Client, Reply};

use super::{Answer, Base, Catalog, Change, Creation, TableName};

/// Where a catalog is and how to get in.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// The part of the URL before `/v1`.
    pub uri: String,
    /// Which warehouse of the catalog; empty: its only one.
    pub warehouse: String,
    /// How requests prove who they come from.
    pub access: Access,
}

/// A catalog behind Iceberg's REST protocol. A request takes at most 30 s and is never repeated here.
pub struct RestCatalog {
    client: Client,
    warehouse: String,
    /// What the catalog says of itself; asked for once.
    facts: OnceCell<Facts>,
}

struct Facts {
    /// What it wants before `/namespaces`.
    prefix: String,
    /// It is Nessie, whose branches and tags are not those of a table.
    is_nessie: bool,
}

impl RestCatalog {
    /// The catalog at a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid`: a URL that is none; no TLS (`Bug`).
    pub fn new(world: &World, config: RestConfig) -> Result<Self, QueueError> {
        let RestConfig { uri, warehouse, access } = config;
        let invalid =
            |reason: String| QueueError::new(Class::Invalid, format!("lake.catalog.uri {uri}: {reason}"));
        let url = Url::parse(&uri).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(invalid("http:// or https:// is expected".to_owned()));
        }
        Ok(Self { client: Client::new(world, url, access)?, warehouse, facts: OnceCell::new() })
    }

    async fn facts(&self) -> Result<&Facts, QueueError> {
        self.facts.get_or_try_init(|| self.ask()).await
    }

    async fn ask(&self) -> Result<Facts, QueueError> {
        let mut url = self.client.url(&["v1", "config"])?;
        if !self.warehouse.is_empty() {
            url.query_pairs_mut().append_pair("warehouse", &self.warehouse);
        }
        let config: wire::Config = self.client.ask(Method::GET, url, None).await?.read()?;
        let is_nessie = config.value("nessie.is-nessie-catalog") == Some("true");
        Ok(Facts { prefix: config.value("prefix").unwrap_or_default().to_owned(), is_nessie })
    }

    /// The URL of a namespace, and what lies below it.
    async fn url(&self, below: &[&str]) -> Result<Url, QueueError> {
        let mut parts = vec!["v1"];
        // A prefix may have several levels.
        parts.extend(self.facts().await?.prefix.split('/').filter(|part| !part.is_empty()));
        parts.push("namespaces");
        parts.extend(below);
        self.client.url(&parts)
    }

    async fn find(&self, table: &TableName) -> Result<Option<Base>, QueueError> {
        let url = self.url(&[&namespace(table), "tables", &table.table]).await?;
        let reply = self.client.ask(Method::GET, url, None).await?;
        if reply.is_absent() {
            return Ok(None);
        }
        let loaded: wire::Loaded<TableMetadata> = reply.read()?;
        Ok(Some(Base { metadata: Arc::new(loaded.metadata), location: loaded.location.unwrap_or_default() }))
    }

    /// The namespace is made only where the catalog misses it: not everybody may make one.
    async fn make(&self, table: &TableName, creation: Creation) -> Result<(), QueueError> {
        let body = wire::new_table(&table.table, &creation)?;
        let url = self.url(&[&namespace(table), "tables"]).await?;
        let reply = self.client.ask(Method::POST, url.clone(), Some(body.clone())).await?;
        if !reply.is_absent() {
            return reply.done_or_there();
        }
        let above = wire::new_namespace(&table.namespace);
        self.client.ask(Method::POST, self.url(&[]).await?, Some(above)).await?.done_or_there()?;
        self.client.ask(Method::POST, url, Some(body)).await?.done_or_there()
    }

    async fn change(&self, table: &TableName, change: Change) -> Answer {
        let prepared = match self.url(&[&namespace(table), "tables", &table.table]).await {
            Ok(url) => wire::commit(table, &change).map(|body| (url, body)),
            Err(error) => Err(error),
        };
        let (url, body) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Answer::Refused(error),
        };
        let sent = match self.client.prepare(Method::POST, url, Some(body)).await {
            Ok(request) => self.client.send(request).await,
            Err(error) => return Answer::Refused(error),
        };
        match sent {
            Ok(reply) => judged(&reply),
            Err(error) => Answer::Unknown(error),
        }
    }
}

/// What a catalog's answer to a commit says of the table.
fn judged(reply: &Reply) -> Answer {
    match reply.status {
        200..=299 => Answer::Committed,
        409 => Answer::Conflict(reply.error().to_string()),
        400 | 401 | 403 | 404 | 419 | 429 => Answer::Refused(reply.error()),
        _ => Answer::Unknown(reply.error()),
    }
}

/// The levels of a namespace as one part of a path.
fn namespace(table: &TableName) -> String {
    table.namespace.join("\u{1f}")
}

impl Catalog for RestCatalog {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>> {
        Box::pin(self.find(table))
    }

    fn create<'a>(
        &'a self,
        table: &'a TableName,
        creation: Creation,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.make(table, creation))
    }

    fn hides_states(&self) -> BoxFuture<'_, Result<bool, QueueError>> {
        Box::pin(async { Ok(self.facts().await?.is_nessie) })
    }

    fn commit<'a>(&'a self, table: &'a TableName, _base: &'a Base, change: Change) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(table, change))
    }
}
