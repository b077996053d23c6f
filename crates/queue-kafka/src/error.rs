//! librdkafka's errors as the contract's.

use logmill_queue::{Class, CommitError, Lease, QueueError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::Health;

/// librdkafka's code, for the calls of the administration too; `Unknown` where there is none.
pub(crate) fn code(error: &KafkaError) -> RDKafkaErrorCode {
    match error {
        KafkaError::AdminOp(code) => *code,
        other => other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown),
    }
}

/// A call failed that may succeed later. Says what a broker complained of, if librdkafka knows only that time went by.
pub(crate) fn unavailable(context: &str, error: KafkaError, health: &Health) -> QueueError {
    let class = match code(&error) {
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord => Class::Invalid,
        _ => Class::Unavailable,
    };
    match health.complaint() {
        Some(complaint) => QueueError::caused(class, format!("{context} ({complaint})"), error),
        None => QueueError::caused(class, context, error),
    }
}

/// What became of a commit that the broker or librdkafka refused.
pub(crate) fn commit_error(code: RDKafkaErrorCode, lease: &Lease) -> CommitError {
    let error = |class| QueueError::caused(class, "the position was not committed", code);
    match code {
        _ if !lease.is_held() => CommitError::Fenced,
        RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::FencedInstanceId => CommitError::Fenced,
        // The group is being rebalanced; the partition is still ours.
        RDKafkaErrorCode::IllegalGeneration | RDKafkaErrorCode::RebalanceInProgress => {
            CommitError::Unavailable(error(Class::Unavailable))
        }
        RDKafkaErrorCode::OffsetMetadataTooLarge => CommitError::Unavailable(error(Class::Bug)),
        _ => CommitError::Unknown(error(Class::Unavailable)),
    }
}
