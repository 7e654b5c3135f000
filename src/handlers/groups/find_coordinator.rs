//! FindCoordinator (10): the coordinator of a group, a transactional id or a share group's
//! partition.
//!
//! There is one node, so it is always this one. As in Kafka, looking for a coordinator creates its
//! topic, that of committed offsets or of transactional ids: clients that list internal topics rely
//! on it.
//!
//! v0 groups only · v1 key types · v4 several keys · v6 share groups

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::handlers::throttle::respond;
use crate::protocol::messages::find_coordinator_response::Coordinator;
use crate::protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use crate::storage::checkpoint::id_of;
use crate::wire::response::{CloseReason, Response};

/// Key types: groups, transactional ids, partitions of share groups.
const KEY_TYPES: RangeInclusive<i8> = 0..=2;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// The first version that may look for a share group's partition (KIP-932).
const SHARE_SINCE: i16 = 6;

/// The handler.
pub struct FindCoordinator;

impl ListHandler for FindCoordinator {
    type Request = FindCoordinatorRequest;

    async fn handle(
        cx: &Context<'_>,
        request: FindCoordinatorRequest,
    ) -> Result<Response, CloseReason> {
        let is_known = KEY_TYPES.contains(&request.key_type);
        if cx.version < 4 || !request.coordinator_keys.is_empty() {
            match request.key_type {
                GROUP => cx.broker.prepare_offsets_topic(),
                TRANSACTION => cx.broker.prepare_transaction_topic(),
                _ => {}
            }
        }
        let (host, port) = cx.advertised();
        if cx.version < 4 {
            let is_served = is_known && request.key_type != SHARE;
            return respond(cx, first(cx, is_served));
        }
        let mut list = ResponseList::new::<Self::Request>(cx);
        for key in request.coordinator_keys {
            let is_share = request.key_type == SHARE;
            let is_sound = !is_share || (cx.version >= SHARE_SINCE && is_share_key(&key));
            let refused = |why| {
                Coordinator::default()
                    .with_error_code(Code::InvalidRequest.code())
                    .with_error_message(Some(StrBytes::from_static_str(why)))
                    .with_node_id(-1)
                    .with_port(-1)
            };
            let coordinator = match (is_known, is_sound) {
                (true, true) => Coordinator::default()
                    .with_node_id(cx.node_id())
                    .with_host(host.clone())
                    .with_port(port),
                // Kafka sends the code without a message here.
                (true, false) => refused(""),
                (false, _) => refused(INVALID_REQUEST),
            };
            list.put(&coordinator.with_key(key)).await?;
        }
        // Followed by tagged fields.
        list.into_response(FindCoordinatorResponse::default(), 1).await
    }
}

/// Kafka's message for INVALID_REQUEST.
const INVALID_REQUEST: &str = "This most likely occurs because of a request being malformed by \
    the client library or the message was sent to an incompatible broker. See the broker logs for \
    more details.";

/// Returns the response of the versions that have one key only.
fn first(cx: &Context<'_>, is_served: bool) -> FindCoordinatorResponse {
    // Kafka sends the code's name as message here, and null or nothing in later versions.
    let response = FindCoordinatorResponse::default()
        .with_error_message(Some(StrBytes::from_static_str("NONE")));
    let (host, port) = cx.advertised();
    match is_served {
        true => response.with_node_id(cx.node_id()).with_host(host).with_port(port),
        false => response
            .with_error_code(Code::InvalidRequest.code())
            .with_error_message(Some(StrBytes::from_static_str(INVALID_REQUEST)))
            .with_node_id(-1)
            .with_port(-1),
    }
}

/// Returns whether a key is `group:topic id:partition` (Kafka's `SharePartitionKey.validate`).
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let (partition, topic, group) = (parts.next(), parts.next(), parts.next());
    partition.is_some_and(|text| text.parse::<i32>().is_ok())
        && topic.is_some_and(|text| id_of(text).is_some())
        && group.is_some_and(|group| !group.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_key_is_a_group_a_topic_id_and_a_partition() {
        for key in ["g:AAAAAAAAAAAAAAAAAAAAAQ:0", "a:b:AAAAAAAAAAAAAAAAAAAAAQ:-1"] {
            assert!(is_share_key(key), "{key}");
        }
        let malformed = ["", "x", "g:0", ":AAAAAAAAAAAAAAAAAAAAAQ:0", "g:AAAAAAAAAAAAAAAAAAAAAQ:x"];
        for key in malformed.into_iter().chain(["g:zz:0", "a:b:c:d", "g:AAAAAAAAAAAAAAAAAAAAAQ:"]) {
            assert!(!is_share_key(key), "{key}");
        }
    }
}
