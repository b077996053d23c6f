//! What the binding does not cover: the id of a topic, and a commit whose answer comes as an event. This is the room's
//! only unsafe code.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr::null_mut;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};
use rdkafka_sys as sys;

/// Sends positions to the coordinator. The answer comes to the context's `commit_callback` in a later poll of the consumer;
/// the binding's own asynchronous commit has none (librdkafka answers a callback of the configuration that it never sets).
pub(crate) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    positions: &TopicPartitionList,
) -> KafkaResult<()> {
    let rk = consumer.client().native_ptr();
    // SAFETY: `rk` lives as long as `consumer`, the list as long as `positions`; librdkafka copies it. The handle on the
    // consumer's queue is our own and destroyed here; the queue itself stays with the consumer.
    let code = unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(rk);
        let code = sys::rd_kafka_commit_queue(rk, positions.ptr(), queue, None, null_mut());
        sys::rd_kafka_queue_destroy(queue);
        code
    };
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        Ok(())
    } else {
        Err(KafkaError::ConsumerCommit(code.into()))
    }
}

/// A topic as the brokers describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// Another one after the topic was deleted and created again; 0 from brokers that know no ids.
    pub id: [u8; 16],
    pub partitions: usize,
}

/// Asks the brokers for a topic; waits for `within`. `UnknownTopicOrPartition` if there is none of this name.
pub(crate) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    within: Duration,
) -> KafkaResult<Described> {
    let name = CString::new(topic)?;
    let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    let rk = client.native_ptr();
    let mut names = [name.as_ptr()];
    // SAFETY: `rk` lives as long as `client`, which outlives this block. Everything that is made here is destroyed
    // here, in the reverse order, by the function that librdkafka names for it. `names` holds one pointer to a
    // C string that outlives the call, as the count says. The event owns the result that is read from it, and is
    // destroyed after the last read. No pointer leaves the block.
    unsafe {
        let queue = sys::rd_kafka_queue_new(rk);
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = sys::rd_kafka_AdminOptions_new(rk, operation);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, millis, null_mut(), 0);
        sys::rd_kafka_DescribeTopics(rk, topics, options, queue);
        // The event comes at the latest when the request's time is over.
        let event = sys::rd_kafka_queue_poll(queue, millis.saturating_add(1000));
        let described = read(event);
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_TopicCollection_destroy(topics);
        sys::rd_kafka_queue_destroy(queue);
        described
    }
}

/// # Safety
/// `event` is null or an event that lives until this returns.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> KafkaResult<Described> {
    if event.is_null() {
        return Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut));
    }
    // SAFETY: the event lives, by the caller's word. A null result or description is not followed; the array has as
    // many entries as librdkafka says.
    unsafe {
        let code = sys::rd_kafka_event_error(event);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::AdminOp(code.into()));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = if result.is_null() {
            null_mut()
        } else {
            sys::rd_kafka_DescribeTopics_result_topics(result, &mut count)
        };
        if topics.is_null() || count == 0 {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::BadMessage));
        }
        let topic = *topics;
        let code = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::AdminOp(code.into()));
        }
        let uuid = sys::rd_kafka_TopicDescription_topic_id(topic);
        let high = sys::rd_kafka_Uuid_most_significant_bits(uuid).to_be_bytes();
        let low = sys::rd_kafka_Uuid_least_significant_bits(uuid).to_be_bytes();
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
        let mut id = [0; 16];
        id.iter_mut().zip(high.into_iter().chain(low)).for_each(|(to, from)| *to = from);
        Ok(Described { id, partitions })
    }
}
