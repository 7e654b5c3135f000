//! Every API in every version, and what ApiVersions says of them.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, DescribeClusterRequest};
use kafka_protocol::protocol::Decodable;
use ottla::broker::advertised::ListenerPeer;
use ottla::handlers::session::Session;
use ottla::handlers::table::APIS;
use ottla::protocol::decoder::decoded_bytes_max;
use ottla::protocol::message::{Request, Response};
use ottla::protocol::messages;
use ottla::server::request::IncomingRequest;
use ottla::server::shared::ServerState;

use crate::client::{framed, text};
use crate::harness::Ottla;
use crate::quotas::set;
use crate::requests::{Subject, valid};
use crate::schemas::response_body;

#[tokio::test]
async fn every_version_of_every_api_is_answered_with_what_its_schema_says() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for api in APIS {
        for version in api.versions.clone() {
            let name = format!("t-{}-{version}", api.key);
            let subject = Subject { topic_id: client.create(&name, 2, &[]).await, topic: name };
            let request = valid(api.key, version, &subject).unwrap().bytes;
            client
                .send_bytes(&[&(request.len() as i32).to_be_bytes(), &request[..]].concat())
                .await;
            let frame = client.frame().await.expect("an answer");
            assert_eq!(throttle_time(api.key, version, &frame), 0, "{} v{version}", api.name);
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
    (ApiKey::WriteTxnMarkers, i16::MAX),
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
            let row = THROTTLED_SINCE.iter().find(|(key, _)| *key as i16 == api.key);
            let since = row.map_or(0, |row| row.1);
            // Every connection that has been throttled is not read for a while.
            let mut throttled = ottla.client().await;
            throttled
                .send_bytes(&[&(request.len() as i32).to_be_bytes(), &request[..]].concat())
                .await;
            let frame = throttled.frame().await.expect("an answer");
            let found = throttle_time(api.key, version, &frame);
            let expected = if version >= since { 1000 } else { 0 };
            assert_eq!(found, expected, "{} v{version}", api.name);
        }
    }
}

fn named() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("it"))
        .with_client_software_version(text("1"))
}

/// Decodes an answer, of which nothing is left and nothing is lost, and returns its throttle time.
fn throttle_time_of<R: Response>(body: &Bytes, version: i16) -> i32 {
    let what = format!("{} v{version}", R::NAME);
    let decoded = R::decode_from(body, version, decoded_bytes_max(body.len()));
    let (mut answer, used) = decoded.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(used, body.len(), "{what}: bytes follow the answer");
    // It is encoded again with each time that it may have.
    let is_in_it = |ms: &i32| {
        answer.set_throttle_time_ms(*ms);
        let mut again = BytesMut::new();
        answer.encode_to(&mut again, version).unwrap_or_else(|error| panic!("{what}: {error}"));
        again == body
    };
    [0, 1000].into_iter().find(is_in_it).unwrap_or_else(|| panic!("{what}: other bytes: {body:?}"))
}

/// Decodes the answer to one of the APIs that are served, or fails. Returns its throttle time.
fn throttle_time(key: i16, version: i16, frame: &Bytes) -> i32 {
    macro_rules! by_key {
        ($($module:ident $request:ident,)*) => {
            match key {
                $(<messages::$module::$request as Request>::KEY => {
                    throttle_time_of::<<messages::$module::$request as Request>::Response>
                })*
                key => panic!("no messages of the API key {key}"),
            }
        };
    }
    assert_eq!(frame[..4], 7_i32.to_be_bytes(), "the id of the request");
    ottla::for_all_requests!(by_key)(&response_body(key, version, frame), version)
}

#[tokio::test]
async fn api_versions_names_what_is_served_and_nothing_else() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 0..=5 {
        let request = messages::ApiVersionsRequest::default()
            .with_client_software_name(text("it"))
            .with_client_software_version(text("1"));
        let answer = client.ask(version, &request).await;
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
    let served = APIS.iter().find(|api| api.key == 18).unwrap();
    assert_eq!((own.min_version, own.max_version), (0, *served.versions.end()));
    // The connection goes on.
    assert_eq!(client.call(3, &named()).await.error_code, 0);
}

#[tokio::test]
async fn a_client_that_means_another_broker_or_cluster_is_sent_back_to_its_bootstrap_servers() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let here = client.call(0, &DescribeClusterRequest::default()).await;
    let ask = |cluster_id: Option<&str>, node_id| {
        messages::ApiVersionsRequest::default()
            .with_client_software_name(text("it"))
            .with_client_software_version(text("1"))
            .with_cluster_id(cluster_id.map(text))
            .with_node_id(node_id)
    };
    let node_id = here.controller_id.0;
    let cases = [
        (None, -1, 0),
        (Some(&*here.cluster_id), node_id, 0),
        (Some("another"), node_id, 129),
        (Some(""), node_id, 129),
        (Some(&*here.cluster_id), node_id + 1, 129),
        (Some(&*here.cluster_id), -1, 42),
        (None, node_id, 42),
    ];
    for (cluster_id, node_id, code) in cases {
        // The connection stays open after an error.
        let answer = client.ask(5, &ask(cluster_id, node_id)).await;
        assert_eq!(answer.error_code, code, "{cluster_id:?} {node_id}");
        assert_eq!(answer.api_keys.is_empty(), code != 0);
        assert_eq!(answer.supported_features.is_empty(), code != 0);
    }
    // Older versions cannot say it.
    assert!(client.ask(4, &ask(Some("another"), 9)).await.error_code == 0);
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
