//! `ottla topic create | list | describe | update | delete | configuration list`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::common::{Broker, Output, pairs};
use crate::cli::configs;
use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::cli::screen;
use crate::cli::topic::consume::Consume;
use crate::cli::topic::produce::Produce;
use crate::cli::topic::{consume, produce};
use crate::client::admin::{self, NewTopic};
use crate::client::cluster::{Cluster, Topic};
use crate::client::configs::{AlterConfigOp, TOPIC};
use crate::client::error::ClientError;
use crate::client::offsets::{self, EARLIEST, LATEST};
use crate::storage::checkpoint::id_text;
use crate::types::TopicPartition;

/// Kafka's TOPIC_ALREADY_EXISTS.
pub const TOPIC_ALREADY_EXISTS: i16 = 36;
/// Kafka's UNKNOWN_TOPIC_OR_PARTITION.
pub const UNKNOWN_TOPIC: i16 = 3;

/// What can be done with topics.
#[derive(Debug, Subcommand)]
pub enum TopicCommand {
    /// Create a topic.
    Create(Create),
    /// List topics.
    List(List),
    /// Show a topic, its partitions and its configs.
    Describe(Named),
    /// Change configs of a topic, or increase its partitions.
    Update(Update),
    /// Delete topics.
    Delete(Delete),
    /// Produce a record from each line of stdin.
    Produce(Produce),
    /// Consume records and print them.
    Consume(Consume),
    /// Show the configs of a topic.
    #[command(subcommand)]
    Configuration(ConfigurationCommand),
}

/// What can be done with a topic's configs.
#[derive(Debug, Subcommand)]
pub enum ConfigurationCommand {
    /// List all configs of a topic and the source of each value.
    List(Named),
}

/// The flags of `ottla topic create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the topic.
    topic: String,
    /// Number of partitions [default: the broker's num.partitions]
    #[arg(long, short = 'p', value_name = "N")]
    partitions: Option<i32>,
    /// Replication factor; there is one broker [default: the broker's default.replication.factor]
    #[arg(long, value_name = "N")]
    replication_factor: Option<i16>,
    /// Configs separated by commas, or a file with one per line; repeatable.
    #[arg(long, short = 'c', value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// Succeed if the topic already exists.
    #[arg(long)]
    if_not_exists: bool,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla topic list`.
#[derive(Debug, Args)]
pub struct List {
    /// Exclude internal topics.
    #[arg(long)]
    exclude_internal: bool,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of commands that show one topic.
#[derive(Debug, Args)]
pub struct Named {
    /// Name of the topic.
    topic: String,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla topic update`.
#[derive(Debug, Args)]
pub struct Update {
    /// Name of the topic.
    topic: String,
    /// Configs to set, separated by commas, or a file with one per line; repeatable.
    #[arg(long, short = 'c', value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// Configs to reset to the broker's values; repeatable.
    #[arg(long, value_name = "NAME")]
    delete_config: Vec<String>,
    /// Increase the number of partitions to N.
    #[arg(long, value_name = "N")]
    partitions: Option<i32>,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla topic delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Names of the topics.
    #[arg(required = true)]
    topics: Vec<String>,
    /// Succeed if a topic does not exist.
    #[arg(long)]
    if_exists: bool,
    /// Accepted and ignored: there is no confirmation prompt.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    broker: Broker,
}

/// Runs a command of `ottla topic`.
///
/// # Errors
/// Those of the command.
pub async fn run(command: TopicCommand) -> Result<(), Failure> {
    match command {
        TopicCommand::Create(create) => run_create(create).await,
        TopicCommand::List(list) => run_list(list).await,
        TopicCommand::Describe(named) => run_describe(named).await,
        TopicCommand::Update(update) => run_update(update).await,
        TopicCommand::Delete(delete) => run_delete(delete).await,
        TopicCommand::Produce(flags) => produce::run(flags).await,
        TopicCommand::Consume(flags) => consume::run(flags).await,
        TopicCommand::Configuration(ConfigurationCommand::List(named)) => {
            run_configuration(named).await
        }
    }
}

