//! OpenTelemetry logs on their way in.

use super::super::kind::Kind;
use super::intake::{TOPIC_NAMES, is_topic};
use super::{Fallback, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "otlp.http_listen",
        Fallback::Text("127.0.0.1:4318"),
        Kind::OptionalAddress { set: |s, v| s.otlp.http_listen = v },
        "Address of OTLP over HTTP, which http.listen takes as well; empty for none",
    ),
    Setting::new(
        "otlp.grpc_listen",
        Fallback::Text("127.0.0.1:4317"),
        Kind::OptionalAddress { set: |s, v| s.otlp.grpc_listen = v },
        "Address of OTLP over gRPC; empty for none",
    ),
    Setting::new(
        "otlp.topic",
        Fallback::Text("otel-logs"),
        Kind::Text { allowed: TOPIC_NAMES, good: is_topic, set: |s, v| s.otlp.topic = v },
        "Topic of OpenTelemetry logs, in the encoding otlp_proto of the OpenTelemetry Collector",
    )
    .aliases(&["KAFKA_TOPIC", "REDPANDA_TOPIC"]),
];
