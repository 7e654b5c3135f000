//! Every API in every version, and what ApiVersions says of them.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Decodable;
use ottla::broker::advertised::ListenerPeer;
use ottla::handlers::session::Session;
use ottla::handlers::table::APIS;
use ottla::server::request::IncomingRequest;
use ottla::server::shared::ServerState;

use crate::client::{framed, text};
use crate::harness::Ottla;
use crate::quotas::set;
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

/// The first version with a throttle time, of the APIs that got one only later (KIP-124).
const THROTTLED_SINCE: &[(ApiKey, i16)] = &[
    (ApiKey::ListOffsets, 2),
    (ApiKey::Metadata, 3),
    (ApiKey::OffsetCommit, 3),
    (ApiKey::OffsetFetch, 3),
    (ApiKey::FindCoordinator, 1),
    (ApiKey::JoinGroup, 2),
    (ApiKey::Heartbeat, 1),
    (ApiKey::LeaveGroup, 1),
    (ApiKey::SyncGroup, 1),
    (ApiKey::DescribeGroups, 1),
    (ApiKey::ListGroups, 1),
    (ApiKey::ApiVersions, 1),
    (ApiKey::CreateTopics, 2),
    (ApiKey::DeleteTopics, 1),
    (ApiKey::OffsetForLeaderEpoch, 2),
    // In no version.
    (ApiKey::DescribeQuorum, i16::MAX),
];

#[tokio::test]
async fn a_throttled_answer_has_its_time_in_every_version_with_such_a_field() {
    let ottla = Ottla::with(&[("quota.window.num", "2")]).await;
    let mut client = ottla.client().await;
    // Only the requests below have this client id. Any use of time is far beyond the quota, so
    // that the client is throttled for a whole window.
    let client_id = [("client-id", Some("sim"))];
    set(&mut client, &client_id, "request_percentage", Some(1e-9)).await;
    for api in APIS {
        for version in api.versions.clone() {
            let name = format!("t-{}-{version}", api.key);
            let subject = Subject { topic_id: client.create(&name, 2, &[]).await, topic: name };
            let request = valid(api.key, version, &subject).unwrap().bytes;
            let key = ApiKey::try_from(api.key).unwrap();
            let since = THROTTLED_SINCE.iter().find(|(api, _)| *api == key).map_or(0, |row| row.1);
            // Every connection that has been throttled is not read for a while.
            let mut throttled = ottla.client().await;
            throttled
                .send_bytes(&[&(request.len() as i32).to_be_bytes(), &request[..]].concat())
                .await;
            let mut frame = throttled.frame().await.expect("an answer");
            // Legacy forms have no decoder here, and no throttle time.
            if (api.key == 19 && version < 2) || (api.key == 20 && version < 1) {
                continue;
            }
            ResponseHeader::decode(&mut frame, key.response_header_version(version)).unwrap();
            let found = decode(key, &mut frame, version);
            let expected = if version >= since { 1000 } else { 0 };
            assert_eq!(found, expected, "{} v{version}", api.name);
            assert!(!frame.has_remaining(), "{} v{version}: bytes follow the answer", api.name);
        }
    }
}

fn named() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("it"))
        .with_client_software_version(text("1"))
}

