//! What every `Queue` must do, whatever it is made of.
//!
//! A case is an async function over a [`Harness`]. [`queue_conformance!`](crate::queue_conformance) makes one
//! test of each, so that a new implementation inherits all of them by writing a harness.

pub mod append;
pub mod cancel;
pub mod keys;
pub mod ownership;
pub mod positions;
pub mod relay;
pub mod retention;
pub mod scan;
mod support;
pub mod visible;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use logmill_queue::{BoxFuture, Queue};
use logmill_world::Micros;

/// What the queue under test can do beyond the contract's core. A case that needs more than there is passes.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Partitions of a new topic, at least 2.
    pub partitions: u16,
    /// How long an idempotency key is remembered.
    pub horizon: Duration,
    /// Bytes after which storage goes over to another segment.
    pub segment_bytes: u64,
    /// How long a member that was told `Revoking` keeps what it does not release.
    pub handover: Duration,
    /// A new member takes all partitions; otherwise the members share them.
    pub newest_takes_all: bool,
    /// What an answer of the queue may take: after it, what has not come will not come.
    pub latency: Duration,
    /// What makes consumed segments go; none if the queue removes nothing by itself.
    pub retention: Option<Retention>,
}

/// When consumed segments go.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// There are more bytes than this.
    pub bytes: u64,
    /// They are older than this.
    pub age: Duration,
    /// Looked at so often.
    pub every: Duration,
}

/// A queue on some storage, in a world whose clock can be moved.
pub trait Harness: Send {
    /// Opens the queue on the harness's storage; again: after an orderly end, or after a crash.
    /// All handles of the opening before have been dropped.
    fn open(&mut self) -> BoxFuture<'_, Arc<dyn Queue>>;

    /// The process or the machine dies. Handles that still live are of no use afterwards and must be dropped.
    fn crash(&mut self) -> BoxFuture<'_, ()>;

    /// Moves all clocks of the world.
    fn advance(&self, by: Duration) -> BoxFuture<'_, ()>;

    /// The wall clock.
    fn now(&self) -> Micros;

    /// What the queue can do.
    fn abilities(&self) -> Abilities;
}

/// A case of the suite.
pub type Case = for<'a> fn(&'a mut dyn Harness) -> LocalBoxFuture<'a, ()>;

/// One `#[test]` for each case; `$run` is the path of a function that takes a [`Case`](crate::queue::Case).
#[macro_export]
macro_rules! queue_conformance {
    ($run:path) => {
        $crate::queue_conformance!(@theme $run, append: order_and_offsets_in_each_partition,
            what_was_answered_survives_a_crash, routes_by_hash_and_by_number, all_fields_come_back,
            the_empty_and_the_largest_payload_come_back, one_byte_too_large_is_refused,
            a_header_over_its_limits_is_refused, topics_do_not_mix);
        $crate::queue_conformance!(@theme $run, visible: a_reader_waits_at_the_end_and_is_woken,
            what_a_reader_saw_survives_a_crash, reading_follows_appends_over_segments,
            each_reader_of_a_topic_sees_only_its_partition);
        $crate::queue_conformance!(@theme $run, cancel: a_dropped_append_withdraws_nothing,
            a_dropped_append_settles_its_key, a_dropped_next_of_a_reader_loses_nothing,
            a_dropped_next_of_a_subscription_loses_nothing, a_dropped_commit_is_whole_or_absent);
        $crate::queue_conformance!(@theme $run, ownership: a_second_member_takes_over_what_is_released,
            what_is_not_released_is_lost, close_waits_for_the_readers, close_takes_what_is_not_released,
            a_dropped_subscription_gives_everything_back, partitions_are_assigned_again,
            a_third_member_does_not_overtake_the_first, a_member_that_left_while_waiting_leaves_no_gap,
            a_commit_under_way_is_seen_by_the_next_owner);
        $crate::queue_conformance!(@theme $run, positions: notes_reach_the_next_owner_and_a_restart,
            the_longest_note_comes_back, starts_at_oldest_end_and_inside, starts_outside_are_named, a_restart_is_no_other_log,
            a_crash_delivers_again_from_the_position, groups_are_independent, the_same_commit_twice_is_harmless);
        $crate::queue_conformance!(@theme $run, relay: outputs_and_position_appear_together,
            a_fenced_relay_stores_nothing, a_refused_relay_stores_nothing, a_relay_of_nothing_is_a_commit);
        $crate::queue_conformance!(@theme $run, keys: the_same_body_is_a_duplicate, another_body_is_a_conflict,
            keys_survive_restart_and_crash, keys_survive_segments, keys_end_behind_the_horizon,
            fifty_at_once_store_one, a_refused_append_leaves_its_key_free);
        $crate::queue_conformance!(@theme $run, retention: consumed_segments_go_by_size,
            consumed_segments_go_by_age, a_position_holds_what_follows_it,
            a_subscribed_group_holds_everything, the_slowest_group_decides);
        $crate::queue_conformance!(@theme $run, scan: a_scan_ends_where_the_log_ended,
            a_scan_begins_where_it_is_told, a_scan_crosses_segments, depth_counts_frames_and_records,
            depth_survives_restart, partitions_are_named);
    };
    (@theme $run:path, $theme:ident: $($case:ident),* $(,)?) => {
        mod $theme {
            $(
                #[test]
                fn $case() {
                    $run(|harness| Box::pin($crate::queue::$theme::$case(harness)));
                }
            )*
        }
    };
}
