//! Configs of the broker, its loggers, groups and client metrics, changed while it runs.

use std::sync::{Arc, Mutex};

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_configs_request::{
    AlterConfigsResource as Replaced, AlterableConfig as ReplacedConfig,
};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
};

use crate::client::{Client, text};
use crate::harness::Ottla;
use crate::records::plain;

const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
pub const LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
pub const GROUP: i8 = 32;

pub const SET: i8 = 0;
pub const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

type Change<'a> = (&'a str, i8, &'a str);

fn resource(kind: i8, name: &str, changes: &[Change]) -> AlterConfigsResource {
    let config = |(name, operation, value): &Change| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value((*operation != DELETE).then(|| text(value)))
    };
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(changes.iter().map(config).collect())
}

async fn send(client: &mut Client, request: IncrementalAlterConfigsRequest) -> (i16, String) {
    let answer = client.call(1, &request).await.responses.remove(0);
    (answer.error_code, answer.error_message.map(|m| m.to_string()).unwrap_or_default())
}

pub async fn alter(
    client: &mut Client,
    kind: i8,
    name: &str,
    changes: &[Change<'_>],
) -> (i16, String) {
    let resources = vec![resource(kind, name, changes)];
    send(client, IncrementalAlterConfigsRequest::default().with_resources(resources)).await
}

pub async fn set(
    client: &mut Client,
    kind: i8,
    of: &str,
    name: &str,
    value: &str,
) -> (i16, String) {
    alter(client, kind, of, &[(name, SET, value)]).await
}

/// A change that must be made.
pub async fn do_set(client: &mut Client, kind: i8, of: &str, name: &str, value: &str) {
    assert_eq!(set(client, kind, of, name, value).await, (0, String::new()), "{name}={value}");
}

/// All of a resource's configs at once.
pub async fn replace(
    client: &mut Client,
    kind: i8,
    of: &str,
    all: &[(&str, &str)],
) -> (i16, String) {
    let config = |(name, value): &(&str, &str)| {
        ReplacedConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let resource = Replaced::default()
        .with_resource_type(kind)
        .with_resource_name(text(of))
        .with_configs(all.iter().map(config).collect());
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = client.call(2, &request).await.responses.remove(0);
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

pub async fn found(
    client: &mut Client,
    kind: i8,
    of: &str,
    name: &str,
) -> DescribeConfigsResourceResult {
    let result = describe(client, kind, of).await;
    assert_eq!(result.error_code, 0, "{:?}", result.error_message);
    result.configs.into_iter().find(|config| &*config.name == name).expect(name)
}

/// The places that have a value, the one that counts first: name, value, source.
fn places(config: &DescribeConfigsResourceResult) -> Vec<String> {
    let place = |name: &str, value: &str, source: i8| format!("{name}={value}@{source}");
    config
        .synonyms
        .iter()
        .map(|one| place(&one.name, one.value.as_deref().unwrap_or("null"), one.source))
        .collect()
}

async fn listed(client: &mut Client, types: &[i8]) -> Vec<(i8, String)> {
    let request = ListConfigResourcesRequest::default().with_resource_types(types.to_vec());
    let answer = client.call(1, &request).await;
    let all = answer.config_resources.iter();
    all.map(|one| (one.resource_type, one.resource_name.to_string())).collect()
}

pub const INVALID_REQUEST: i16 = 42;
pub const INVALID_CONFIG: i16 = 40;

#[tokio::test]
async fn a_default_of_topics_acts_at_once_on_those_that_do_not_say_and_outlives_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("old", 1, &[]).await;
    client.create("own", 1, &[("max.message.bytes", "100000")]).await;
    let large = plain(&[&"x".repeat(5000)]);
    let too_large = Code::MessageTooLarge.code();
    assert_eq!(client.produce("old", 0, large.clone()).await.error_code, 0);
    do_set(&mut client, BROKER, "", "message.max.bytes", "1000").await;
    client.create("new", 1, &[]).await;
    for (topic, code) in [("old", too_large), ("new", too_large), ("own", 0)] {
        assert_eq!(client.produce(topic, 0, large.clone()).await.error_code, code, "{topic}");
    }
    do_set(&mut client, BROKER, "1", "message.max.bytes", "9000").await;
    assert_eq!(client.produce("old", 0, large.clone()).await.error_code, 0, "the nearer counts");
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(client.produce("new", 0, large.clone()).await.error_code, 0);
    assert_eq!(alter(&mut client, BROKER, "1", &[("message.max.bytes", DELETE, "")]).await.0, 0);
    assert_eq!(client.produce("new", 0, large.clone()).await.error_code, too_large);
    assert_eq!(alter(&mut client, BROKER, "", &[("message.max.bytes", DELETE, "")]).await.0, 0);
    assert_eq!(client.produce("new", 0, large).await.error_code, 0);
}

#[tokio::test]
async fn a_value_is_described_with_every_place_that_has_one_the_nearest_first() {
    let ottla = Ottla::with(&[("log.retention.hours", "5")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("retention.ms", "1000")]).await;
    client.create("u", 1, &[]).await;
    do_set(&mut client, BROKER, "", "log.retention.ms", "3000").await;
    do_set(&mut client, BROKER, "1", "log.retention.ms", "2000").await;
    let all = ["log.retention.ms=2000@2", "log.retention.ms=3000@3", "log.retention.hours=5@4"];
    let all: Vec<&str> = all.into_iter().chain(["log.retention.hours=168@5"]).collect();
    let broker = found(&mut client, BROKER, "1", "log.retention.ms").await;
    assert_eq!((broker.value.as_deref(), broker.config_source), (Some("2000"), 2));
    assert_eq!(places(&broker), all);
    assert!(!broker.read_only && !broker.is_sensitive && broker.config_type == 5);
    let hours = found(&mut client, BROKER, "1", "log.retention.hours").await;
    assert_eq!((hours.value.as_deref(), hours.config_source), (Some("5"), 4));
    assert!(hours.read_only, "the first name alone can change");
    let topic = found(&mut client, TOPIC, "t", "retention.ms").await;
    assert_eq!((topic.value.as_deref(), topic.config_source), (Some("1000"), 1));
    assert_eq!(places(&topic)[1..], all);
    let topic = found(&mut client, TOPIC, "u", "retention.ms").await;
    assert_eq!((topic.value.as_deref(), topic.config_source), (Some("2000"), 2));
    let defaults = set_on_all(&mut client).await;
    assert_eq!(defaults.len(), 1, "only what was set on all brokers");
    assert_eq!((&*defaults[0].name, defaults[0].config_source), ("log.retention.ms", 3));
    assert_eq!(places(&defaults[0]), ["log.retention.ms=3000@3"]);
}

/// What clients have set on all brokers, but for what a new data directory begins with.
async fn set_on_all(client: &mut Client) -> Vec<DescribeConfigsResourceResult> {
    let mut configs = describe(client, BROKER, "").await.configs;
    configs.retain(|config| &*config.name != "min.insync.replicas");
    configs
}

#[tokio::test]
async fn what_cannot_change_is_refused_as_kafka_refuses_it_and_changes_nothing() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let fixed = "Cannot update these configs dynamically: [node.id, num.partitions]";
    let changes = [("num.partitions", SET, "5"), ("node.id", SET, "5"), ("log.roll.ms", SET, "5")];
    let refused = alter(&mut client, BROKER, "1", &changes).await;
    assert_eq!(refused, (INVALID_REQUEST, fixed.to_owned()));
    let refused = set(&mut client, BROKER, "", "log.retention.hours", "5").await.1;
    assert_eq!(refused, "Cannot update these configs dynamically: [log.retention.hours]");
    let (code, why) = set(&mut client, BROKER, "1", "log.retention.ms", "abc").await;
    assert!(code == INVALID_REQUEST && why.starts_with("Invalid value abc for configuration log."));
    let (code, why) = set(&mut client, BROKER, "1", "message.max.byte", "5").await;
    assert!(code == INVALID_CONFIG && why.contains("did you mean message.max.bytes?"), "{why}");
    let append = [("log.retention.ms", APPEND, "1")];
    let why = "Config value append is not allowed for config key: log.retention.ms";
    assert_eq!(alter(&mut client, BROKER, "1", &append).await, (INVALID_CONFIG, why.to_owned()));
    let why = "Unexpected broker id, expected 1, but received 2";
    let refused = set(&mut client, BROKER, "2", "log.roll.ms", "5").await;
    assert_eq!(refused, (INVALID_REQUEST, why.to_owned()));
    assert_eq!(set(&mut client, BROKER, "x", "log.roll.ms", "5").await.0, INVALID_REQUEST);
    let both = [
        ("log.cleaner.min.compaction.lag.ms", SET, "10"),
        ("log.cleaner.max.compaction.lag.ms", SET, "9"),
    ];
    assert_eq!(alter(&mut client, BROKER, "", &both).await.0, INVALID_REQUEST);
    let (code, why) = set(&mut client, BROKER, "", "max.connections.per.ip", "0").await;
    assert!(code == INVALID_REQUEST && why.contains("no client could connect"), "{why}");
    assert_eq!(set_on_all(&mut client).await.len(), 0);
    assert_eq!(found(&mut client, BROKER, "1", "log.roll.ms").await.value, None);
    let gone = [("node.id", DELETE, ""), ("no.such", DELETE, "")];
    assert_eq!(alter(&mut client, BROKER, "1", &gone).await.0, 0, "what is not set can be removed");
}

#[tokio::test]
async fn validation_alone_changes_nothing_and_a_resource_stands_once_in_a_request() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let request = |resources| IncrementalAlterConfigsRequest::default().with_resources(resources);
    let good = resource(BROKER, "", &[("log.roll.ms", SET, "5000")]);
    let bad = resource(BROKER, "", &[("log.roll.ms", SET, "0")]);
    let validated = request(vec![good.clone()]).with_validate_only(true);
    assert_eq!(send(&mut client, validated).await.0, 0);
    let validated = request(vec![bad.clone()]).with_validate_only(true);
    assert_eq!(send(&mut client, validated).await.0, INVALID_REQUEST);
    let other = resource(GROUP, "g", &[("consumer.session.timeout.ms", SET, "50000")]);
    let answer = client.call(1, &request(vec![good.clone(), other, good])).await;
    let codes: Vec<_> = answer.responses.iter().map(|one| one.error_code).collect();
    assert_eq!(codes, [INVALID_REQUEST, 0, INVALID_REQUEST]);
    assert_eq!(set_on_all(&mut client).await.len(), 0);
}

