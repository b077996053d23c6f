//! OpenTelemetry logs on the wire. See README.md.
