//! Produces lines of stdin to a topic: for `ottla topic produce` and the console producer.

use std::time::Duration;

use clap::Args;

use crate::cli::common::Broker;
use crate::cli::failure::Failure;
use crate::cli::screen::{self, ProgressLine};
use crate::cli::topic::lines::LineRules;
use crate::cli::topic::stdin;
use crate::client::cluster::Cluster;
use crate::client::connection::ConnectionConfig;
use crate::client::error::ClientError;
use crate::client::producer::{NewRecord, Producer, ProducerConfig};
use crate::clock::{Clock, SystemClock};

/// How long to wait for a broker that does not answer.
const PATIENCE_MS: i64 = 3000;

/// The flags of `ottla topic produce`.
#[derive(Debug, Args)]
pub struct Produce {
    /// Name of the topic.
    topic: String,
    /// Property of the line reader (parse.key=true, key.separator=:, parse.headers=true, …) or of
    /// the producer (acks, compression.type, …); repeatable.
    #[arg(long, value_name = "NAME=VALUE", visible_alias = "producer-property")]
    property: Vec<String>,
    /// Read each line as KEY, delimiter, VALUE.
    #[arg(long)]
    parse_key: bool,
    /// Delimiter between key and value.
    #[arg(long, value_name = "TEXT", default_value = ":")]
    delimiter: String,
    /// Send all records to this partition.
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// Header to add to every record; repeatable.
    #[arg(long, short = 'H', value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Property of the producer; repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
    #[command(flatten)]
    broker: Broker,
}

/// Everything needed to produce lines, independent of where the flags came from.
#[derive(Debug)]
pub struct ProduceTask {
    /// The bootstrap addresses.
    pub bootstrap: String,
    /// How to connect.
    pub connection_config: ConnectionConfig,
    /// How to produce.
    pub config: ProducerConfig,
    /// `linger.ms`: how long to wait for a batch to fill.
    pub linger: Duration,
    /// How lines become records.
    pub rules: LineRules,
    /// The topic.
    pub topic: String,
    /// The partition, if not chosen by the key.
    pub partition: Option<i32>,
    /// Headers for every record.
    pub headers: Vec<(String, String)>,
    /// The prompt shown to a person before each line.
    pub prompt: Option<&'static str>,
    /// True if each record is acknowledged before the next is read.
    pub one_by_one: bool,
}

/// Runs `ottla topic produce`.
///
/// # Errors
/// A property is invalid, nothing answers, or a record was refused.
pub async fn run(produce: Produce) -> Result<(), Failure> {
    let mut properties = produce.broker.properties()?;
    properties.add_all(&produce.config)?;
    properties.add_all(&produce.property)?;
    if produce.parse_key {
        properties.or_set("parse.key", "true");
        properties.or_set("key.separator", &produce.delimiter);
    }
    let rules = LineRules { headers_may_miss: true, ..LineRules::from(&mut properties)? };
    let connection_config = properties.connection_config("ottla")?;
    let (mut config, linger) = properties.producer()?;
    config.request_timeout = connection_config.request;
    properties.warn_of_rest();
    let headers = produce.header.iter().map(|pair| {
        let cut = pair.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
        cut.ok_or_else(|| Failure::usage(format!("--header {pair}: expected NAME=VALUE")))
    });
    let task = ProduceTask {
        bootstrap: produce.broker.bootstrap_server.clone(),
        connection_config,
        config,
        linger,
        rules,
        topic: produce.topic,
        partition: produce.partition,
        headers: headers.collect::<Result<_, _>>()?,
        prompt: None,
        one_by_one: false,
    };
    if screen::is_typed() {
        screen::note(
            "Starting the producer: each line is a record. Press Ctrl-C or Ctrl-D to exit.",
        );
    }
    lines(task).await
}

/// Produces the lines of stdin until it ends, or Ctrl-C.
///
/// # Errors
/// Nothing answers, a line cannot be parsed, or a record was refused.
pub async fn lines(task: ProduceTask) -> Result<(), Failure> {
    let clock = SystemClock::default();
    let mut cluster = patiently(&task, &clock).await?;
    let mut producer = Producer::new(&mut cluster, &task.topic, task.config.clone()).await?;
    let mut lines = stdin::lines(task.prompt);
    let mut progress = ProgressLine::alone("records sent:", None);
    if screen::is_typed() {
        progress = ProgressLine::new("records sent:", None);
    }
    let (mut number, mut is_waiting) = (0, false);
    let outcome = loop {
        let line = tokio::select! {
            biased;
            line = lines.recv() => line,
            _ = tokio::signal::ctrl_c() => None,
            () = tokio::time::sleep(task.linger), if is_waiting => {
                producer.flush(&mut cluster).await?;
                is_waiting = false;
                continue;
            }
        };
        let Some(line) = line else { break Ok(()) };
        let line = line.map_err(|error| Failure::new(format!("cannot read the input: {error}")))?;
        number += 1;
        let now = clock.now();
        match task.rules.record(&line, number) {
            Ok(record) => {
                let record = finished(record, &task, now.wall_ms);
                producer.send(&mut cluster, &record, 0).await?;
            }
            Err(why) => break Err(Failure::new(why)),
        }
        is_waiting = true;
        if task.one_by_one {
            producer.flush(&mut cluster).await?;
        }
        progress.at(number, now.mono_ms);
    };
    // The lines before one that cannot be parsed are produced nevertheless.
    let flushed = producer.flush(&mut cluster).await;
    progress.end();
    flushed?;
    outcome
}

fn finished(mut record: NewRecord, task: &ProduceTask, now_ms: i64) -> NewRecord {
    record.timestamp = now_ms;
    record.partition = task.partition;
    let more = task.headers.iter();
    record
        .headers
        .extend(more.map(|(name, value)| (name.clone().into(), Some(value.clone().into()))));
    record
}

/// Connects, and retries for [`PATIENCE_MS`] if nothing answers, as a producer does.
async fn patiently(task: &ProduceTask, clock: &SystemClock) -> Result<Cluster, Failure> {
    let mut is_told = false;
    loop {
        let connected = Cluster::connect(&task.bootstrap, task.connection_config.clone()).await;
        match connected {
            Err(error @ ClientError::Unreachable { .. }) if clock.now().mono_ms < PATIENCE_MS => {
                if !is_told {
                    screen::note(&format!("{error}; retrying for {} s", PATIENCE_MS / 1000));
                    is_told = true;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            connected => return Ok(connected?),
        }
    }
}
