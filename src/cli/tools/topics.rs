//! `kafka-topics.sh` (`TopicCommand`).

use std::collections::BTreeMap;

use crate::cli::common::pairs;
use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::errors::words;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::cli::topic::admin::{TOPIC_ALREADY_EXISTS, replication};
use crate::client::admin::{self, NewTopic};
use crate::client::cluster::{Cluster, Partition, Topic};
use crate::client::configs::{self, ConfigEntry, TOPIC};
use crate::storage::checkpoint::{id_of, id_text};

const FLAGS: &[ToolFlag] = &[
    ("alter", Takes::Nothing, "Alter the number of partitions."),
    (
        "at-min-isr-partitions",
        Takes::Nothing,
        "When describing: only partitions whose isr count is the configured minimum.",
    ),
    (
        "command-config",
        Takes::Value,
        "Property file containing configs to be passed to Admin Client.",
    ),
    (
        "config",
        Takes::Value,
        "A topic configuration override for the topic being created, NAME=VALUE.",
    ),
    ("create", Takes::Nothing, "Create a new topic."),
    ("delete", Takes::Nothing, "Delete a topic."),
    ("describe", Takes::Nothing, "List details for the given topics."),
    (
        "exclude-internal",
        Takes::Nothing,
        "Exclude internal topics when listing or describing topics.",
    ),
    (
        "if-exists",
        Takes::Nothing,
        "When altering, deleting or describing: only if the topic exists.",
    ),
    ("if-not-exists", Takes::Nothing, "When creating: only if the topic does not already exist."),
    ("list", Takes::Nothing, "List all available topics."),
    (
        "partitions",
        Takes::Value,
        "The number of partitions for the topic being created or altered.",
    ),
    (
        "replica-assignment",
        Takes::Value,
        "Which brokers hold each partition: BROKER:BROKER,BROKER:BROKER.",
    ),
    (
        "replication-factor",
        Takes::Value,
        "The replication factor for each partition in the topic being created.",
    ),
    ("topic", Takes::Value, "The topic; a regular expression, except for --create."),
    ("topic-id", Takes::Value, "The topic-id to describe."),
    (
        "topics-with-overrides",
        Takes::Nothing,
        "When describing: only topics that have overridden configs.",
    ),
    (
        "unavailable-partitions",
        Takes::Nothing,
        "When describing: only partitions whose leader is not available.",
    ),
    (
        "under-min-isr-partitions",
        Takes::Nothing,
        "When describing: only partitions whose isr count is less than the configured minimum.",
    ),
    (
        "under-replicated-partitions",
        Takes::Nothing,
        "When describing: only under-replicated partitions.",
    ),
];

const ACTIONS: &[&str] = &["list", "describe", "create", "alter", "delete"];

/// Runs the tool.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "This tool helps to create, delete, describe, or change a topic.";
    let options = Options::read(about, FLAGS, args)?;
    if ACTIONS.iter().filter(|action| options.has(action)).count() != 1 {
        return Err(options.wrong(
            "Command must include exactly one action: --list, --describe, --create, --alter or \
             --delete",
        ));
    }
    options.required("bootstrap-server")?;
    for action in ["create", "alter", "delete"] {
        if options.has(action) {
            options.required("topic")?;
        }
    }
    let mut cluster = options.admin().await?;
    if options.has("create") {
        return create(&mut cluster, &options).await;
    }
    let topics = chosen(&mut cluster, &options).await?;
    if options.has("list") {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        return screen::line(&names.join("\n"));
    }
    if topics.is_empty() && options.has("topic") && !options.has("if-exists") {
        return Err(failed(&format!(
            "Topic '{}' does not exist as expected",
            options.value("topic").unwrap_or_default()
        )));
    }
    if options.has("describe") {
        return describe(&mut cluster, &options, &topics).await;
    }
    for topic in &topics {
        let done = match options.has("delete") {
            true => admin::delete_topic(&mut cluster, &topic.name).await,
            false => {
                let Some(count) = options.number("partitions")? else {
                    return Err(options.wrong("Missing required argument \"[partitions]\""));
                };
                admin::grow_topic(&mut cluster, &topic.name, count).await
            }
        };
        done.map_err(|error| failed(&words(&error)))?;
    }
    Ok(())
}

/// Returns a failure after printing it to stdout, as Kafka's tool does.
fn failed(why: &str) -> Failure {
    match screen::line(&format!("Error while executing topic command : {why}")) {
        Ok(()) => Failure::silent(1),
        Err(failure) => failure,
    }
}

async fn create(cluster: &mut Cluster, options: &Options) -> Result<(), Failure> {
    let name = options.required("topic")?;
    let mut configs = BTreeMap::new();
    for config in options.values("config") {
        let Some((name, value)) = config.split_once('=') else {
            return Err(failed(
                "requirement failed: Invalid topic config: all configs to be added must be in the \
                 format \"key=val\".",
            ));
        };
        configs.extend(pairs(&format!("{name}=[{value}]"))?);
    }
    let assignment = options.value("replica-assignment").map(assignment).transpose()?;
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: options.number("partitions")?,
        replication_factor: options.number("replication-factor")?,
        assignment: assignment.unwrap_or_default(),
        configs,
    };
    if name.contains('.') || name.contains('_') {
        screen::line(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore \
             ('_') could collide. To avoid issues it is best to use either, but not both.",
        )?;
    }
    match admin::create_topic(cluster, &topic, false).await {
        Ok(()) => screen::line(&format!("Created topic {name}.")),
        Err(error)
            if error.code() == Some(TOPIC_ALREADY_EXISTS) && options.has("if-not-exists") =>
        {
            Ok(())
        }
        Err(error) => Err(failed(&words(&error))),
    }
}

