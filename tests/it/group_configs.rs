//! Configs of groups: what is described and refused, and what is in effect for a group.

use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;

use crate::broker_configs::{
    BROKER, DELETE, GROUP, INVALID_CONFIG, INVALID_REQUEST, alter, describe, do_set, found,
    replace, set,
};
use crate::harness::Ottla;

const SESSION: &str = "consumer.session.timeout.ms";
const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";

/// The configs that are not internal to Kafka, with the values of Kafka 4.4.
const DEFAULTS: &[(&str, &str)] = &[
    ("consumer.assignment.interval.ms", "1000"),
    (HEARTBEAT, "5000"),
    (SESSION, "45000"),
    ("errors.deadletterqueue.copy.record.enable", "false"),
    ("errors.deadletterqueue.topic.name", ""),
    ("share.assignment.interval.ms", "1000"),
    ("share.auto.offset.reset", "latest"),
    ("share.delivery.count.limit", "5"),
    ("share.heartbeat.interval.ms", "5000"),
    ("share.isolation.level", "read_uncommitted"),
    ("share.partition.max.record.locks", "2000"),
    ("share.record.lock.duration.ms", "30000"),
    ("share.renew.acknowledge.enable", "true"),
    ("share.session.timeout.ms", "45000"),
    ("streams.assignment.interval.ms", "1000"),
    ("streams.assignor.name", "sticky"),
    ("streams.heartbeat.interval.ms", "5000"),
    ("streams.initial.rebalance.delay.ms", "3000"),
    ("streams.num.standby.replicas", "0"),
    ("streams.rack.aware.assignment.tags", ""),
    ("streams.session.timeout.ms", "45000"),
];

/// Session timeout, heartbeat interval and assignment interval in effect for a group.
fn in_effect(ottla: &Ottla, group: &str) -> [i32; 3] {
    let broker = ottla.broker();
    let config = broker.settings.group(&broker.image(), group);
    [
        config.consumer_session_timeout_ms,
        config.consumer_heartbeat_interval_ms,
        config.consumer_assignment_interval_ms,
    ]
}

#[tokio::test]
async fn a_group_without_configs_is_described_with_the_defaults_of_kafka() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let described = describe(&mut client, GROUP, "of no one").await;
    assert_eq!(described.error_code, 0);
    let shown = |one: &DescribeConfigsResourceResult| {
        assert_eq!((one.config_source, one.read_only), (5, false), "{}", &*one.name);
        (one.name.to_string(), one.value.as_deref().unwrap_or("null").to_owned())
    };
    let all: Vec<_> = described.configs.iter().map(shown).collect();
    let expected = DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assert_eq!(all, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_group_cannot_have_is_refused_in_kafkas_words() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for (name, value, why) in [
        ("nope", "1", "Unknown group config name: nope"),
        (SESSION, "44999", "NAME must be in the range 45000 to 60000 inclusive."),
        (HEARTBEAT, "15001", "NAME must be in the range 5000 to 15000 inclusive."),
        ("share.delivery.count.limit", "11", "NAME must be in the range 2 to 10 inclusive."),
        ("streams.num.standby.replicas", "3", "NAME must be less than or equal to 2"),
        (
            "errors.deadletterqueue.topic.name",
            "__dlq",
            "NAME: DLQ topic name must not start with '__'",
        ),
    ] {
        let refused = set(&mut client, GROUP, "g", name, value).await;
        assert_eq!(refused, (INVALID_CONFIG, why.replace("NAME", name)));
        assert_eq!(replace(&mut client, GROUP, "g", &[(name, value)]).await, refused);
    }
    // Kafka checks all names before any value.
    let both = [(SESSION, "1"), ("nope", "1")];
    let why = "Unknown group config name: nope".to_owned();
    assert_eq!(replace(&mut client, GROUP, "g", &both).await, (INVALID_CONFIG, why));
    let why = "Default group resources are not allowed.".to_owned();
    assert_eq!(set(&mut client, GROUP, "", SESSION, "50000").await, (INVALID_REQUEST, why));
    assert_eq!(ottla.broker().image().configs_of(32, "g").len(), 0);
}

#[tokio::test]
async fn configs_of_a_group_are_in_effect_at_once_and_after_a_restart() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    assert_eq!(in_effect(&ottla, "g"), [45_000, 5000, 1000]);
    do_set(&mut client, GROUP, "g", SESSION, "50000").await;
    do_set(&mut client, GROUP, "g", "share.isolation.level", "read_committed").await;
    let interval = "group.consumer.assignment.interval.ms";
    do_set(&mut client, BROKER, "1", interval, "2000").await;
    assert_eq!(in_effect(&ottla, "g"), [50_000, 5000, 2000]);
    assert_eq!(in_effect(&ottla, "other"), [45_000, 5000, 2000]);
    drop(client);
    ottla.restart().await;
    let mut client = ottla.client().await;
    assert_eq!(in_effect(&ottla, "g"), [50_000, 5000, 2000]);
    assert_eq!(replace(&mut client, GROUP, "g", &[(HEARTBEAT, "6000")]).await.0, 0);
    assert_eq!(in_effect(&ottla, "g"), [45_000, 6000, 2000]);
    let isolation = found(&mut client, GROUP, "g", "share.isolation.level").await;
    assert_eq!(isolation.config_source, 5, "it has been replaced with nothing");
    assert_eq!(alter(&mut client, GROUP, "g", &[(HEARTBEAT, DELETE, "")]).await.0, 0);
    assert_eq!(in_effect(&ottla, "g"), [45_000, 5000, 2000]);
}

#[tokio::test]
async fn a_config_that_is_out_of_the_brokers_new_bounds_is_kept_and_counts_as_the_bound() {
    let mut ottla = Ottla::with(&[("group.consumer.max.session.timeout.ms", "90000")]).await;
    let mut client = ottla.client().await;
    do_set(&mut client, GROUP, "g", SESSION, "80000").await;
    assert_eq!(in_effect(&ottla, "g")[0], 80_000);
    drop(client);
    ottla.restart_with(&[]).await;
    assert_eq!(in_effect(&ottla, "g")[0], 60_000);
    let mut client = ottla.client().await;
    let kept = found(&mut client, GROUP, "g", SESSION).await;
    assert_eq!((kept.value.as_deref(), kept.config_source), (Some("80000"), 8));
    // As in Kafka, all that the group has is checked when anything of it is changed.
    assert_eq!(set(&mut client, GROUP, "g", HEARTBEAT, "6000").await.0, INVALID_CONFIG);
    do_set(&mut client, GROUP, "g", SESSION, "60000").await;
    do_set(&mut client, GROUP, "g", HEARTBEAT, "6000").await;
}

#[tokio::test]
async fn classes_of_kafka_and_capitals_are_described_as_they_were_set() {
    let class = "org.apache.kafka.coordinator.group.assignor.RangeAssignor";
    let policy = "group.consumer.migration.policy";
    let ottla = Ottla::with(&[("group.consumer.assignors", class), (policy, "DISABLED")]).await;
    let mut client = ottla.client().await;
    let assignors = found(&mut client, BROKER, "1", "group.consumer.assignors").await;
    assert_eq!((assignors.value.as_deref(), assignors.read_only), (Some(class), true));
    assert_eq!(found(&mut client, BROKER, "1", policy).await.value.as_deref(), Some("DISABLED"));
    let all = describe(&mut client, BROKER, "1").await.configs;
    let hidden = "group.consumer.regex.refresh.interval.ms";
    assert!(all.iter().all(|config| &*config.name != hidden), "it is internal to Kafka");
}
