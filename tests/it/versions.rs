//! Every API in every version, and what ApiVersions says of them.

use bytes::Buf;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Decodable;
use ottla::handlers::table::APIS;

use crate::client::{framed, text};
use crate::harness::Ottla;
use crate::requests::{Subject, valid};

#[tokio::test]
async fn every_version_of_every_api_is_answered_with_what_its_schema_says() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for api in APIS {
        for version in api.versions.clone() {
            // Legacy forms are in `wire/legacy/tests.rs`, where there is a decoder for them.
            if (api.key == 19 && version < 2) || (api.key == 20 && version < 1) {
                continue;
            }
            let name = format!("t-{}-{version}", api.key);
            let subject = Subject { topic_id: client.create(&name, 2, &[]).await, topic: name };
            let request = valid(api.key, version, &subject).unwrap().bytes;
            client
                .send_bytes(&[&(request.len() as i32).to_be_bytes(), &request[..]].concat())
                .await;
            let mut frame = client.frame().await.expect("an answer");
            let key = ApiKey::try_from(api.key).unwrap();
            let header = ResponseHeader::decode(&mut frame, key.response_header_version(version));
            assert_eq!(header.unwrap().correlation_id, 7, "{} v{version}", api.name);
            decode(key, &mut frame, version);
            assert!(!frame.has_remaining(), "{} v{version}: bytes follow the answer", api.name);
        }
    }
}

fn named() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("it"))
        .with_client_software_version(text("1"))
}

/// Decode the answer of one of the APIs that are served, or fail.
fn decode(key: ApiKey, frame: &mut bytes::Bytes, version: i16) {
    fn whole<R: Decodable>(frame: &mut bytes::Bytes, version: i16) {
        if let Err(error) = R::decode(frame, version) {
            panic!("{} v{version}: {error}", std::any::type_name::<R>());
        }
    }
    match key {
        ApiKey::Produce => whole::<ProduceResponse>(frame, version),
        ApiKey::Fetch => whole::<FetchResponse>(frame, version),
        ApiKey::ListOffsets => whole::<ListOffsetsResponse>(frame, version),
        ApiKey::Metadata => whole::<MetadataResponse>(frame, version),
        ApiKey::FindCoordinator => whole::<FindCoordinatorResponse>(frame, version),
        ApiKey::OffsetCommit => whole::<OffsetCommitResponse>(frame, version),
        ApiKey::OffsetFetch => whole::<OffsetFetchResponse>(frame, version),
        ApiKey::JoinGroup => whole::<JoinGroupResponse>(frame, version),
        ApiKey::Heartbeat => whole::<HeartbeatResponse>(frame, version),
        ApiKey::LeaveGroup => whole::<LeaveGroupResponse>(frame, version),
        ApiKey::SyncGroup => whole::<SyncGroupResponse>(frame, version),
        ApiKey::DescribeGroups => whole::<DescribeGroupsResponse>(frame, version),
        ApiKey::ListGroups => whole::<ListGroupsResponse>(frame, version),
        ApiKey::DeleteGroups => whole::<DeleteGroupsResponse>(frame, version),
        ApiKey::OffsetDelete => whole::<OffsetDeleteResponse>(frame, version),
        ApiKey::DescribeAcls => whole::<DescribeAclsResponse>(frame, version),
        ApiKey::CreateAcls => whole::<CreateAclsResponse>(frame, version),
        ApiKey::DeleteAcls => whole::<DeleteAclsResponse>(frame, version),
        ApiKey::DescribeConfigs => whole::<DescribeConfigsResponse>(frame, version),
        ApiKey::AlterConfigs => whole::<AlterConfigsResponse>(frame, version),
        ApiKey::IncrementalAlterConfigs => {
            whole::<IncrementalAlterConfigsResponse>(frame, version);
        }
        ApiKey::CreatePartitions => whole::<CreatePartitionsResponse>(frame, version),
        ApiKey::DeleteRecords => whole::<DeleteRecordsResponse>(frame, version),
        ApiKey::AlterReplicaLogDirs => whole::<AlterReplicaLogDirsResponse>(frame, version),
        ApiKey::DescribeLogDirs => whole::<DescribeLogDirsResponse>(frame, version),
        ApiKey::ElectLeaders => whole::<ElectLeadersResponse>(frame, version),
        ApiKey::AlterPartitionReassignments => {
            whole::<AlterPartitionReassignmentsResponse>(frame, version);
        }
        ApiKey::ListPartitionReassignments => {
            whole::<ListPartitionReassignmentsResponse>(frame, version);
        }
        ApiKey::DescribeQuorum => whole::<DescribeQuorumResponse>(frame, version),
        ApiKey::DescribeClientQuotas => whole::<DescribeClientQuotasResponse>(frame, version),
        ApiKey::AlterClientQuotas => whole::<AlterClientQuotasResponse>(frame, version),
        ApiKey::UpdateFeatures => whole::<UpdateFeaturesResponse>(frame, version),
        ApiKey::ListConfigResources => whole::<ListConfigResourcesResponse>(frame, version),
        ApiKey::ApiVersions => whole::<ApiVersionsResponse>(frame, version),
        ApiKey::CreateTopics => whole::<CreateTopicsResponse>(frame, version),
        ApiKey::DeleteTopics => whole::<DeleteTopicsResponse>(frame, version),
        ApiKey::InitProducerId => whole::<InitProducerIdResponse>(frame, version),
        ApiKey::OffsetForLeaderEpoch => whole::<OffsetForLeaderEpochResponse>(frame, version),
        ApiKey::DescribeCluster => whole::<DescribeClusterResponse>(frame, version),
        ApiKey::DescribeTopicPartitions => {
            whole::<DescribeTopicPartitionsResponse>(frame, version);
        }
        other => panic!("say here how an answer of {other:?} is decoded"),
    }
}

