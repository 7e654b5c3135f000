//! What a broker answers, as text in which only what may differ is masked.
//!
//! An answer is decoded and written as `Debug` does: null and the empty string are kept apart, lists
//! stay in their order, and tagged fields that are not known are shown. That nothing else is in the
//! bytes, encoding it again shows.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{
    AlterClientQuotasResponse, AlterConfigsResponse, AlterPartitionReassignmentsResponse,
    AlterReplicaLogDirsResponse, ApiKey, ApiVersionsResponse, CreateAclsResponse,
    CreatePartitionsResponse, CreateTopicsResponse, DeleteAclsResponse, DeleteGroupsResponse,
    DeleteRecordsResponse, DeleteTopicsResponse, DescribeAclsResponse,
    DescribeClientQuotasResponse, DescribeClusterResponse, DescribeConfigsResponse,
    DescribeGroupsResponse, DescribeLogDirsResponse, DescribeQuorumResponse,
    DescribeTopicPartitionsResponse, ElectLeadersResponse, FetchResponse, FindCoordinatorResponse,
    HeartbeatResponse, IncrementalAlterConfigsResponse, InitProducerIdResponse, JoinGroupResponse,
    LeaveGroupResponse, ListConfigResourcesResponse, ListGroupsResponse, ListOffsetsResponse,
    ListPartitionReassignmentsResponse, MetadataResponse, OffsetCommitResponse,
    OffsetDeleteResponse, OffsetFetchResponse, OffsetForLeaderEpochResponse, ProduceResponse,
    ResponseHeader, SyncGroupResponse, UpdateFeaturesResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable};

use super::masks::Masked;

/// An answer in text, with what it was decoded from.
fn as_text<R: Decodable + Encodable + Masked + std::fmt::Debug>(
    mut body: Bytes,
    version: i16,
) -> String {
    let all = body.clone();
    let mut response = match R::decode(&mut body, version) {
        Ok(response) => response,
        Err(error) => return format!("cannot be decoded: {error}: {all:?}"),
    };
    let mut again = BytesMut::new();
    let note = match response.encode(&mut again, version) {
        Ok(()) if again == all && !body.has_remaining() => String::new(),
        Ok(()) => format!("other bytes: {all:?}\ninstead of:  {:?}\n", again.freeze()),
        Err(error) => format!("cannot be encoded: {error}\n"),
    };
    response.mask();
    let lines = format!("{response:#?}");
    // That there is nothing more need not be said everywhere.
    let lines = lines.lines().filter(|line| !line.ends_with("unknown_tagged_fields: {},"));
    note + &lines.collect::<Vec<_>>().join("\n")
}

macro_rules! decoders {
    ($($key:ident => $response:ident,)*) => {
        fn decoded(key: ApiKey, version: i16, body: Bytes) -> String {
            match key {
                $(ApiKey::$key => as_text::<$response>(body, version),)*
                other => panic!("{other:?} is served and has no decoder here"),
            }
        }
    };
}

decoders! {
    Produce => ProduceResponse,
    Fetch => FetchResponse,
    ListOffsets => ListOffsetsResponse,
    Metadata => MetadataResponse,
    OffsetCommit => OffsetCommitResponse,
    OffsetFetch => OffsetFetchResponse,
    FindCoordinator => FindCoordinatorResponse,
    JoinGroup => JoinGroupResponse,
    Heartbeat => HeartbeatResponse,
    LeaveGroup => LeaveGroupResponse,
    SyncGroup => SyncGroupResponse,
    DescribeGroups => DescribeGroupsResponse,
    ListGroups => ListGroupsResponse,
    ApiVersions => ApiVersionsResponse,
    CreateTopics => CreateTopicsResponse,
    DeleteTopics => DeleteTopicsResponse,
    DeleteRecords => DeleteRecordsResponse,
    InitProducerId => InitProducerIdResponse,
    OffsetForLeaderEpoch => OffsetForLeaderEpochResponse,
    DescribeAcls => DescribeAclsResponse,
    CreateAcls => CreateAclsResponse,
    DeleteAcls => DeleteAclsResponse,
    DescribeConfigs => DescribeConfigsResponse,
    AlterConfigs => AlterConfigsResponse,
    AlterReplicaLogDirs => AlterReplicaLogDirsResponse,
    DescribeLogDirs => DescribeLogDirsResponse,
    CreatePartitions => CreatePartitionsResponse,
    DeleteGroups => DeleteGroupsResponse,
    ElectLeaders => ElectLeadersResponse,
    IncrementalAlterConfigs => IncrementalAlterConfigsResponse,
    AlterPartitionReassignments => AlterPartitionReassignmentsResponse,
    ListPartitionReassignments => ListPartitionReassignmentsResponse,
    OffsetDelete => OffsetDeleteResponse,
    DescribeClientQuotas => DescribeClientQuotasResponse,
    AlterClientQuotas => AlterClientQuotasResponse,
    DescribeQuorum => DescribeQuorumResponse,
    UpdateFeatures => UpdateFeaturesResponse,
    DescribeCluster => DescribeClusterResponse,
    ListConfigResources => ListConfigResourcesResponse,
    DescribeTopicPartitions => DescribeTopicPartitionsResponse,
}

/// A frame, without its length, in text. `names` are put in the place of what is different on each
/// broker.
pub fn text(key: i16, version: i16, mut frame: Bytes, names: &[(String, String)]) -> String {
    let key = ApiKey::try_from(key).unwrap();
    ResponseHeader::decode(&mut frame, key.response_header_version(version)).unwrap();
    let mut text = decoded(key, version, frame);
    for (own, name) in names {
        text = text.replace(own, name);
    }
    without_ids(&text)
}

/// Every id that has no name is as good as another, but for the nil one and those of the tests.
fn without_ids(text: &str) -> String {
    const FORM: &str = "00000000-0000-0000-0000-000000000000";
    let is_id = |piece: &str| {
        piece.len() == FORM.len()
            && piece.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
                b'-' => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..FORM.len()) {
            Some(piece) if is_id(piece) => {
                let known = piece.starts_with("00000000-0000-0000-0000-0000");
                out.push_str(if known { piece } else { "(an id)" });
                rest = &rest[FORM.len()..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}
