//! From a URL to a store.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{Class, QueueError};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use crate::Store;

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

pub(crate) fn open(config: &StoreConfig) -> Result<Store, QueueError> {
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
    Ok(Store { inner, root: format!("{}://{bucket}", url.scheme()), prefix })
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
