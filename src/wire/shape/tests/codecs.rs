//! The crate's decoders and encoders, one row per request in the table.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, Message, VersionRange};

/// The crate's codec for one request.
pub struct Codec {
    /// The name of its type.
    pub name: &'static str,
    /// The versions that it decodes.
    pub versions: VersionRange,
    /// Encodes a request with default values.
    pub default: fn(i16) -> Result<Vec<u8>, String>,
    /// Decodes and encodes again.
    pub recode: fn(Bytes, i16) -> Result<Vec<u8>, String>,
}

fn encoded<T: Encodable>(message: &T, version: i16) -> Result<Vec<u8>, String> {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).map_err(|e| format!("encode: {e}"))?;
    Ok(out.to_vec())
}

fn recode<T: Decodable + Encodable>(mut body: Bytes, version: i16) -> Result<Vec<u8>, String> {
    let message = T::decode(&mut body, version).map_err(|e| format!("decode: {e}"))?;
    encoded(&message, version)
}

macro_rules! codecs {
    ($($request:ident)*) => {
        &[$(Codec {
            name: stringify!($request),
            versions: <$request as Message>::VERSIONS,
            default: |version| encoded(&$request::default(), version),
            recode: recode::<$request>,
        }),*]
    };
}

/// In the order of [`REQUESTS`].
#[rustfmt::skip]
pub static CODECS: &[Codec] = codecs! {
    ProduceRequest FetchRequest ListOffsetsRequest MetadataRequest OffsetCommitRequest
    OffsetFetchRequest FindCoordinatorRequest JoinGroupRequest HeartbeatRequest LeaveGroupRequest
    SyncGroupRequest DescribeGroupsRequest ListGroupsRequest SaslHandshakeRequest ApiVersionsRequest
    CreateTopicsRequest DeleteTopicsRequest DeleteRecordsRequest InitProducerIdRequest
    OffsetForLeaderEpochRequest AddPartitionsToTxnRequest AddOffsetsToTxnRequest EndTxnRequest
    WriteTxnMarkersRequest TxnOffsetCommitRequest DescribeAclsRequest CreateAclsRequest
    DeleteAclsRequest DescribeConfigsRequest AlterConfigsRequest AlterReplicaLogDirsRequest
    DescribeLogDirsRequest SaslAuthenticateRequest CreatePartitionsRequest
    CreateDelegationTokenRequest RenewDelegationTokenRequest ExpireDelegationTokenRequest
    DescribeDelegationTokenRequest DeleteGroupsRequest ElectLeadersRequest
    IncrementalAlterConfigsRequest AlterPartitionReassignmentsRequest
    ListPartitionReassignmentsRequest OffsetDeleteRequest DescribeClientQuotasRequest
    AlterClientQuotasRequest DescribeUserScramCredentialsRequest AlterUserScramCredentialsRequest
    DescribeQuorumRequest UpdateFeaturesRequest DescribeClusterRequest DescribeProducersRequest
    UnregisterBrokerRequest DescribeTransactionsRequest ListTransactionsRequest
    ConsumerGroupHeartbeatRequest ConsumerGroupDescribeRequest GetTelemetrySubscriptionsRequest
    PushTelemetryRequest ListConfigResourcesRequest DescribeTopicPartitionsRequest
    ShareGroupHeartbeatRequest ShareGroupDescribeRequest ShareFetchRequest ShareAcknowledgeRequest
    AddRaftVoterRequest RemoveRaftVoterRequest InitializeShareGroupStateRequest
    ReadShareGroupStateRequest WriteShareGroupStateRequest DeleteShareGroupStateRequest
    ReadShareGroupStateSummaryRequest DescribeShareGroupOffsetsRequest AlterShareGroupOffsetsRequest
    DeleteShareGroupOffsetsRequest
};