#[tokio::test]
async fn lists_of_the_broker_are_appended_to_and_all_of_its_configs_replaced() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let policy = "log.cleanup.policy";
    for (operation, value, then) in [
        (APPEND, "compact", "delete,compact"),
        (APPEND, "compact,delete", "delete,compact"),
        (SUBTRACT, "delete", "compact"),
    ] {
        assert_eq!(alter(&mut client, BROKER, "1", &[(policy, operation, value)]).await.0, 0);
        assert_eq!(found(&mut client, BROKER, "1", policy).await.value.as_deref(), Some(then));
    }
    client.create("t", 1, &[]).await;
    let keyless = client.produce("t", 0, plain(&["a"])).await.error_code;
    assert_eq!(keyless, Code::InvalidRecord.code(), "compacted by default now");
    assert_eq!(replace(&mut client, BROKER, "1", &[("log.roll.ms", "5000")]).await.0, 0);
    assert_eq!(found(&mut client, BROKER, "1", policy).await.config_source, 5);
    assert_eq!(found(&mut client, BROKER, "1", "log.roll.ms").await.config_source, 2);
    do_set(&mut client, BROKER, "1", "log.flush.interval.ms", "5000").await;
    let other = found(&mut client, BROKER, "1", "log.flush.scheduler.interval.ms").await;
    assert!(other.config_source == 5 && other.read_only, "that name stays as the start left it");
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 0);
    // 32,767 bytes: as long as a value may be.
    let any = "metric.reporters";
    do_set(&mut client, BROKER, "1", any, &"x".repeat(32_767)).await;
    let grown = alter(&mut client, BROKER, "1", &[(any, APPEND, "y")]).await;
    assert!(grown.0 == INVALID_CONFIG && grown.1.contains("32767"), "{}", grown.1);
    let (code, why) = replace(&mut client, LOGGER, "1", &[("root", "DEBUG")]).await;
    assert_eq!((code, &*why), (INVALID_REQUEST, "Unknown resource type 8"));
}