/// Parses configs of repeated flags: `a=1,b=2`, or the name of a file.
fn configs_of(flags: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    for flag in flags {
        if flag.contains('=') {
            all.extend(pairs(flag)?);
        } else {
            all.extend(Properties::from_file(Path::new(flag))?.into_pairs());
        }
    }
    Ok(all)
}

async fn run_create(create: Create) -> Result<(), Failure> {
    let topic = NewTopic {
        name: create.topic.clone(),
        partitions: create.partitions,
        replication_factor: create.replication_factor,
        assignment: Vec::new(),
        configs: configs_of(&create.config)?.into_iter().collect(),
    };
    let mut cluster = create.broker.connect().await?;
    match admin::create_topic(&mut cluster, &topic, false).await {
        Err(error) if create.if_not_exists && error.code() == Some(TOPIC_ALREADY_EXISTS) => {
            screen::note(&format!("Topic \"{}\" already exists.", create.topic));
            return Ok(());
        }
        done => done?,
    }
    admin::settled(&mut cluster, &create.topic, false).await?;
    screen::line(&format!("Created topic \"{}\".", create.topic))
}

async fn run_list(list: List) -> Result<(), Failure> {
    let mut cluster = list.broker.connect().await?;
    let mut topics = cluster.all_topics().await?;
    topics.retain(|topic| !(list.exclude_internal && topic.is_internal));
    if list.output == Output::Json {
        return screen::json(&Value::from(topics.iter().map(summary).collect::<Vec<_>>()));
    }
    let row = |t: &Topic| {
        vec![
            t.name.clone(),
            t.partitions.len().to_string(),
            replication(t).to_string(),
            t.is_internal.to_string(),
        ]
    };
    let rows: Vec<_> = topics.iter().map(row).collect();
    screen::table(&["NAME", "PARTITIONS", "REPLICATION-FACTOR", "INTERNAL"], &rows)
}

/// Returns the fields that Confluent's command line prints for a topic.
fn summary(topic: &Topic) -> Value {
    json!({
        "name": topic.name,
        "is_internal": topic.is_internal,
        "replication_factor": replication(topic),
        "partition_count": topic.partitions.len(),
    })
}

/// Returns the replication factor of the first partition.
pub fn replication(topic: &Topic) -> usize {
    topic.partitions.values().next().map_or(0, |p| p.replicas.len())
}

async fn run_describe(named: Named) -> Result<(), Failure> {
    let mut cluster = named.broker.connect().await?;
    let topic = existing(&mut cluster, &named.topic).await?;
    let places: Vec<TopicPartition> =
        topic.partitions.keys().map(|p| TopicPartition::new(&topic.name, *p)).collect();
    let starts = offsets::all_at(&mut cluster, &places, EARLIEST).await?;
    let ends = offsets::all_at(&mut cluster, &places, LATEST).await?;
    let set: Vec<_> = crate::client::configs::describe(&mut cluster, TOPIC, &topic.name)
        .await?
        .into_iter()
        .filter(|config| config.is_set_on(TOPIC))
        .collect();
    let number = |of: &BTreeMap<TopicPartition, i64>, p| {
        of.get(&TopicPartition::new(&topic.name, p)).copied().unwrap_or(-1)
    };
    if named.output == Output::Json {
        let partition = |(id, p): (&i32, &crate::client::cluster::Partition)| {
            json!({
                "partition": id, "leader": p.leader, "replicas": p.replicas, "isr": p.isr,
                "start_offset": number(&starts, *id), "end_offset": number(&ends, *id),
            })
        };
        let mut value = summary(&topic);
        value["topic_id"] = Value::from(id_text(topic.id));
        value["configs"] = set.iter().map(|c| (c.name.clone(), json!(c.value))).collect();
        value["partitions"] = topic.partitions.iter().map(partition).collect();
        return screen::json(&value);
    }
    let field = |name: &str, value: String| screen::line(&format!("{name:<20}{value}"));
    field("Name", topic.name.clone())?;
    field("Topic ID", id_text(topic.id))?;
    field("Internal", topic.is_internal.to_string())?;
    field("Replication Factor", replication(&topic).to_string())?;
    field("Partition Count", topic.partitions.len().to_string())?;
    for (at, config) in set.iter().enumerate() {
        let value = config.value.as_deref().unwrap_or_default();
        field(if at == 0 { "Configs" } else { "" }, format!("{}={value}", config.name))?;
    }
    screen::line("")?;
    let rows: Vec<Vec<String>> = topic
        .partitions
        .iter()
        .map(|(id, p)| {
            let (start, end) = (number(&starts, *id), number(&ends, *id));
            let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
            let (replicas, isr) = (ids(&p.replicas), ids(&p.isr));
            vec![
                id.to_string(),
                p.leader.to_string(),
                replicas,
                isr,
                start.to_string(),
                end.to_string(),
                (end - start).to_string(),
            ]
        })
        .collect();
    let heading =
        ["PARTITION", "LEADER", "REPLICAS", "ISR", "START-OFFSET", "END-OFFSET", "RECORDS"];
    screen::table(&heading, &rows)
}

