//! Topics as administrators change them: configs, partitions, records, what may be read.

use std::path::Path;
use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreatePartitionsRequest, DeleteRecordsRequest,
    DescribeConfigsRequest, DescribeLogDirsRequest, DescribeQuorumRequest, ElectLeadersRequest,
    IncrementalAlterConfigsRequest,
};

use crate::client::{Client, text, topic_name};
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

pub const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub async fn alter(
    client: &mut Client,
    topic: &str,
    changes: &[(&str, i8, &str)],
) -> (i16, String) {
    let config = |(name, operation, value): &(&str, i8, &str)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value(Some(text(value)))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configs(changes.iter().map(config).collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = client.call(1, &request).await.responses.remove(0);
    (answer.error_code, answer.error_message.map(|m| m.to_string()).unwrap_or_default())
}

pub async fn describe(client: &mut Client, kind: i8, name: &str) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    client.call(4, &request).await.results.remove(0)
}

/// Value and source of one option.
pub fn found(result: &DescribeConfigsResult, name: &str) -> (String, i8) {
    let config = result.configs.iter().find(|config| &*config.name == name).expect(name);
    (config.value.as_ref().map(|v| v.to_string()).unwrap_or_default(), config.config_source)
}

async fn grow(client: &mut Client, topic: &str, count: i32) -> i16 {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000);
    client.call(3, &request).await.results[0].error_code
}

/// Error code and low watermark.
pub async fn delete_before(client: &mut Client, topic: &str, offset: i64) -> (i16, i64) {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
    let topic =
        DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000);
    let answer = client.call(2, &request).await;
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.low_watermark)
}

fn files(dir: &Path, suffix: &str) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(suffix)).count()
}

#[tokio::test]
async fn a_changed_config_acts_at_once_and_is_there_after_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("retention.ms", "5000")]).await;
    let large = plain(&[&"x".repeat(5000)]);
    assert_eq!(client.produce("t", 0, large.clone()).await.error_code, 0);
    let changes = [("max.message.bytes", SET, "1000"), ("retention.ms", DELETE, "")];
    assert_eq!(alter(&mut client, "t", &changes).await.0, 0);
    let too_large = Code::MessageTooLarge.code();
    assert_eq!(client.produce("t", 0, large.clone()).await.error_code, too_large);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(client.produce("t", 0, large).await.error_code, too_large);
    let described = describe(&mut client, 2, "t").await;
    assert_eq!(found(&described, "max.message.bytes"), ("1000".to_owned(), 1));
    assert_eq!(found(&described, "retention.ms"), ("604800000".to_owned(), 5));
}

#[tokio::test]
async fn lists_are_appended_to_and_subtracted_from() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(alter(&mut client, "t", &[("cleanup.policy", APPEND, "compact")]).await.0, 0);
    let policy = found(&describe(&mut client, 2, "t").await, "cleanup.policy");
    assert_eq!(policy, ("delete,compact".to_owned(), 1));
    assert_eq!(alter(&mut client, "t", &[("cleanup.policy", SUBTRACT, "delete")]).await.0, 0);
    assert_eq!(found(&describe(&mut client, 2, "t").await, "cleanup.policy").0, "compact");
    let (code, why) = alter(&mut client, "t", &[("retention.ms", APPEND, "1")]).await;
    assert_eq!(code, Code::InvalidConfig.code());
    assert!(why.contains("retention.ms"));
}

#[tokio::test]
async fn a_change_that_is_wrong_changes_nothing_and_says_why() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let invalid = Code::InvalidConfig.code();
    let both = [("retention.ms", SET, "5"), ("segment.ms", SET, "soon")];
    let (code, why) = alter(&mut client, "t", &both).await;
    assert!(code == invalid && why.contains("segment.ms") && why.contains("soon"), "{why}");
    assert_eq!(alter(&mut client, "t", &[("no.such", SET, "5")]).await.0, invalid);
    let twice = [("retention.ms", SET, "5"), ("retention.ms", SET, "6")];
    assert_eq!(alter(&mut client, "t", &twice).await.0, Code::InvalidRequest.code());
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(alter(&mut client, "none", &both[..1]).await.0, unknown);
    assert_eq!(found(&describe(&mut client, 2, "t").await, "retention.ms").1, 5);
    // Of a topic that is not there the values are looked at first.
    assert_eq!(alter(&mut client, "none", &both).await.0, invalid);
}