#[tokio::test]
async fn limits_of_connections_hold_from_the_change_on() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let mut other = ottla.client().await;
    do_set(&mut client, BROKER, "1", "max.connections", "2").await;
    assert!(ottla.client().await.is_closed().await);
    other.create("t", 1, &[]).await;
    do_set(&mut client, BROKER, "1", "max.connections", "3").await;
    ottla.client().await.create("u", 1, &[]).await;
    do_set(&mut client, BROKER, "1", "max.connections", "100").await;
    do_set(&mut client, BROKER, "", "max.connections.per.ip", "1").await;
    assert!(ottla.client().await.is_closed().await);
    do_set(&mut client, BROKER, "", "max.connections.per.ip.overrides", "127.0.0.1:50").await;
    ottla.client().await.create("v", 1, &[]).await;
}

#[tokio::test]
async fn loggers_are_listed_with_their_levels_and_set_live() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    assert_eq!(describe(&mut client, LOGGER, "1").await.configs.len(), 0, "no one writes lines");
    let filters = Arc::new(Mutex::new(Vec::new()));
    let into = filters.clone();
    let sink = move |filter: &str| {
        into.lock().unwrap().push(filter.to_owned());
        Ok(())
    };
    ottla.broker().loggers.connect("warn,ottla::log=debug", Box::new(sink));
    let root = found(&mut client, LOGGER, "1", "root").await;
    assert_eq!((root.value.as_deref(), root.config_source), (Some("WARN"), 6));
    assert!(!root.read_only && root.config_type == 0 && root.synonyms.is_empty());
    do_set(&mut client, LOGGER, "1", "ottla.server", "TRACE").await;
    assert_eq!(
        filters.lock().unwrap().last().unwrap(),
        "warn,ottla::log=debug,ottla::server=trace"
    );
    let level = found(&mut client, LOGGER, "1", "ottla.server").await.value;
    assert_eq!(level.as_deref(), Some("TRACE"));
    let why = "Logger no.such does not exist!".to_owned();
    assert_eq!(set(&mut client, LOGGER, "1", "no.such", "INFO").await, (INVALID_CONFIG, why));
    let (code, why) = set(&mut client, LOGGER, "1", "ottla", "LOUD").await;
    assert!(code == INVALID_CONFIG && why.contains("not a supported log level"), "{why}");
    let (code, why) = alter(&mut client, LOGGER, "1", &[("ottla", APPEND, "INFO")]).await;
    assert_eq!(code, INVALID_REQUEST);
    assert_eq!(why, "APPEND operation is not allowed for the BROKER_LOGGER resource");
    assert_eq!(alter(&mut client, LOGGER, "1", &[("root", DELETE, "")]).await.0, INVALID_REQUEST);
    for name in ["", "2", "x"] {
        assert_eq!(set(&mut client, LOGGER, name, "root", "INFO").await.0, INVALID_REQUEST);
        assert_eq!(describe(&mut client, LOGGER, name).await.error_code, INVALID_REQUEST);
    }
    assert_eq!(alter(&mut client, LOGGER, "1", &[("ottla.server", DELETE, "")]).await.0, 0);
    assert_eq!(filters.lock().unwrap().last().unwrap(), "warn,ottla::log=debug");
    assert_eq!(filters.lock().unwrap().len(), 2, "what was refused asked for no filter");
}

