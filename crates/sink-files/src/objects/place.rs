//! The store behind a URL, and the names in it.

use std::sync::Arc;
use std::time::Duration;

use logmill_model::HourPath;
use logmill_queue::{Class, QueueError};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, PutMode, PutOptions, RetryConfig};
use url::Url;

/// Below it lies what a look at the store writes.
const PROBE: &str = ".logmill/probe";

/// A prefix has to fit into the group's note.
const MAX_PREFIX: usize = 1024;

/// Where the objects lie and how to get there.
#[derive(Clone, Debug, Default)]
pub struct StoreConfig {
    /// `s3://bucket/prefix`, `az://container/prefix` or `gs://bucket/prefix`.
    pub url: String,
    /// An S3 store that is not AWS; empty: AWS.
    pub endpoint: String,
    /// The region of an S3 store.
    pub region: String,
    /// Keys of an S3 store; empty: the environment's or the instance's role.
    pub access_key: String,
    /// The secret that belongs to `access_key`.
    pub secret_key: String,
    /// How long one request may take.
    pub timeout: Duration,
}

/// An object store with a prefix in it.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<dyn ObjectStore>,
    /// Without slashes at its ends; empty is the root.
    pub(crate) prefix: String,
    /// As a person would write it, without secrets.
    name: String,
}

/// What a store does with a put that may only create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It refuses a second one.
    Kept,
    /// It overwrites: parts stay right, because the same name always has the same records.
    Ignored,
}

impl Store {
    /// The store of a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// A URL that is none, or of another scheme; settings that do not fit to it.
    pub fn open(config: &StoreConfig) -> Result<Self, QueueError> {
        let invalid = |reason: String| QueueError::new(Class::Invalid, format!("{}: {reason}", config.url));
        let url = Url::parse(&config.url).map_err(|error| invalid(error.to_string()))?;
        let bucket = url.host_str().filter(|host| !host.is_empty());
        let bucket = bucket.ok_or_else(|| invalid("names no bucket".to_owned()))?;
        let built = match url.scheme() {
            "s3" => s3(config, bucket).map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            "az" => MicrosoftAzureBuilder::from_env()
                .with_container_name(bucket)
                .with_client_options(options(config))
                .with_retry(retry(config))
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            "gs" => GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_client_options(options(config))
                .with_retry(retry(config))
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>),
            other => return Err(invalid(format!("{other} is no store; known are s3, az and gs"))),
        };
        let inner = built.map_err(|error| invalid(error.to_string()))?;
        let prefix = url.path().trim_matches('/').to_owned();
        if prefix.len() > MAX_PREFIX {
            return Err(invalid(format!("the prefix is longer than {MAX_PREFIX} bytes")));
        }
        Ok(Self { inner, prefix, name: config.url.clone() })
    }

    /// A store that is open already; `name` is for messages.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str, name: &str) -> Self {
        Self { inner, prefix: prefix.to_owned(), name: name.to_owned() }
    }

    /// Writes a small object twice to see that the store can be written, and whether it keeps the condition.
    ///
    /// # Errors
    /// The store cannot be reached or written, with its reason.
    pub async fn look(&self) -> Result<Condition, QueueError> {
        let path = Path::from(below(&self.prefix, PROBE));
        let options = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        for _ in 0..2 {
            match self.inner.put_opts(&path, Vec::new().into(), options()).await {
                Ok(_) => {}
                Err(error) if is_there(&error) => return Ok(Condition::Kept),
                Err(error) => return Err(self.failed("cannot be written", error)),
            }
        }
        Ok(Condition::Ignored)
    }

    pub(crate) fn failed(&self, what: &str, error: object_store::Error) -> QueueError {
        QueueError::caused(Class::Unavailable, format!("{} {what}", self.name), error)
    }
}

/// Whether a put that may only create found its object.
pub(crate) fn is_there(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })
}

fn below(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

/// The folder of an hour: `logs/[<customer>/]YYYY-MM-DD/HH`. None for an hour that has no name.
pub(crate) fn hour(prefix: &str, customer: Option<&str>, hour: u32) -> Option<String> {
    let hour = HourPath::new(hour)?;
    let customer = customer.map(|customer| format!("{customer}/")).unwrap_or_default();
    Some(below(prefix, &format!("logs/{customer}{}/{}", hour.date(), hour.hour())))
}

fn s3(config: &StoreConfig, bucket: &str) -> object_store::Result<object_store::aws::AmazonS3> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_region(&config.region)
        .with_client_options(options(config))
        .with_retry(retry(config));
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(&config.endpoint).with_virtual_hosted_style_request(false);
    }
    if !config.access_key.is_empty() {
        builder = builder.with_access_key_id(&config.access_key).with_secret_access_key(&config.secret_key);
    }
    builder.build()
}

fn options(config: &StoreConfig) -> ClientOptions {
    ClientOptions::new().with_timeout(config.timeout).with_allow_http(true)
}

/// A few tries in a row; what goes on for longer is the sink's to repeat, and to tell of.
fn retry(config: &StoreConfig) -> RetryConfig {
    RetryConfig { max_retries: 3, retry_timeout: config.timeout, backoff: BackoffConfig::default() }
}