/// Decode the answer of one of the APIs that are served, or fail. Gives its throttle time.
pub fn decode(key: ApiKey, frame: &mut Bytes, version: i16) -> i32 {
    fn whole<R: Decodable>(frame: &mut Bytes, version: i16) -> R {
        R::decode(frame, version).unwrap_or_else(|error| {
            panic!("{} v{version}: {error}", std::any::type_name::<R>());
        })
    }
    macro_rules! throttle_time {
        ($($api:ident $response:ident),* $(,)?) => {
            match key {
                $(ApiKey::$api => whole::<$response>(frame, version).throttle_time_ms,)*
                ApiKey::DescribeQuorum => {
                    whole::<DescribeQuorumResponse>(frame, version);
                    0
                }
                other => panic!("say here how an answer of {other:?} is decoded"),
            }
        };
    }
    #[rustfmt::skip]
    let throttle_ms = throttle_time!(
        Produce ProduceResponse, Fetch FetchResponse, ListOffsets ListOffsetsResponse,
        Metadata MetadataResponse, FindCoordinator FindCoordinatorResponse,
        OffsetCommit OffsetCommitResponse, OffsetFetch OffsetFetchResponse,
        JoinGroup JoinGroupResponse, Heartbeat HeartbeatResponse, LeaveGroup LeaveGroupResponse,
        SyncGroup SyncGroupResponse, DescribeGroups DescribeGroupsResponse,
        ListGroups ListGroupsResponse, DeleteGroups DeleteGroupsResponse,
        OffsetDelete OffsetDeleteResponse, DescribeAcls DescribeAclsResponse,
        CreateAcls CreateAclsResponse, DeleteAcls DeleteAclsResponse,
        DescribeConfigs DescribeConfigsResponse, AlterConfigs AlterConfigsResponse,
        IncrementalAlterConfigs IncrementalAlterConfigsResponse,
        CreatePartitions CreatePartitionsResponse, DeleteRecords DeleteRecordsResponse,
        AlterReplicaLogDirs AlterReplicaLogDirsResponse, DescribeLogDirs DescribeLogDirsResponse,
        ElectLeaders ElectLeadersResponse,
        AlterPartitionReassignments AlterPartitionReassignmentsResponse,
        ListPartitionReassignments ListPartitionReassignmentsResponse,
        DescribeClientQuotas DescribeClientQuotasResponse,
        AlterClientQuotas AlterClientQuotasResponse, UpdateFeatures UpdateFeaturesResponse,
        ListConfigResources ListConfigResourcesResponse, ApiVersions ApiVersionsResponse,
        CreateTopics CreateTopicsResponse, DeleteTopics DeleteTopicsResponse,
        InitProducerId InitProducerIdResponse, OffsetForLeaderEpoch OffsetForLeaderEpochResponse,
        DescribeCluster DescribeClusterResponse,
        DescribeTopicPartitions DescribeTopicPartitionsResponse,
    );
    throttle_ms
}

#[tokio::test]
async fn api_versions_names_what_is_served_and_nothing_else() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 0..=4 {
        let request = named();
        let answer = client.call(version, &request).await;
        assert_eq!(answer.error_code, 0);
        let reported: Vec<_> =
            answer.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
        let served: Vec<_> =
            APIS.iter().map(|a| (a.key, a.advertised_from, *a.versions.end())).collect();
        assert_eq!(reported, served, "v{version}");
        assert_eq!(reported[0].1, 0, "librdkafka compresses only where it sees Produce 0");
    }
}

#[tokio::test]
async fn a_client_that_names_its_software_has_it_in_its_session() {
    let ottla = Ottla::start().await;
    let state = ServerState::new(ottla.shared());
    let (at, peer) = (ottla.address(), "10.0.0.1:1".parse().unwrap());
    let listener = ListenerPeer { listener: 0, at, through_gateway: false };
    let mut session = Session::plaintext(listener, peer);
    let mut changes = Vec::new();
    let nameless = ApiVersionsRequest::default();
    for (version, request) in [(2, &nameless), (3, &nameless), (3, &named()), (4, &named())] {
        let frame = Bytes::from(framed(version, 1, request)).slice(4..);
        let request = IncomingRequest::read(frame, &session, &state.old_clients).unwrap();
        let answer = request.answer(&state, &session).await.unwrap();
        changes.push(answer.next_session.is_some());
        if let Some(next) = answer.next_session {
            session = *next;
        }
    }
    assert_eq!(changes, [false, false, true, false], "without a name, named, named again");
    assert_eq!(session.client_software.unwrap().to_string(), "it 1");
    assert_eq!(session.peer, peer);
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