#[tokio::test]
async fn api_versions_names_what_is_served_and_nothing_else() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 0..=4 {
        let request = named();
        let answer = client.call(version, &request).await;
        assert_eq!(answer.error_code, 0);
        let told: Vec<_> =
            answer.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
        let served: Vec<_> =
            APIS.iter().map(|a| (a.key, a.advertised_from, *a.versions.end())).collect();
        assert_eq!(told, served, "v{version}");
        assert_eq!(told[0].1, 0, "librdkafka compresses only where it sees Produce 0");
    }
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let mut frame = framed(4, 5, &named());
    frame[6..8].copy_from_slice(&99_i16.to_be_bytes());
    client.send_bytes(&frame).await;
    let answer = client.receive::<ApiVersionsRequest>(0, 5).await;
    assert_eq!(answer.error_code, 35);
    let own = answer.api_keys.iter().find(|key| key.api_key == 18).unwrap();
    assert_eq!((own.min_version, own.max_version), (0, 4));
    // The connection goes on.
    assert_eq!(client.call(3, &named()).await.error_code, 0);
}

#[tokio::test]
async fn an_answer_to_api_versions_has_no_tagged_field_at_its_default() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 3..=4 {
        let id = client.send(version, &named()).await;
        let frame = client.frame().await.unwrap();
        assert_eq!(frame[..4], id.to_be_bytes());
        // Behind the throttle time: tag 3 (ZkMigrationReady) and an epoch of -1 are defaults.
        let answer = {
            let mut body = frame.slice(4..);
            kafka_protocol::messages::ApiVersionsResponse::decode(&mut body, version).unwrap()
        };
        let keys = answer.api_keys.len();
        // error code, compact count, keys of 7 bytes, throttle time.
        let tags = &frame[4 + 2 + 1 + keys * 7 + 4..];
        let mut rest = &tags[1..];
        for _ in 0..tags[0] {
            let (tag, len) = (rest[0], rest[1] as usize);
            assert!(tag == 0 || tag == 1 || tag == 2, "v{version}: tag {tag}");
            assert!(tag != 1 || rest[2..2 + len] != [0xff; 8], "v{version}: an epoch of -1");
            rest = &rest[2 + len..];
        }
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn an_api_that_is_not_served_ends_the_connection() {
    let ottla = Ottla::start().await;
    for (key, version) in [(68_i16, 0_i16), (999, 0), (1, 3), (1, 19), (11, 10)] {
        let mut client = ottla.client().await;
        let mut frame = framed(4, 5, &named());
        frame[4..6].copy_from_slice(&key.to_be_bytes());
        frame[6..8].copy_from_slice(&version.to_be_bytes());
        client.send_bytes(&frame).await;
        assert!(client.is_closed().await, "key {key} version {version}");
    }
}
