//! What all clients of librdkafka have in common: where its log goes, and what it last complained of.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::code;

/// What a broker, or the way to it, last refused. librdkafka tells it beside the calls that then time out.
#[derive(Clone, Default)]
pub(crate) struct Health(Arc<Mutex<Option<String>>>);

impl Health {
    pub(crate) fn complain(&self, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    /// A broker has answered.
    pub(crate) fn recovered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn complaint(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The context of a client: it forwards and remembers.
#[derive(Clone)]
pub(crate) struct Context(pub(crate) Health);

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
            // Each of them comes once more as an error of a call, with what it means for us.
            _ => tracing::info!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        // That all are down comes after what each of them said, and says less.
        if code(&error) != RDKafkaErrorCode::AllBrokersDown {
            self.0.complain(reason);
        }
    }
}

impl ConsumerContext for Context {}