#[tokio::test]
async fn the_broker_is_described_under_its_id_and_no_other() {
    let ottla = Ottla::with(&[("num.partitions", "7")]).await;
    let mut client = ottla.client().await;
    let described = describe(&mut client, 4, "1").await;
    assert_eq!(
        (described.error_code, found(&described, "num.partitions")),
        (0, ("7".to_owned(), 4))
    );
    assert_eq!(describe(&mut client, 4, "2").await.error_code, Code::InvalidRequest.code());
    assert_eq!(describe(&mut client, 2, "none").await.error_code, 3);
}

#[tokio::test]
async fn a_topic_grows_and_keeps_what_it_has() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    let waiting =
        client.send(12, &crate::client::fetching("t", 0, 1).with_max_wait_ms(i32::MAX)).await;
    let mut admin = ottla.client().await;
    assert_eq!(grow(&mut admin, "t", 3).await, 0);
    assert_eq!(admin.produce("t", 2, plain(&["c"])).await.error_code, 0);
    admin.produce("t", 0, plain(&["b"])).await;
    let answer = client.receive::<kafka_protocol::messages::FetchRequest>(12, waiting).await;
    assert_eq!(read(&answer), expected(1, &["b"]), "who waits is still woken");
    let invalid = Code::InvalidPartitions.code();
    assert_eq!([grow(&mut admin, "t", 3).await, grow(&mut admin, "t", 2).await], [invalid; 2]);
    assert_eq!(grow(&mut admin, "none", 3).await, Code::UnknownTopicOrPartition.code());
    assert_eq!(grow(&mut admin, "t", 10_004).await, Code::PolicyViolation.code());
    drop((client, admin));
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 2, 0).await), expected(0, &["c"]));
    assert_eq!(client.produce("t", 3, plain(&["d"])).await.error_code, 3);
}

#[tokio::test]
async fn deleted_records_are_gone_for_good() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("retention.ms", "-1")]).await;
    for value in ["a", "b", "c"] {
        client.produce("t", 0, plain(&[value])).await;
    }
    assert_eq!(delete_before(&mut client, "t", 2).await, (0, 2));
    assert_eq!(delete_before(&mut client, "t", 1).await, (0, 2), "it never goes back");
    assert_eq!(delete_before(&mut client, "t", 4).await, (Code::OffsetOutOfRange.code(), -1));
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(client.list_offset("t", -2).await.1, 2);
    let answer = client.fetch("t", 0, 1).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, Code::OffsetOutOfRange.code());
    assert_eq!(read(&client.fetch("t", 0, 2).await), expected(2, &["c"]));
    assert_eq!(delete_before(&mut client, "t", -1).await, (0, 3), "-1 stands for everything");
    assert_eq!(client.produce("t", 0, plain(&["d"])).await.base_offset, 3);
    client.create("compacted", 1, &[("cleanup.policy", "compact")]).await;
    let refused = delete_before(&mut client, "compacted", 0).await;
    assert_eq!(refused, (Code::PolicyViolation.code(), -1));
    client.create("kept", 1, &[("cleanup.policy", "")]).await;
    assert_eq!(delete_before(&mut client, "kept", 0).await, (0, 0), "only compaction forbids it");
}

