//! What `serve` says when it is ready to be tried.

use std::net::SocketAddr;

use logmill_model::{HourPath, Timestamp};
use logmill_world::World;

use crate::settings::{Destination, Role, Settings};

/// Where the process listens.
pub(crate) struct Addresses {
    /// Web logs, API and the rest.
    pub(crate) main: SocketAddr,
    /// OTLP over HTTP.
    pub(crate) otlp_http: Option<SocketAddr>,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: Option<SocketAddr>,
}

/// Prints the addresses and a command to try, and names listeners that others can reach.
pub(crate) fn print(world: &World, settings: &Settings, addresses: &Addresses) {
    // A message is logged once in a while only, so that each has its own.
    if let Some(address) = addresses.otlp_http {
        tracing::info!(%address, "listening for OTLP over HTTP");
    }
    if let Some(address) = addresses.otlp_grpc {
        tracing::info!(%address, "listening for OTLP over gRPC");
    }
    let address = addresses.main;
    tracing::info!(%address, "listening");
    let all = [Some(address), addresses.otlp_http, addresses.otlp_grpc];
    let open = all.into_iter().flatten().filter(|address| !address.ip().is_loopback());
    let open: Vec<String> = open.map(|address| address.to_string()).collect();
    if !open.is_empty() {
        let addresses = open.join(", ");
        tracing::warn!(addresses, "others can reach these listeners, and they ask for no credentials");
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
