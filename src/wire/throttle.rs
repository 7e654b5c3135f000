//! The location of the throttle time in a response. The time is known only after the response has
//! been encoded, because the cost of doing so is part of it.

use bytes::{Buf, Bytes, BytesMut};

use crate::wire::cursor;
use crate::wire::response::{API_VERSIONS, Chunk, Response};
use crate::wire::shapes;

/// Location of `throttle_time_ms` in the body of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThrottleField {
    /// After this many bytes.
    After(usize),
    /// After the list of APIs (ApiVersions).
    AfterApis,
    /// At the end, before the tagged section, which is empty (Produce).
    Last,
}

/// The responses without a throttle time: SASL, transaction markers, the quorum, and APIs that only
/// brokers use.
const WITHOUT: &[i16] = &[17, 27, 36, 55, 83, 84, 85, 86, 87];

/// The first versions with a throttle time, if later than the first version.
const SINCE: &[(i16, i16)] = &[
    (0, 1),
    (1, 1),
    (2, 2),
    (3, 3),
    (8, 3),
    (9, 3),
    (10, 1),
    (11, 2),
    (12, 1),
    (13, 1),
    (14, 1),
    (15, 1),
    (16, 1),
    (18, 1),
    (19, 2),
    (20, 1),
    (23, 2),
];

fn field_of(key: i16, version: i16) -> Option<ThrottleField> {
    let since = SINCE.iter().find(|row| row.0 == key).map_or(0, |row| row.1);
    if version < since || WITHOUT.contains(&key) {
        return None;
    }
    Some(match key {
        0 | 38 | 41 => ThrottleField::Last,
        API_VERSIONS => ThrottleField::AfterApis,
        // It follows an error code and an expiry timestamp.
        47 => ThrottleField::After(2),
        39 | 40 => ThrottleField::After(10),
        _ => ThrottleField::After(0),
    })
}

/// Writes the throttle time, in ms, into a response; one without such a field stays as it is.
pub fn put(reply: &mut Response, key: i16, version: i16, throttle_ms: i32) {
    let (Response::Chunks(chunks), Some(place)) = (reply, field_of(key, version)) else { return };
    let is_flexible = shapes::is_flexible(key, version);
    let head = 8 + usize::from(is_flexible && key != API_VERSIONS);
    let chunk = if place == ThrottleField::Last { chunks.last_mut() } else { chunks.first_mut() };
    let Some(Chunk::Bytes(bytes)) = chunk else { return };
    let at = match place {
        ThrottleField::After(n) => Some(head + n),
        ThrottleField::AfterApis => after_apis(bytes, head + 2, is_flexible),
        ThrottleField::Last => bytes.len().checked_sub(4 + usize::from(is_flexible)),
    };
    let mut changed =
        std::mem::take(bytes).try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    if let Some(field) = at.and_then(|at| changed.get_mut(at..at + 4)) {
        field.copy_from_slice(&throttle_ms.to_be_bytes());
    }
    *bytes = changed.freeze();
}

