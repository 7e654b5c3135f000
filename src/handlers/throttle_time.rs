//! The throttle time of each response. A version without such a field does not encode it.

use kafka_protocol::messages::*;

use crate::wire::fetch::FetchedResponse;

/// A response that can say how long its client is throttled.
pub trait ThrottleTime {
    /// Sets the throttle time, in ms.
    fn set_throttle_time(&mut self, throttle_ms: i32);
}

macro_rules! throttle_times {
    ($($response:ident),* $(,)?) => {
        $(impl ThrottleTime for $response {
            fn set_throttle_time(&mut self, throttle_ms: i32) {
                self.throttle_time_ms = throttle_ms;
            }
        })*
    };
}

throttle_times!(
    AlterClientQuotasResponse,
    AlterConfigsResponse,
    AlterPartitionReassignmentsResponse,
    AlterReplicaLogDirsResponse,
    ApiVersionsResponse,
    CreateAclsResponse,
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteAclsResponse,
    DeleteGroupsResponse,
    DeleteRecordsResponse,
    DeleteTopicsResponse,
    DescribeAclsResponse,
    DescribeClientQuotasResponse,
    DescribeClusterResponse,
    DescribeConfigsResponse,
    DescribeGroupsResponse,
    DescribeLogDirsResponse,
    DescribeTopicPartitionsResponse,
    ElectLeadersResponse,
    FetchedResponse,
    FindCoordinatorResponse,
    HeartbeatResponse,
    IncrementalAlterConfigsResponse,
    InitProducerIdResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    ListConfigResourcesResponse,
    ListGroupsResponse,
    ListOffsetsResponse,
    ListPartitionReassignmentsResponse,
    MetadataResponse,
    OffsetCommitResponse,
    OffsetDeleteResponse,
    OffsetFetchResponse,
    OffsetForLeaderEpochResponse,
    ProduceResponse,
    SyncGroupResponse,
    UpdateFeaturesResponse,
);

impl ThrottleTime for DescribeQuorumResponse {
    /// Does nothing: no version has a throttle time.
    fn set_throttle_time(&mut self, _: i32) {}
}