/// Returns the topic, which must exist.
async fn existing(cluster: &mut Cluster, name: &str) -> Result<Topic, Failure> {
    match cluster.topic(name, false).await {
        Err(error) if error.code() == Some(UNKNOWN_TOPIC) => {
            Err(Failure::new(format!("topic \"{name}\" does not exist; see `ottla topic list`")))
        }
        found => Ok(found?),
    }
}

async fn run_update(update: Update) -> Result<(), Failure> {
    let mut changes: Vec<AlterConfigOp> = configs_of(&update.config)?
        .into_iter()
        .map(|(name, value)| AlterConfigOp { name, value: Some(value) })
        .collect();
    let removed = update.delete_config.iter().flat_map(|names| names.split(','));
    changes.extend(removed.map(|name| AlterConfigOp { name: name.trim().to_owned(), value: None }));
    if changes.is_empty() && update.partitions.is_none() {
        return Err(Failure::usage(
            "nothing to change; use --config, --delete-config or --partitions",
        ));
    }
    let mut cluster = update.broker.connect().await?;
    existing(&mut cluster, &update.topic).await?;
    if let Some(count) = update.partitions {
        admin::grow_topic(&mut cluster, &update.topic, count).await?;
        screen::note(&format!("Topic \"{}\" now has {count} partitions.", update.topic));
    }
    if changes.is_empty() {
        return Ok(());
    }
    crate::client::configs::alter(&mut cluster, TOPIC, &update.topic, &changes).await?;
    let now = crate::client::configs::describe(&mut cluster, TOPIC, &update.topic).await?;
    let changed: Vec<_> =
        now.into_iter().filter(|c| changes.iter().any(|change| change.name == c.name)).collect();
    if update.output == Output::Json {
        return screen::json(&configs::as_json(&changed));
    }
    screen::line(&format!(
        "Updated the following configuration values for topic \"{}\":",
        update.topic
    ))?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let rows: Vec<_> = changed
        .iter()
        .map(|c| vec![c.name.clone(), text(&c.value), c.read_only.to_string()])
        .collect();
    screen::table(&["NAME", "VALUE", "READ-ONLY"], &rows)
}

async fn run_delete(delete: Delete) -> Result<(), Failure> {
    let mut cluster = delete.broker.connect().await?;
    for topic in &delete.topics {
        match admin::delete_topic(&mut cluster, topic).await {
            Err(error) if error.code() == Some(UNKNOWN_TOPIC) && delete.if_exists => {}
            Err(error) if error.code() == Some(UNKNOWN_TOPIC) => {
                return Err(Failure::new(format!("topic \"{topic}\" does not exist")));
            }
            Err(error) => return Err(about(topic, error)),
            Ok(()) => {
                admin::settled(&mut cluster, topic, true).await?;
                screen::line(&format!("Deleted topic \"{topic}\"."))?;
            }
        }
    }
    Ok(())
}

fn about(topic: &str, error: ClientError) -> Failure {
    let mut failure = Failure::from(error);
    failure.message = format!("{topic}: {}", failure.message);
    failure
}

async fn run_configuration(named: Named) -> Result<(), Failure> {
    let mut cluster = named.broker.connect().await?;
    existing(&mut cluster, &named.topic).await?;
    let all = crate::client::configs::describe(&mut cluster, TOPIC, &named.topic).await?;
    configs::show(&all, named.output)
}
