//! The broker ends under load and comes back.

use std::time::Duration;

use logmill_testkit::services::kafka::{self, Kafka};

use super::{Load, drained, setup};

const AWAY: Duration = Duration::from_secs(15);

#[test]
fn a_broker_killed_for_a_while_under_load_costs_no_record() {
    let mut load = Load::new(fastrand::u64(..));
    let kafka = Kafka::start(1, kafka::QUICK);
    let setup = setup(&load.data(), &kafka.brokers(), "broker");
    let mut server = setup.start_ready();
    let acks = load.acks.clone();
    let told = load.during(&mut server, |server| {
        super::acknowledged(&acks, 200);
        kafka.kill(1);
        std::thread::sleep(AWAY);
        assert!(server.is_running());
        let ready = server.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text());
        kafka.restart(1);
        super::acknowledged(&acks, 200);
        ready.text()
    });
    // What was answered with "unknown" may be stored while the process ends; the next one reads it.
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let mut server = setup.start_ready();
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0));
    load.is_good(&ledger);
    assert!(told.contains(&kafka.brokers()), "the broker is not named: {told}");
}
