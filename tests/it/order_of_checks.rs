//! What is looked at first where several things are wrong at once, as in Apache Kafka 4.4.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_configs_request::{
    AlterConfigsResource, AlterableConfig as Config,
};
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopicConfig,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_response::{EpochEndOffset, PartitionData};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as Incremental, AlterableConfig as Operation,
};
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterPartitionReassignmentsRequest, BrokerId, CreatePartitionsRequest,
    CreateTopicsRequest, DescribeConfigsRequest, ElectLeadersRequest, FetchRequest,
    IncrementalAlterConfigsRequest, UpdateFeaturesRequest,
};

use crate::client::{Client, creation, fetching, text, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

async fn fetched(client: &mut Client, request: &FetchRequest) -> PartitionData {
    client.call(12, request).await.responses.remove(0).partitions.remove(0)
}

#[tokio::test]
async fn an_offset_behind_the_epoch_that_was_read_is_answered_with_its_end() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a", "b"])).await;
    let mut request = fetching("t", 0, 7).with_max_wait_ms(60_000);
    request.topics[0].partitions[0].last_fetched_epoch = 0;
    let partition = fetched(&mut client, &request).await;
    assert_eq!((partition.error_code, partition.high_watermark), (0, 2));
    let end = EpochEndOffset::default().with_epoch(0).with_end_offset(2);
    assert_eq!(partition.diverging_epoch, end);
    request.topics[0].partitions[0].fetch_offset = 1;
    let partition = fetched(&mut client, &request).await;
    assert_eq!(partition.diverging_epoch, EpochEndOffset::default());
    assert!(!partition.records.unwrap().is_empty());
    request.topics[0].partitions[0].fetch_offset = -1;
    let partition = fetched(&mut client, &request).await;
    assert_eq!(partition.error_code, Code::OffsetOutOfRange.code());
}

#[tokio::test]
async fn a_session_comes_before_the_isolation_level() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = fetching("t", 0, 0).with_isolation_level(7).with_session_epoch(5);
    let answer = client.call(12, &request).await;
    assert_eq!(answer.error_code, Code::FetchSessionIdNotFound.code());
    assert_eq!(answer.responses, []);
}

#[tokio::test]
async fn where_nothing_is_named_nothing_else_is_looked_at() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let request = ElectLeadersRequest::default()
        .with_election_type(9)
        .with_topic_partitions(Some(Vec::new()));
    assert_eq!(client.call(2, &request).await.error_code, 0);
    let request =
        AlterPartitionReassignmentsRequest::default().with_allow_replication_factor_change(false);
    let answer = client.call(1, &request).await;
    assert!(answer.allow_replication_factor_change);
    assert_eq!(answer.error_message, Some(text("")));
}

#[tokio::test]
async fn too_many_partitions_refuse_everything_that_is_named_once() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let topic = |name, count| {
        CreatePartitionsTopic::default()
            .with_name(topic_name(name))
            .with_count(count)
            .with_assignments(None)
    };
    let mut codes = async |topics: Vec<CreatePartitionsTopic>| -> Vec<i16> {
        let request = CreatePartitionsRequest::default().with_topics(topics);
        let answer = client.call(3, &request).await;
        answer.results.iter().map(|result| result.error_code).collect()
    };
    let policy = Code::PolicyViolation.code();
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(codes(vec![topic("unknown", 3), topic("t", 20_000)]).await, [policy, policy]);
    assert_eq!(codes(vec![topic("unknown", 20_000)]).await, [unknown]);
    let twice = vec![topic("t", 20_000), topic("t", 2)];
    assert_eq!(codes(twice).await, [Code::InvalidRequest.code()]);
}

#[tokio::test]
async fn too_many_partitions_refuse_each_topic_as_often_as_it_is_named() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let topics = [("twice", 2), ("large", 20_000), ("twice", 2)];
    let topics = topics.map(|(name, count)| creation(name, count, &[]).topics.remove(0));
    let request = CreateTopicsRequest::default().with_topics(topics.to_vec());
    let answer = client.call(7, &request).await;
    let policy = Code::PolicyViolation.code();
    let found: Vec<_> =
        answer.topics.iter().map(|topic| (topic.name.as_str(), topic.error_code)).collect();
    assert_eq!(found, [("twice", policy), ("large", policy), ("twice", policy)]);
}

