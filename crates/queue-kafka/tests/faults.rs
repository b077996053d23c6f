//! Seeded faults on three real brokers, at the level of the `Queue` trait: what was answered must hold afterwards.
//!
//! `LOGMILL_TEST_SEED` chooses the schedule (1 unless set), `LOGMILL_TEST_ROUNDS` its length. All choices are drawn from the
//! seed before or apart from what happens, so that a seed names the same schedule on every machine; how far the work has
//! come when a broker goes is a matter of time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // The outside, in a test.

#[path = "faults/brokers.rs"]
mod brokers;
#[path = "faults/cluster.rs"]
mod cluster;
#[path = "faults/commits.rs"]
mod commits;
#[path = "faults/crew.rs"]
mod crew;
#[path = "faults/frames.rs"]
mod frames;
#[path = "faults/keyed.rs"]
mod keyed;
#[path = "faults/ledger.rs"]
mod ledger;
#[path = "faults/member.rs"]
mod member;
#[path = "faults/relay.rs"]
mod relay;
#[path = "faults/relayed.rs"]
mod relayed;
#[path = "faults/run.rs"]
mod run;
#[path = "faults/sent.rs"]
mod sent;

#[test]
fn what_an_append_answered_holds_while_brokers_come_and_go() {
    cluster::with("brokers", brokers::run);
}

#[test]
fn each_frame_is_relayed_once_whoever_dies() {
    cluster::with("relay", relay::run);
}

#[test]
fn each_key_counts_once_whichever_door_it_comes_to() {
    cluster::with("keyed", keyed::run);
}

#[test]
fn a_position_never_goes_back_by_a_former_owner() {
    cluster::with("commits", commits::run);
}