fn assignment(text: &str) -> Result<Vec<Vec<i32>>, Failure> {
    let brokers = |part: &str| part.split(':').map(|id| id.trim().parse()).collect();
    let parsed: Result<Vec<Vec<i32>>, _> = text.split(',').map(brokers).collect();
    parsed.map_err(|_| failed(&format!("{text}: invalid replica assignment")))
}

/// Returns the topics that the flags select.
async fn chosen(cluster: &mut Cluster, options: &Options) -> Result<Vec<Topic>, Failure> {
    let mut topics = cluster.all_topics().await?;
    if options.has("exclude-internal") {
        topics.retain(|topic| !topic.is_internal);
    }
    if let Some(text) = options.value("topic-id") {
        let id = id_of(text).ok_or_else(|| failed(&format!("TopicId '{text}' is not an id")))?;
        topics.retain(|topic| topic.id == id);
        if topics.is_empty() {
            return Err(failed(&format!("TopicId '{text}' does not exist as expected")));
        }
    }
    if let Some(pattern) = options.value("topic") {
        let matcher = Matcher::new(pattern)?;
        topics.retain(|topic| matcher.matches(&topic.name));
    }
    Ok(topics)
}

/// Matches a name, several names separated by commas, or a regular expression.
#[derive(Debug)]
pub struct Matcher(matchers::Pattern);

impl Matcher {
    /// Returns the matcher of a pattern.
    ///
    /// # Errors
    /// It is not a regular expression.
    pub fn new(pattern: &str) -> Result<Matcher, Failure> {
        // As in Kafka's IncludeList: commas are alternatives, quotes are ignored.
        let pattern = pattern.trim().replace(',', "|").replace(['"', '\''], "");
        // The end must be in the pattern: the matcher is anchored only at the start.
        let parsed = matchers::Pattern::new_anchored(&format!("(?:{pattern})$"));
        parsed.map(Matcher).map_err(|_| Failure::new(format!("{pattern} is an invalid regex.")))
    }

    /// Returns true if the pattern matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(&name)
    }
}

async fn describe(
    cluster: &mut Cluster,
    options: &Options,
    topics: &[Topic],
) -> Result<(), Failure> {
    let only_partitions = [
        "under-replicated-partitions",
        "unavailable-partitions",
        "under-min-isr-partitions",
        "at-min-isr-partitions",
    ]
    .iter()
    .any(|flag| options.has(flag));
    for topic in topics {
        let all = configs::describe(cluster, TOPIC, &topic.name).await?;
        // Kafka lists every config that is not at its default, including the broker's own settings.
        let set: Vec<&ConfigEntry> = all.iter().filter(|config| config.source != 5).collect();
        if options.has("topics-with-overrides") {
            if !set.is_empty() {
                screen::line(&headline(topic, &set))?;
            }
            continue;
        }
        if !only_partitions {
            screen::line(&headline(topic, &set))?;
        }
        let least = all.iter().find(|config| config.name == "min.insync.replicas");
        let least: usize = least.and_then(|c| c.value.as_ref()?.parse().ok()).unwrap_or(1);
        for (id, partition) in &topic.partitions {
            if !only_partitions || is_wanted(options, partition, least) {
                screen::line(&partition_line(topic, *id, partition))?;
            }
        }
    }
    Ok(())
}

fn is_wanted(options: &Options, partition: &Partition, least: usize) -> bool {
    let isr = partition.isr.len();
    options.has("under-replicated-partitions") && isr < partition.replicas.len()
        || options.has("unavailable-partitions") && partition.leader < 0
        || options.has("under-min-isr-partitions") && isr < least
        || options.has("at-min-isr-partitions") && isr == least
}

fn headline(topic: &Topic, set: &[&ConfigEntry]) -> String {
    let pair = |c: &&ConfigEntry| format!("{}={}", c.name, c.value.as_deref().unwrap_or_default());
    let configs: Vec<String> = set.iter().map(pair).collect();
    format!(
        "Topic: {}\tTopicId: {}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}",
        topic.name,
        id_text(topic.id),
        topic.partitions.len(),
        replication(topic),
        configs.join(",")
    )
}

fn partition_line(topic: &Topic, id: i32, partition: &Partition) -> String {
    let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let leader =
        if partition.leader < 0 { "none".to_owned() } else { partition.leader.to_string() };
    format!(
        "\tTopic: {}\tPartition: {id}\tLeader: {leader}\tReplicas: {}\tIsr: {}\tElr: \
         \tLastKnownElr: ",
        topic.name,
        ids(&partition.replicas),
        ids(&partition.isr),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_whole_names() {
        let is = |pattern: &str, name: &str| Matcher::new(pattern).unwrap().matches(name);
        assert!(is("orders", "orders") && !is("orders", "orders-2") && !is("orders", "my-orders"));
        assert!(is("orders.*", "orders-2") && is("a,b", "b") && !is("a,b", "ab"));
        assert!(is("\"test\\.topic\"", "test.topic") && !is("test\\.topic", "test-topic"));
        assert!(Matcher::new("(").is_err());
    }

    #[test]
    fn replicas_are_named_by_partition() {
        assert_eq!(assignment("0:1,1:0").unwrap(), [[0, 1], [1, 0]]);
        assert!(assignment("x").is_err());
    }
}
