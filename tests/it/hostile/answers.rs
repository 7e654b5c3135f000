//! Small requests whose answers are large, and large requests: both are bounded in memory, and
//! others are served meanwhile.

use std::time::Duration;

use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_quorum_request::{
    PartitionData as QuorumPartition, TopicData as QuorumTopic,
};
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    BrokerId, DeleteRecordsRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeLogDirsRequest, DescribeQuorumRequest, DescribeTopicPartitionsRequest,
    ElectLeadersRequest, FindCoordinatorRequest, GroupId, JoinGroupRequest, ListGroupsRequest,
    ListOffsetsRequest, MetadataRequest, OffsetDeleteRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::Request;
use tokio::io::AsyncReadExt;

use crate::client::{Client, framed, text, topic_name};
use crate::groups::committing;
use crate::hostile::broker::LimitedBroker;
use crate::hostile::run;

const MB: usize = 1 << 20;
/// What the log says of a request that is not served.
const UNSERVED: &str = "the request cannot be served";

/// Asks, and reads the answer without keeping it: its length in bytes, or none if the connection
/// is closed instead.
async fn ask<R: Request>(broker: &LimitedBroker, version: i16, request: &R) -> Option<u64> {
    let mut client = broker.client().await;
    client.send(version, request).await;
    drain(&mut client).await
}

async fn drain(client: &mut Client) -> Option<u64> {
    let length = client.stream.read_i32().await.ok()? as u64;
    let mut piece = vec![0; MB];
    let mut left = length;
    while left > 0 {
        let most = piece.len().min(left as usize);
        match client.stream.read(&mut piece[..most]).await {
            Ok(0) | Err(_) => panic!("an answer that ends {left} bytes too early"),
            Ok(n) => left -= n as u64,
        }
    }
    Some(length)
}

/// A stable group of one member that has said as much as it may.
async fn large_group(broker: &LimitedBroker, name: &str) -> Client {
    let mut client = broker.client().await;
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(vec![1; 8 * MB].into());
    let mut joining = JoinGroupRequest::default()
        .with_group_id(GroupId(text(name)))
        .with_session_timeout_ms(300_000)
        .with_rebalance_timeout_ms(300_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    joining.member_id = client.call(4, &joining).await.member_id;
    let joined = client.call(4, &joining).await;
    assert_eq!(joined.error_code, 0);
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(vec![2; 8 * MB].into());
    let syncing = SyncGroupRequest::default()
        .with_group_id(GroupId(text(name)))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id)
        .with_assignments(vec![assignment]);
    assert_eq!(client.call(3, &syncing).await.error_code, 0);
    client
}

fn describing(group: &str, times: usize) -> DescribeGroupsRequest {
    DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group)); times])
}

fn configs_of(topics: &[&str], times: usize) -> DescribeConfigsRequest {
    let resource = |topic: &&str| {
        DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(topic))
            .with_configuration_keys(None)
    };
    let each: Vec<_> = topics.iter().map(resource).collect();
    let all = each.iter().cycle().take(times * topics.len()).cloned().collect();
    DescribeConfigsRequest::default().with_resources(all).with_include_synonyms(true)
}

fn metadata_of(names: impl Iterator<Item = String>) -> MetadataRequest {
    let topic = |name: String| MetadataRequestTopic::default().with_name(Some(topic_name(&name)));
    MetadataRequest::default()
        .with_topics(Some(names.map(topic).collect()))
        .with_allow_auto_topic_creation(false)
}

/// Larger than they may be by default.
const LARGE_GROUPS: &[(&str, &str)] =
    &[("group.member.max.bytes", "16777216"), ("group.max.bytes", "33554432")];

#[tokio::test]
async fn a_group_of_16_mb_is_described_as_often_as_it_is_named_or_not_at_all() {
    let outcome = run(LARGE_GROUPS, async |broker| {
        let _member = large_group(broker, "large").await;
        assert!(ask(broker, 5, &describing("large", 1)).await.unwrap() > 16 * MB as u64);
        assert!(ask(broker, 0, &describing("large", 50)).await.unwrap() > 800 * MB as u64);
        // No frame is as long as these answers would be.
        assert_eq!(ask(broker, 5, &describing("large", 200)).await, None);
        assert_eq!(ask(broker, 5, &describing("large", 10_000)).await, None);
        assert!(ask(broker, 5, &describing("unknown", 10_000)).await.unwrap() > 100_000);
    })
    .await;
    assert!(!outcome.lines_with(UNSERVED).is_empty(), "{:?}", outcome.log);
}

