use std::time::{Duration, Instant};

use logmill_e2e::{Lake, Sending, Setup};

use crate::samples::number;

/// How often the server is killed.
const KILLS: u32 = 8;
/// Records of each client.
const RECORDS: u32 = 3000;

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn a_server_killed_under_load_has_each_record_once_in_the_lake() {
    let (seed, kills) = (number("LOGMILL_TEST_SEED", 1_u64), number("LOGMILL_TEST_KILLS", KILLS));
    println!("LOGMILL_TEST_SEED={seed} LOGMILL_TEST_KILLS={kills}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let setup = |http: &str, over_http: &str, over_grpc: &str| {
        Setup::listening(&dir, http)
            .set(&format!("otlp.http_listen={over_http}"))
            .set(&format!("otlp.grpc_listen={over_grpc}"))
            .set("lake.flush.interval=200ms")
    };
    let any = "127.0.0.1:0";
    let mut server = setup(any, any, any).start_ready();
    let (http, grpc) = (server.otlp_http(), server.otlp_grpc());
    let again = setup(&server.address().to_string(), &http.to_string(), &grpc.to_string());
    let records = RECORDS.max(kills * RECORDS / KILLS);
    let clients = [("a", "http", http), ("b", "grpc", grpc), ("c", "grpc", grpc)];
    let mut senders: Vec<_> = clients
        .iter()
        .map(|(client, protocol, to)| {
            let options = &["--keys", "--patience", "900"][..];
            Sending { client, protocol, to: *to, records, batch: 25, options }.start(folder.path())
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
    let told: Vec<_> = senders.into_iter().map(logmill_e2e::Sender::ended).collect();
    let _ = server.drained();
    Lake::of(&dir).check(&told, "pyiceberg");
    assert_eq!(server.stop(), Some(0));
    Lake::of(&dir).check(&told, "duckdb");
}
