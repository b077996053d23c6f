//! What `serve` says when it is ready to be tried.

use std::net::SocketAddr;

use logmill_model::{HourPath, Timestamp};
use logmill_world::World;

use crate::settings::{Destination, Role, Settings};

/// Prints the address and a command to try, and names a listener that others can reach.
pub(crate) fn print(world: &World, settings: &Settings, address: SocketAddr) {
    tracing::info!(%address, "listening");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "others can reach this listener, and it asks for no credentials");
    }
    if !settings.roles.has(Role::Ingest) {
        return;
    }
    let seconds = world.clock().wall().max(0).cast_unsigned() / 1_000_000;
    let Some(now) = Timestamp::new(seconds, 0) else { return };
    let mut time = Vec::new();
    now.write(0, &mut time);
    let time = String::from_utf8(time).unwrap_or_default();
    let host = if address.ip().is_unspecified() {
        format!("127.0.0.1:{}", address.port())
    } else {
        address.to_string()
    };
    eprintln!(
        "\nTry it:\n  curl -sS http://{host}/logs -H 'content-type: application/json' \
         -d '[{{\"timestamp\":\"{time}\",\"method\":\"GET\",\"path\":\"/hello\",\"userAgent\":\"curl\"}}]'"
    );
    let writes = settings.files.enabled && settings.roles.has(Role::Files);
    let Some(hour) = HourPath::new(now.hour()).filter(|_| writes) else { return };
    match &settings.files.dir {
        Destination::Folder(folder) => {
            let file = folder.join("logs").join(hour.date()).join(format!("{}.log.json", hour.hour()));
            eprintln!("The record is in {} within a second.\n", file.display());
        }
        Destination::Store(url) => {
            let (url, seconds) = (url.trim_end_matches('/'), settings.files.object_interval.as_secs());
            eprintln!(
                "The record is below {url}/logs/{}/{}/ within {seconds} s.\n",
                hour.date(),
                hour.hour()
            );
        }
    }
}
