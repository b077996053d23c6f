//! Who requests come from: nobody, a token from the settings, or one that OAuth2 gives for client credentials (RFC 6749, 4.4).

use std::fmt;
use std::time::Duration;

use logmill_queue::{Class, QueueError};
use logmill_world::World;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

use super::client::Client;

/// A token is asked for anew so long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is used whose end is not told.
const UNTOLD: u64 = 3600;

/// How requests prove who they come from.
#[derive(Clone, Default)]
pub enum Access {
    /// They do not.
    #[default]
    Open,
    /// With this token.
    Bearer(String),
    /// With a token that a server gives for client credentials.
    Credentials {
        /// The server's URL; empty: the catalog's own `/v1/oauth/tokens`.
        server: String,
        /// The client.
        id: String,
        /// Its secret.
        secret: String,
        /// What the token shall be good for; empty: `catalog`.
        scope: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Bearer(_) => "Bearer",
            Self::Credentials { .. } => "Credentials",
        })
    }
}

/// The token in use.
pub(super) struct Tokens {
    world: World,
    access: Access,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    /// By the monotonic clock.
    until: Duration,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) fn new(world: &World, access: Access) -> Self {
        Self { world: world.clone(), access, held: Mutex::default() }
    }

    /// The token for the next request.
    ///
    /// # Errors
    /// The server gives none.
    pub(super) async fn get(&self, client: &Client) -> Result<Option<String>, QueueError> {
        let (server, form) = match &self.access {
            Access::Open => return Ok(None),
            Access::Bearer(token) => return Ok(Some(token.clone())),
            Access::Credentials { server, id, secret, scope } => (server, form(id, secret, scope)),
        };
        let mut held = self.held.lock().await;
        let now = self.world.clock().monotonic();
        if let Some(held) = held.as_ref().filter(|held| now < held.until) {
            return Ok(Some(held.token.clone()));
        }
        let granted: Granted = client.form(self.server(client, server)?, form).await?.read()?;
        let lasts = Duration::from_secs(granted.expires_in.unwrap_or(UNTOLD));
        let token = granted.access_token.clone();
        let until = now + lasts.saturating_sub(MARGIN);
        *held = Some(Held { token: granted.access_token, until });
        Ok(Some(token))
    }

    /// The catalog does not take the token any more.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    fn server(&self, client: &Client, server: &str) -> Result<Url, QueueError> {
        if server.is_empty() {
            return client.url(&["v1", "oauth", "tokens"]);
        }
        Url::parse(server).map_err(|error| QueueError::caused(Class::Invalid, server.to_owned(), error))
    }
}

fn form(id: &str, secret: &str, scope: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id)
        .append_pair("client_secret", secret)
        .append_pair("scope", if scope.is_empty() { "catalog" } else { scope })
        .finish()
}
