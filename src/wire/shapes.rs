//! The table of request schemas, by API key.
//!
//! It has all APIs of a client-facing listener that the decoder knows, whether served or not; which
//! ones are served is defined elsewhere. CreateTopics 0 and 1 and DeleteTopics 0, which
//! `wire/legacy.rs` decodes, are included.

use crate::wire::field::RequestSchema;

/// Administrative requests.
pub mod admin;
/// Requests about records.
pub mod data;
/// Requests of consumer groups.
pub mod groups;
/// Requests about security and quotas.
pub mod security;
/// Requests of share groups.
pub mod share;

/// Every known request, in the order of the API keys.
pub static REQUESTS: [RequestSchema; 75] = [
    data::PRODUCE,
    data::FETCH,
    data::LIST_OFFSETS,
    data::METADATA,
    groups::OFFSET_COMMIT,
    groups::OFFSET_FETCH,
    groups::FIND_COORDINATOR,
    groups::JOIN_GROUP,
    groups::HEARTBEAT,
    groups::LEAVE_GROUP,
    groups::SYNC_GROUP,
    groups::DESCRIBE_GROUPS,
    groups::LIST_GROUPS,
    security::SASL_HANDSHAKE,
    admin::API_VERSIONS,
    admin::CREATE_TOPICS,
    admin::DELETE_TOPICS,
    data::DELETE_RECORDS,
    data::INIT_PRODUCER_ID,
    data::OFFSET_FOR_LEADER_EPOCH,
    data::ADD_PARTITIONS_TO_TXN,
    data::ADD_OFFSETS_TO_TXN,
    data::END_TXN,
    data::WRITE_TXN_MARKERS,
    data::TXN_OFFSET_COMMIT,
    security::DESCRIBE_ACLS,
    security::CREATE_ACLS,
    security::DELETE_ACLS,
    admin::DESCRIBE_CONFIGS,
    admin::ALTER_CONFIGS,
    admin::ALTER_REPLICA_LOG_DIRS,
    admin::DESCRIBE_LOG_DIRS,
    security::SASL_AUTHENTICATE,
    admin::CREATE_PARTITIONS,
    security::CREATE_DELEGATION_TOKEN,
    security::RENEW_DELEGATION_TOKEN,
    security::EXPIRE_DELEGATION_TOKEN,
    security::DESCRIBE_DELEGATION_TOKEN,
    groups::DELETE_GROUPS,
    admin::ELECT_LEADERS,
    admin::INCREMENTAL_ALTER_CONFIGS,
    admin::ALTER_PARTITION_REASSIGNMENTS,
    admin::LIST_PARTITION_REASSIGNMENTS,
    groups::OFFSET_DELETE,
    security::DESCRIBE_CLIENT_QUOTAS,
    security::ALTER_CLIENT_QUOTAS,
    security::DESCRIBE_USER_SCRAM_CREDENTIALS,
    security::ALTER_USER_SCRAM_CREDENTIALS,
    admin::DESCRIBE_QUORUM,
    admin::UPDATE_FEATURES,
    admin::DESCRIBE_CLUSTER,
    data::DESCRIBE_PRODUCERS,
    admin::UNREGISTER_BROKER,
    data::DESCRIBE_TRANSACTIONS,
    data::LIST_TRANSACTIONS,
    groups::CONSUMER_GROUP_HEARTBEAT,
    groups::CONSUMER_GROUP_DESCRIBE,
    admin::GET_TELEMETRY_SUBSCRIPTIONS,
    admin::PUSH_TELEMETRY,
    admin::LIST_CONFIG_RESOURCES,
    data::DESCRIBE_TOPIC_PARTITIONS,
    share::SHARE_GROUP_HEARTBEAT,
    share::SHARE_GROUP_DESCRIBE,
    share::SHARE_FETCH,
    share::SHARE_ACKNOWLEDGE,
    admin::ADD_RAFT_VOTER,
    admin::REMOVE_RAFT_VOTER,
    share::INITIALIZE_SHARE_GROUP_STATE,
    share::READ_SHARE_GROUP_STATE,
    share::WRITE_SHARE_GROUP_STATE,
    share::DELETE_SHARE_GROUP_STATE,
    share::READ_SHARE_GROUP_STATE_SUMMARY,
    share::DESCRIBE_SHARE_GROUP_OFFSETS,
    share::ALTER_SHARE_GROUP_OFFSETS,
    share::DELETE_SHARE_GROUP_OFFSETS,
];

/// One past the highest API key.
const KEYS: usize = 93;

/// Index in [`REQUESTS`] of each key.
static PLACES: [Option<u8>; KEYS] = {
    let mut places = [None; KEYS];
    let mut i = 0;
    while i < REQUESTS.len() {
        places[REQUESTS[i].key as usize] = Some(i as u8);
        i += 1;
    }
    places
};

/// Returns the schema of an API key.
pub fn find(key: i16) -> Option<&'static RequestSchema> {
    let place = PLACES.get(usize::try_from(key).ok()?).copied().flatten()?;
    REQUESTS.get(usize::from(place))
}

/// Returns true if this version of the API is flexible: its request header has tags, and so has its
/// response header, except that of ApiVersions (KIP-511).
pub fn is_flexible(key: i16, version: i16) -> bool {
    find(key).is_some_and(|request| request.is_flexible(version))
}
