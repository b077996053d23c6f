//! logmill's own log: one event a line, JSON or text.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_model::Timestamp;
use logmill_world::World;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, callsite};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::settings::{LogFormat, LogLevel};

/// The same message is written once in so long.
const QUIET: Duration = Duration::from_secs(1);

/// The level, which a reload may change.
#[derive(Clone)]
pub(crate) struct LevelHandle(Arc<AtomicU8>);

fn rank(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 0,
        Level::WARN => 1,
        Level::INFO => 2,
        Level::DEBUG => 3,
        Level::TRACE => 4,
    }
}

impl LevelHandle {
    pub(crate) fn set(&self, level: LogLevel) {
        let level = match level {
            LogLevel::Error => Level::ERROR,
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Trace => Level::TRACE,
        };
        self.0.store(rank(&level), Ordering::Relaxed);
    }
}

/// Starts logging to standard output.
pub(crate) fn start(world: World, level: LogLevel, format: LogFormat) -> LevelHandle {
    let handle = LevelHandle(Arc::new(AtomicU8::new(0)));
    handle.set(level);
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let seen = Mutex::new(HashMap::new());
    let layer = Lines { world, json, color: std::io::stdout().is_terminal(), level: handle.clone(), seen };
    // Only a second start in one process could fail, and then the first one goes on.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
    handle
}

struct Lines {
    world: World,
    json: bool,
    color: bool,
    level: LevelHandle,
    /// When a place in the code last spoke, and how often it was silenced since.
    seen: Mutex<HashMap<callsite::Identifier, (Duration, u64)>>,
}

impl Lines {
    /// How many events were left out before this one; `None` if this one is to be left out too.
    fn admit(&self, event: &Event<'_>) -> Option<u64> {
        let now = self.world.clock().monotonic();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((last, silenced)) = seen.get_mut(&event.metadata().callsite()) else {
            seen.insert(event.metadata().callsite(), (now, 0));
            return Some(0);
        };
        if now.saturating_sub(*last) < QUIET {
            *silenced += 1;
            return None;
        }
        *last = now;
        Some(std::mem::take(silenced))
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        // Libraries speak only of what goes wrong.
        let ours = metadata.target().starts_with("logmill");
        let limit = self.level.0.load(Ordering::Relaxed);
        rank(metadata.level()) <= if ours { limit } else { limit.min(1) }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(silenced) = self.admit(event) else { return };
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        if silenced > 0 {
            fields.0.insert("silenced".to_owned(), silenced.into());
        }
        let line =
            if self.json { json_line(&self.world, event, fields) } else { self.text_line(event, fields) };
        // Standard output may be closed; there is nowhere else to say so.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

fn now(world: &World) -> String {
    let micros = world.clock().wall().max(0).cast_unsigned();
    let nanos = u32::try_from(micros % 1_000_000 * 1000).unwrap_or_default();
    let mut text = Vec::new();
    if let Some(now) = Timestamp::new(micros / 1_000_000, nanos) {
        now.write(3, &mut text);
    }
    String::from_utf8(text).unwrap_or_default()
}

fn json_line(world: &World, event: &Event<'_>, mut fields: Fields) -> String {
    let mut line = Map::new();
    line.insert("ts".to_owned(), now(world).into());
    line.insert("level".to_owned(), event.metadata().level().as_str().to_ascii_lowercase().into());
    line.insert("msg".to_owned(), fields.0.shift_remove("message").unwrap_or_default());
    line.insert("target".to_owned(), event.metadata().target().into());
    line.extend(fields.0);
    format!("{}\n", Value::Object(line))
}

impl Lines {
    fn text_line(&self, event: &Event<'_>, mut fields: Fields) -> String {
        let level = event.metadata().level();
        let message = fields.0.shift_remove("message").unwrap_or_default();
        let (on, off) = match (self.color, *level) {
            (false, _) => ("", ""),
            (true, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
            (true, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
            (true, _) => ("\x1b[32m", "\x1b[0m"),
        };
        let mut line = format!("{} {on}{level:>5}{off} {}", now(&self.world), plain(&message));
        for (name, value) in &fields.0 {
            // Writing to a string does not fail.
            let _ = write!(line, " {name}={}", plain(value));
        }
        line.push('\n');
        line
    }
}

/// A value on a terminal: what a sender controls may hold control sequences.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .chars()
            .flat_map(|c| {
                let escaped: Vec<char> = if c.is_control() { c.escape_default().collect() } else { vec![c] };
                escaped
            })
            .collect(),
        other => other.to_string(),
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