#[tokio::test]
async fn the_configs_of_one_topic_are_described_as_often_as_it_is_named_or_not_at_all() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("a", 1, &[("retention.ms", "1000")]).await;
        client.create("b", 1, &[]).await;
        let once = ask(broker, 1, &configs_of(&["a"], 1)).await.unwrap();
        let often = ask(broker, 1, &configs_of(&["a"], 50_000)).await.unwrap();
        assert_eq!(often, 50_000 * (once - 12) + 12);
        assert!(ask(broker, 4, &configs_of(&["a", "b", "unknown"], 1000)).await.is_some());
        assert_eq!(ask(broker, 4, &configs_of(&["a"], 300_000)).await, None);
    })
    .await;
    assert!(!outcome.lines_with(UNSERVED).is_empty(), "{:?}", outcome.log);
}

#[tokio::test]
async fn three_hundred_thousand_names_are_answered_and_one_name_once() {
    run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 100, &[]).await;
        let twice = metadata_of((0..300_000).map(|_| "t".to_owned()));
        let answer = client.call(12, &twice).await;
        assert_eq!(answer.topics.len(), 1);
        let unknown = metadata_of((0..300_000).map(|n| format!("u{n}")));
        let answer = client.call(12, &unknown).await;
        assert_eq!(answer.topics.len(), 300_000);
        assert!(answer.topics.iter().all(|topic| topic.error_code == 3));
    })
    .await;
}

#[tokio::test]
async fn many_connections_that_ask_for_much_at_once_are_all_served_or_closed() {
    let outcome = run(LARGE_GROUPS, async |broker| {
        let _member = large_group(broker, "large").await;
        let mut client = broker.client().await;
        client.create("t", 500, &[]).await;
        let mut asking = Vec::new();
        for n in 0..60 {
            let frame = match n % 4 {
                0 => framed(5, 1, &describing("large", 2)),
                1 => framed(4, 1, &configs_of(&["t"], 2000)),
                2 => framed(12, 1, &metadata_of((0..50_000).map(|n| format!("u{n}")))),
                _ => framed(12, 1, &MetadataRequest::default().with_topics(None)),
            };
            let mut client = broker.client().await;
            asking.push(tokio::spawn(async move {
                client.send_bytes(&frame).await;
                drain(&mut client).await
            }));
        }
        let mut served = 0;
        for asked in asking {
            served += usize::from(asked.await.unwrap().is_some());
        }
        assert!(served >= 30, "{served}");
    })
    .await;
    assert!(outcome.rss_peak > 0);
}

