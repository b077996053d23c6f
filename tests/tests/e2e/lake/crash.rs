use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logmill_e2e::{Lake, Sending, Server, Setup};

use crate::samples::number;

/// How often the server is killed.
const KILLS: u32 = 8;
/// Records of each client for each kill.
const RECORDS: u32 = 375;

/// Kills a server again and again while clients send to it, and waits until its log is empty; answers it, and what the clients
/// were told. Everything lies below the folder, the server's data in `data`. `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it
/// longer, and the same again.
pub(super) fn killed(folder: &Path, kills: u32, more: &[String]) -> (Server, Vec<PathBuf>) {
    let (seed, kills) = (number("LOGMILL_TEST_SEED", 1_u64), number("LOGMILL_TEST_KILLS", kills));
    println!("LOGMILL_TEST_SEED={seed} LOGMILL_TEST_KILLS={kills}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let setup = |http: &str, over_http: &str, over_grpc: &str| {
        let setup = Setup::listening(&folder.join("data"), http)
            .set(&format!("otlp.http_listen={over_http}"))
            .set(&format!("otlp.grpc_listen={over_grpc}"))
            .set("lake.flush.interval=200ms");
        more.iter().fold(setup, |setup, setting| setup.set(setting))
    };
    let any = "127.0.0.1:0";
    let mut server = setup(any, any, any).start_ready();
    let (http, grpc) = (server.otlp_http(), server.otlp_grpc());
    let again = setup(&server.address().to_string(), &http.to_string(), &grpc.to_string());
    let records = RECORDS * kills;
    let clients = [("a", "http", http), ("b", "grpc", grpc), ("c", "grpc", grpc)];
    let mut senders: Vec<_> = clients
        .iter()
        .map(|(client, protocol, to)| {
            let options = &["--keys", "--patience", "900"][..];
            Sending { client, protocol, to: *to, records, batch: 25, options }.start(folder)
        })
        .collect();
    for _ in 0..kills {
        let until = Instant::now() + Duration::from_millis(rng.u64(50..2500));
        while Instant::now() < until && senders.iter_mut().any(|sender| sender.is_sending()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        server = again.start();
    }
    let told = senders.into_iter().map(logmill_e2e::Sender::ended).collect();
    let _ = server.drained();
    (server, told)
}

#[test]
fn a_server_killed_under_load_has_each_record_once_in_the_lake() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, told) = killed(folder.path(), KILLS, &[]);
    let lake = Lake::of(&folder.path().join("data"));
    lake.check(&told, "pyiceberg");
    assert_eq!(server.stop(), Some(0));
    lake.check(&told, "duckdb");
}