#[tokio::test]
async fn groups_and_client_metrics_have_configs_that_are_kept_checked_and_listed() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let session = "consumer.session.timeout.ms";
    do_set(&mut client, GROUP, "g", session, "50000").await;
    do_set(&mut client, CLIENT_METRICS, "m", "metrics", "a.b, c").await;
    let (code, why) = set(&mut client, GROUP, "g", session, "100000").await;
    assert_eq!(code, INVALID_CONFIG);
    assert_eq!(why, format!("{session} must be in the range 45000 to 60000 inclusive."));
    assert_eq!(set(&mut client, GROUP, "g", "no.such", "1").await.0, INVALID_CONFIG);
    assert_eq!(set(&mut client, GROUP, "", session, "50000").await.0, INVALID_REQUEST);
    assert_eq!(set(&mut client, CLIENT_METRICS, "m", "no.such", "1").await.0, INVALID_REQUEST);
    assert_eq!(set(&mut client, CLIENT_METRICS, "m", "interval.ms", "99").await.0, INVALID_REQUEST);
    assert_eq!(set(&mut client, CLIENT_METRICS, "m", "match", "a=b").await.0, INVALID_CONFIG);
    let why = "Can't APPEND to key metrics because its type is not LIST.";
    let refused = alter(&mut client, CLIENT_METRICS, "m", &[("metrics", APPEND, "d")]).await;
    assert_eq!(refused, (INVALID_CONFIG, why.to_owned()));
    assert_eq!(set(&mut client, 0, "m", "a", "b").await.1, "Unknown resource type 0");
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    let own = found(&mut client, GROUP, "g", session).await;
    assert_eq!((own.value.as_deref(), own.config_source), (Some("50000"), 8));
    let other = found(&mut client, GROUP, "of no one", session).await;
    assert_eq!((other.value.as_deref(), other.config_source), (Some("45000"), 5));
    let metrics = found(&mut client, CLIENT_METRICS, "m", "metrics").await;
    assert_eq!((metrics.value.as_deref(), metrics.config_source), (Some("a.b,c"), 7));
    for kind in [GROUP, CLIENT_METRICS, 99] {
        assert_eq!(describe(&mut client, kind, "").await.error_code, INVALID_REQUEST);
    }
    let (m, g) = ((CLIENT_METRICS, "m".to_owned()), (GROUP, "g".to_owned()));
    assert_eq!(listed(&mut client, &[GROUP, CLIENT_METRICS]).await, [m.clone(), g.clone()]);
    let all = listed(&mut client, &[]).await;
    assert_eq!(all, [(BROKER, "1".to_owned()), (LOGGER, "1".to_owned()), m, g]);
    let metrics_alone = client.call(0, &ListConfigResourcesRequest::default()).await;
    assert_eq!(metrics_alone.config_resources.len(), 1);
    assert_eq!(alter(&mut client, GROUP, "g", &[(session, DELETE, "")]).await.0, 0);
    assert_eq!(listed(&mut client, &[GROUP]).await, []);
}