#[tokio::test]
async fn clients_that_do_not_read_give_way_to_one_that_does() {
    let outcome = run(LARGE_GROUPS, async |broker| {
        let _member = large_group(broker, "large").await;
        let mut client = broker.client().await;
        client.create("t", 1000, &[]).await;
        let unknown = framed(12, 1, &metadata_of((0..50_000).map(|n| format!("unknown-{n}"))));
        let mut silent = Vec::new();
        for n in 0..100 {
            let mut client = broker.client().await;
            match n % 2 {
                0 => drop(client.send(5, &describing("large", 50)).await),
                _ => client.send_bytes(&unknown).await,
            }
            silent.push(client);
        }
        // An ordinary answer, of some 50 KB, does not wait for large ones.
        let mut ordinary = broker.client().await;
        for _ in 0..5 {
            let all = MetadataRequest::default().with_topics(None);
            assert!(ordinary.call(12, &all).await.topics.len() >= 2);
        }
        // A large one may be refused while others wait for memory, but not for long.
        let served = async {
            loop {
                let mut client = broker.client().await;
                client.send_bytes(&unknown).await;
                if drain(&mut client).await.is_some() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(90), served).await.unwrap();
    })
    .await;
    assert!(!outcome.lines_with("reads too slowly").is_empty(), "{:?}", outcome.log);
}

/// The largest legal requests of APIs that read: each with a third of a million things in it.
#[tokio::test]
async fn the_largest_requests_are_carried_out_or_refused() {
    // As many as the budget for decoded requests admits.
    const MANY: i32 = 349_000;
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 10, &[]).await;
        let t = || topic_name("t");
        let frames = [
            framed(
                4,
                1,
                &FindCoordinatorRequest::default()
                    .with_coordinator_keys(vec![text("k"); MANY as usize]),
            ),
            framed(5, 1, &describing("g", MANY as usize)),
            framed(
                6,
                1,
                &ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![
                    ListOffsetsTopic::default().with_name(t()).with_partitions(
                        (0..MANY)
                            .map(|p| ListOffsetsPartition::default().with_partition_index(p))
                            .collect(),
                    ),
                ]),
            ),
            framed(
                3,
                1,
                &OffsetForLeaderEpochRequest::default().with_topics(vec![
                    OffsetForLeaderTopic::default().with_topic(t()).with_partitions(
                        (0..MANY)
                            .map(|p| OffsetForLeaderPartition::default().with_partition(p % 10))
                            .collect(),
                    ),
                ]),
            ),
            framed(
                0,
                1,
                &DeleteRecordsRequest::default().with_topics(vec![
                    DeleteRecordsTopic::default().with_name(t()).with_partitions(
                        (0..MANY)
                            .map(|p| DeleteRecordsPartition::default().with_partition_index(p))
                            .collect(),
                    ),
                ]),
            ),
            framed(
                0,
                1,
                &OffsetDeleteRequest::default().with_group_id(GroupId(text("g"))).with_topics(
                    vec![
                        OffsetDeleteRequestTopic::default().with_name(t()).with_partitions(
                            (0..MANY)
                                .map(|p| {
                                    OffsetDeleteRequestPartition::default().with_partition_index(p)
                                })
                                .collect(),
                        ),
                    ],
                ),
            ),
            framed(
                2,
                1,
                &ElectLeadersRequest::default().with_topic_partitions(Some(vec![
                    TopicPartitions::default().with_topic(t()).with_partitions((0..MANY).collect()),
                ])),
            ),
            framed(
                4,
                1,
                &DescribeLogDirsRequest::default().with_topics(Some(vec![
                    DescribableLogDirTopic::default()
                        .with_topic(t())
                        .with_partitions((0..MANY).collect()),
                ])),
            ),
            framed(
                0,
                1,
                &DescribeTopicPartitionsRequest::default()
                    .with_topics(
                        (0..MANY)
                            .map(|n| TopicRequest::default().with_name(topic_name(&n.to_string())))
                            .collect(),
                    )
                    .with_response_partition_limit(2000),
            ),
            framed(
                1,
                1,
                &DescribeQuorumRequest::default().with_topics(vec![
                    QuorumTopic::default()
                        .with_topic_name(topic_name("__cluster_metadata"))
                        .with_partitions(vec![QuorumPartition::default(); MANY as usize]),
                ]),
            ),
            framed(
                8,
                1,
                &OffsetFetchRequest::default().with_groups(vec![
                    OffsetFetchRequestGroup::default()
                        .with_group_id(GroupId(text("g")))
                        .with_topics(Some(vec![
                            OffsetFetchRequestTopics::default()
                                .with_name(t())
                                .with_partition_indexes((0..MANY).collect()),
                        ])),
                ]),
            ),
            framed(
                8,
                1,
                &OffsetFetchRequest::default().with_groups(vec![
                    OffsetFetchRequestGroup::default()
                        .with_group_id(GroupId(text("steady")))
                        .with_topics(None);
                    100_000
                ]),
            ),
        ];
        for frame in &frames {
            let mut client = broker.client().await;
            client.send_bytes(frame).await;
            let key = i16::from_be_bytes([frame[4], frame[5]]);
            println!("{key}: {:?}, {} MB", drain(&mut client).await, broker.rss_peak() >> 20);
        }
        let at_once = frames.map(|frame| {
            let address = broker.address();
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                client.send_bytes(&frame).await;
                drain(&mut client).await
            })
        });
        for asked in at_once {
            asked.await.unwrap();
        }
    })
    .await;
    assert!(outcome.served.longest_wait < Duration::from_secs(15), "{outcome:?}");
}

#[tokio::test]
async fn all_of_many_groups_are_listed_to_many_at_once() {
    const GROUPS: usize = 20_000;
    run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        for batch in (0..GROUPS).collect::<Vec<_>>().chunks(500) {
            let mut frames = Vec::new();
            for n in batch {
                frames.extend(framed(7, 1, &committing(&format!("group-{n}"), "t", 0, 1)));
            }
            client.send_bytes(&frames).await;
            for _ in batch {
                assert!(drain(&mut client).await.is_some());
            }
        }
        let listed = client.call(4, &ListGroupsRequest::default()).await;
        assert_eq!(listed.groups.len(), GROUPS + 1);
        let mut asking = Vec::new();
        for _ in 0..50 {
            let mut client = broker.client().await;
            asking.push(tokio::spawn(async move {
                client.send(4, &ListGroupsRequest::default()).await;
                drain(&mut client).await
            }));
        }
        for asked in asking {
            assert!(asked.await.unwrap().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn results_that_repeat_a_long_name_are_not_given() {
    let request = |name: String, partitions: i32| {
        let topic = TopicPartitions::default()
            .with_topic(topic_name(&name))
            .with_partitions((0..partitions).collect());
        ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]))
    };
    let outcome = run(&[], async |broker| {
        // Each result would say the name once more: 1.6 GB.
        assert_eq!(ask(broker, 2, &request("n".repeat(32_000), 50_000)).await, None);
        let answered = ask(broker, 2, &request("n".repeat(249), 10_000)).await;
        assert!(answered.is_some_and(|bytes| bytes > 2_500_000), "{answered:?}");
    })
    .await;
    assert!(outcome.growth_bytes() < 64 << 20, "{outcome:?}");
    assert_eq!(outcome.lines_with(UNSERVED).len(), 1, "{:#?}", outcome.log);
}