/// Returns the end of the list of APIs that begins at `at`.
fn after_apis(bytes: &Bytes, at: usize, is_flexible: bool) -> Option<usize> {
    let mut rest = bytes.get(at..)?;
    let len = if is_flexible {
        // Key and version range, and an empty tagged section.
        7 * cursor::varint(&mut rest).ok()?.checked_sub(1)? as usize
    } else {
        6 * u32::from_be_bytes(cursor::array(&mut rest)?) as usize
    };
    Some(bytes.len() - rest.remaining() + len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::response::encode;
    use kafka_protocol::messages::api_versions_response::ApiVersion;
    use kafka_protocol::messages::*;
    use kafka_protocol::protocol::Encodable;

    fn bytes(reply: &Response) -> Vec<u8> {
        let Response::Chunks(chunks) = reply else { return Vec::new() };
        let piece = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.to_vec(),
            Chunk::File(_) | Chunk::Later(_) => Vec::new(),
        };
        chunks.iter().flat_map(piece).collect()
    }

    /// Checks in every version that writing a time into a response has the same result as encoding
    /// the response with that time.
    fn check(key: ApiKey, plain: &impl Encodable, throttled: &impl Encodable) -> usize {
        let request = shapes::find(key as i16).unwrap();
        let mut checked = 0;
        for version in request.min..=request.max {
            let Ok(mut reply) = encode(key as i16, version, 7, plain) else { continue };
            let wanted = encode(key as i16, version, 7, throttled).unwrap();
            put(&mut reply, key as i16, version, 0x0102_0304);
            assert_eq!(bytes(&reply), bytes(&wanted), "{key:?} v{version}");
            checked += 1;
        }
        checked
    }

    macro_rules! check_all {
        ($($api:ident $response:ident),* $(,)?) => {
            [$((ApiKey::$api, check(
                ApiKey::$api,
                &$response::default(),
                &$response::default().with_throttle_time_ms(0x0102_0304),
            ))),*]
        };
    }

    #[test]
    fn the_time_stands_where_the_schemas_say() {
        #[rustfmt::skip]
        let checked = check_all!(
            Produce ProduceResponse, Fetch FetchResponse, ListOffsets ListOffsetsResponse,
            Metadata MetadataResponse, OffsetCommit OffsetCommitResponse,
            OffsetFetch OffsetFetchResponse, FindCoordinator FindCoordinatorResponse,
            JoinGroup JoinGroupResponse, Heartbeat HeartbeatResponse,
            LeaveGroup LeaveGroupResponse, SyncGroup SyncGroupResponse,
            DescribeGroups DescribeGroupsResponse, ListGroups ListGroupsResponse,
            ApiVersions ApiVersionsResponse, CreateTopics CreateTopicsResponse,
            DeleteTopics DeleteTopicsResponse, DeleteRecords DeleteRecordsResponse,
            InitProducerId InitProducerIdResponse,
            OffsetForLeaderEpoch OffsetForLeaderEpochResponse,
            AddPartitionsToTxn AddPartitionsToTxnResponse,
            AddOffsetsToTxn AddOffsetsToTxnResponse, EndTxn EndTxnResponse,
            TxnOffsetCommit TxnOffsetCommitResponse, DescribeAcls DescribeAclsResponse,
            CreateAcls CreateAclsResponse, DeleteAcls DeleteAclsResponse,
            DescribeConfigs DescribeConfigsResponse, AlterConfigs AlterConfigsResponse,
            AlterReplicaLogDirs AlterReplicaLogDirsResponse,
            DescribeLogDirs DescribeLogDirsResponse, CreatePartitions CreatePartitionsResponse,
            CreateDelegationToken CreateDelegationTokenResponse,
            RenewDelegationToken RenewDelegationTokenResponse,
            ExpireDelegationToken ExpireDelegationTokenResponse,
            DescribeDelegationToken DescribeDelegationTokenResponse,
            DeleteGroups DeleteGroupsResponse, ElectLeaders ElectLeadersResponse,
            IncrementalAlterConfigs IncrementalAlterConfigsResponse,
            AlterPartitionReassignments AlterPartitionReassignmentsResponse,
            ListPartitionReassignments ListPartitionReassignmentsResponse,
            OffsetDelete OffsetDeleteResponse,
            DescribeClientQuotas DescribeClientQuotasResponse,
            AlterClientQuotas AlterClientQuotasResponse,
            DescribeUserScramCredentials DescribeUserScramCredentialsResponse,
            AlterUserScramCredentials AlterUserScramCredentialsResponse,
            UpdateFeatures UpdateFeaturesResponse, DescribeCluster DescribeClusterResponse,
            DescribeProducers DescribeProducersResponse,
            UnregisterBroker UnregisterBrokerResponse,
            DescribeTransactions DescribeTransactionsResponse,
            ListTransactions ListTransactionsResponse,
            ConsumerGroupHeartbeat ConsumerGroupHeartbeatResponse,
            ConsumerGroupDescribe ConsumerGroupDescribeResponse,
            GetTelemetrySubscriptions GetTelemetrySubscriptionsResponse,
            PushTelemetry PushTelemetryResponse, ListConfigResources ListConfigResourcesResponse,
            DescribeTopicPartitions DescribeTopicPartitionsResponse,
            ShareGroupHeartbeat ShareGroupHeartbeatResponse,
            ShareGroupDescribe ShareGroupDescribeResponse, ShareFetch ShareFetchResponse,
            ShareAcknowledge ShareAcknowledgeResponse, AddRaftVoter AddRaftVoterResponse,
            RemoveRaftVoter RemoveRaftVoterResponse,
            DescribeShareGroupOffsets DescribeShareGroupOffsetsResponse,
            AlterShareGroupOffsets AlterShareGroupOffsetsResponse,
            DeleteShareGroupOffsets DeleteShareGroupOffsetsResponse,
        );
        assert!(checked.iter().all(|(_, versions)| *versions > 0), "{checked:?}");
        // All other APIs have none.
        for request in &shapes::REQUESTS {
            let is_checked = checked.iter().any(|(key, _)| *key as i16 == request.key);
            assert_ne!(is_checked, WITHOUT.contains(&request.key), "{}", request.key);
        }
    }

    #[test]
    fn the_list_of_apis_may_have_any_length() {
        for count in [1, 63, 64, 126, 127, 200] {
            let with =
                ApiVersionsResponse::default().with_api_keys(vec![ApiVersion::default(); count]);
            check(ApiKey::ApiVersions, &with.clone(), &with.with_throttle_time_ms(0x0102_0304));
        }
    }
}