#[tokio::test]
async fn old_segments_go_and_their_files_after_a_delay() {
    let configs = [
        ("log.retention.check.interval.ms", "10"),
        ("log.segment.bytes", "1048576"),
        ("log.segment.delete.delay.ms", "50"),
    ];
    let ottla = Ottla::with(&configs).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("retention.ms", "-1"), ("retention.bytes", "1500000")]).await;
    for _ in 0..8 {
        client.produce("t", 0, plain(&[&"x".repeat(600_000)])).await;
    }
    let dir = ottla.data_dir().join("t-0");
    // Each segment holds one batch: what is kept is the least that is at least 1.5 MB.
    let files_left = || (files(&dir, ".log"), files(&dir, ".deleted"));
    while client.list_offset("t", -2).await.1 != 5 || files_left() != (3, 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.list_offset("t", -1).await.1, 8);
    // The records of tests are years old: by time, everything goes.
    assert_eq!(alter(&mut client, "t", &[("retention.ms", SET, "1000")]).await.0, 0);
    while client.list_offset("t", -2).await.1 != 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.produce("t", 0, plain(&["after"])).await.base_offset, 8);
}

#[tokio::test]
async fn a_segment_ends_after_segment_ms_though_nothing_comes() {
    let ottla = Ottla::with(&[("log.retention.check.interval.ms", "10")]).await;
    let mut client = ottla.client().await;
    let configs = [("segment.ms", "100"), ("retention.ms", "-1")];
    client.create("t", 1, &configs).await;
    client.produce("t", 0, plain(&["a"])).await;
    let dir = ottla.data_dir().join("t-0");
    while files(&dir, ".log") < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]));
}

#[tokio::test]
async fn partitions_are_as_large_as_their_log() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let batch = plain(&["0123456789"]);
    client.produce("t", 0, batch.clone()).await;
    let answer = client.call(4, &DescribeLogDirsRequest::default().with_topics(None)).await;
    let result = &answer.results[0];
    assert!(result.total_bytes >= result.usable_bytes && result.usable_bytes > 0);
    assert_eq!(&*result.log_dir, ottla.data_dir().to_str().unwrap());
    let sizes: Vec<_> = result.topics[0].partitions.iter().map(|p| p.partition_size).collect();
    assert_eq!(sizes, [batch.len() as i64, 0]);
    assert!(!ottla.data_dir().join("t-1").exists(), "looking makes nothing");
}

#[tokio::test]
async fn one_broker_leads_everything_and_nothing_moves() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let topic = TopicPartitions::default().with_topic(topic_name("t")).with_partitions(vec![0, 9]);
    let elect = ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]));
    let answer = client.call(2, &elect).await;
    let codes: Vec<_> = answer.replica_election_results[0]
        .partition_result
        .iter()
        .map(|partition| partition.error_code)
        .collect();
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(codes, [Code::ElectionNotNeeded.code(), unknown]);
    let all = client.call(2, &elect.with_topic_partitions(None)).await;
    assert!(all.replica_election_results.iter().all(|topic| topic.partition_result.is_empty()));

    let move_to = |index, replicas: Option<Vec<i32>>| {
        let replicas = replicas.map(|ids| ids.into_iter().map(BrokerId).collect());
        ReassignablePartition::default().with_partition_index(index).with_replicas(replicas)
    };
    let partitions = vec![
        move_to(0, Some(vec![1])),
        move_to(0, None),
        move_to(1, Some(vec![1, 2])),
        move_to(9, Some(vec![1])),
    ];
    let topic = ReassignableTopic::default().with_name(topic_name("t")).with_partitions(partitions);
    let moving = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
    let answer = client.call(1, &moving).await;
    let codes: Vec<_> = answer.responses[0].partitions.iter().map(|p| p.error_code).collect();
    let (none, invalid) = (Code::NoReassignmentInProgress, Code::InvalidReplicaAssignment);
    assert_eq!(codes, [0, none.code(), invalid.code(), unknown]);

    let partition = PartitionData::default().with_partition_index(0);
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![partition]);
    let quorum = client.call(2, &DescribeQuorumRequest::default().with_topics(vec![topic])).await;
    let metadata = &quorum.topics[0].partitions[0];
    assert_eq!((metadata.error_code, metadata.leader_id.0), (0, 1));
    assert!(metadata.high_watermark > 0 && metadata.current_voters.len() == 1);
}