#[tokio::test]
async fn a_refused_topic_is_answered_with_the_reason_in_kafkas_words() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let mut reported = async |request: &CreateTopicsRequest| {
        let topic = client.call(7, request).await.topics.remove(0);
        topic.error_message.map(|message| message.to_string()).unwrap_or_default()
    };
    let not_positive = "Number of partitions was set to an invalid non-positive value.";
    assert_eq!(reported(&creation("t", 0, &[])).await, not_positive);
    let mut by_hand = creation("t", 2, &[]);
    by_hand.topics[0].assignments = vec![CreatableReplicaAssignment::default()];
    let but = "A manual partition assignment was specified, but";
    assert_eq!(reported(&by_hand).await, format!("{but} replication factor was not set to -1."));
    by_hand.topics[0].replication_factor = -1;
    assert_eq!(reported(&by_hand).await, format!("{but} numPartitions was not set to -1."));
    by_hand.topics[0].num_partitions = -1;
    by_hand.topics[0].assignments[0].partition_index = 5;
    let empty = "The manual partition assignment includes an empty replica list.";
    assert_eq!(reported(&by_hand).await, empty);
    by_hand.topics[0].assignments[0].broker_ids = vec![BrokerId(1)];
    let gap = "partitions should be a consecutive 0-based integer sequence";
    assert_eq!(reported(&by_hand).await, gap);
    let again = by_hand.topics[0].assignments[0].clone();
    by_hand.topics[0].assignments.push(again);
    let twice = "Found multiple manual partition assignments for partition 5";
    assert_eq!(reported(&by_hand).await, twice);
    let mut nulls = creation("t", 1, &[]);
    for name in ["retention.ms", "cleanup.policy"] {
        let config = CreatableTopicConfig::default().with_name(text(name)).with_value(None);
        nulls.topics[0].configs.push(config);
    }
    let expected = "Null value not supported for topic configs: retention.ms,cleanup.policy";
    assert_eq!(reported(&nulls).await, expected);
    let unknown = creation("t", 1, &[("cleanup.policy", "x"), ("no.such", "1")]);
    assert_eq!(reported(&unknown).await, "Unknown topic config name: no.such");
}

#[tokio::test]
async fn a_new_topics_own_configs_are_returned_as_they_came() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let topic =
        client.call(7, &creation("t", 1, &[("retention.ms", " 7 ")])).await.topics.remove(0);
    let configs = topic.configs.unwrap();
    let retention = configs.iter().find(|config| &*config.name == "retention.ms").unwrap();
    assert_eq!(retention.value, Some(text(" 7 ")));
}

#[tokio::test]
async fn a_resource_of_no_type_keeps_the_others_from_being_described() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let resource = |kind| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text("1"))
            .with_configuration_keys(None)
    };
    let request = DescribeConfigsRequest::default().with_resources(vec![resource(4), resource(99)]);
    let answer = client.call(4, &request).await;
    assert_eq!(answer.results.len(), 2);
    for result in answer.results {
        assert_eq!(result.error_code, Code::InvalidRequest.code());
        assert!(result.error_message.unwrap().contains("malformed by the client"));
        assert_eq!(result.configs, []);
    }
}

fn code_and_message(response: &AlterConfigsResourceResponse) -> (i16, &str) {
    (response.error_code, response.error_message.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn configs_are_counted_before_their_values_are_missed() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let mut altered = async |names: &[&str]| {
        let config = |name: &&str| Config::default().with_name(text(name)).with_value(None);
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configs(names.iter().map(config).collect());
        let request = AlterConfigsRequest::default().with_resources(vec![resource]);
        client.call(2, &request).await.responses.remove(0)
    };
    let invalid = Code::InvalidRequest.code();
    let twice = altered(&["retention.ms", "retention.ms"]).await;
    assert_eq!(code_and_message(&twice), (invalid, "Error due to duplicate config keys"));
    let nulls = altered(&["retention.ms", "cleanup.policy"]).await;
    let message = "Null value not supported for : retention.ms, cleanup.policy";
    assert_eq!(code_and_message(&nulls), (invalid, message));
}

#[tokio::test]
async fn an_operation_comes_before_the_name_of_the_resource() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for (operation, code) in [(0, Code::InvalidTopicException), (3, Code::InvalidConfig)] {
        let config = Operation::default()
            .with_name(text("retention.ms"))
            .with_config_operation(operation)
            .with_value(Some(text("7")));
        let resource = Incremental::default()
            .with_resource_type(2)
            .with_resource_name(text("not a name"))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = client.call(1, &request).await;
        assert_eq!(answer.responses[0].error_code, code.code(), "operation {operation}");
    }
}

#[tokio::test]
async fn of_a_feature_that_is_named_twice_the_last_level_counts() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let key = |level| {
        FeatureUpdateKey::default()
            .with_feature(text("metadata.version"))
            .with_max_version_level(level)
            .with_upgrade_type(1)
    };
    for (levels, code) in [([99, 33], 0), ([33, 99], Code::InvalidUpdateVersion.code())] {
        let request =
            UpdateFeaturesRequest::default().with_feature_updates(levels.map(key).to_vec());
        assert_eq!(client.call(1, &request).await.error_code, code, "{levels:?}");
    }
}
