//! `ottla topic consume`.

use std::time::Duration;

use clap::Args;

use crate::cli::common::{Broker, Output};
use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::topic::consumer::{self, Begin, ConsumeTask};
use crate::cli::topic::show::Show;
use crate::client::fetcher::OffsetReset;

/// The flags of `ottla topic consume`.
#[derive(Debug, Args)]
pub struct Consume {
    /// Names of the topics.
    #[arg(required = true)]
    topics: Vec<String>,
    /// Start at the earliest record; in a group only if it has no committed offset.
    #[arg(long, short = 'b')]
    from_beginning: bool,
    /// Consume as a member of this group, which commits its offsets.
    #[arg(long, short = 'g', value_name = "GROUP", conflicts_with_all = ["partition", "offset"])]
    group: Option<String>,
    /// Exit after N records.
    #[arg(long, short = 'n', value_name = "N")]
    max_messages: Option<u64>,
    /// Consume only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// Start at this offset: a number, `earliest`, `latest`, or -N for the last N records.
    #[arg(
        long,
        value_name = "OFFSET",
        allow_hyphen_values = true,
        conflicts_with = "from_beginning"
    )]
    offset: Option<String>,
    /// Exit at the current end of the log.
    #[arg(long, short = 'e')]
    exit_at_end: bool,
    /// Exit if no record arrives for this long.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Property of the consumer (auto.offset.reset, enable.auto.commit, …) or of the formatter
    /// (print.key=true, key.separator=:, …); repeatable.
    #[arg(long, value_name = "NAME=VALUE", visible_alias = "consumer-property")]
    property: Vec<String>,
    /// Print keys.
    #[arg(long)]
    print_key: bool,
    /// Print timestamps.
    #[arg(long)]
    timestamp: bool,
    /// Print headers.
    #[arg(long)]
    print_headers: bool,
    /// Print partitions and offsets.
    #[arg(long)]
    print_offset: bool,
    /// Separator between the printed fields [default: tab]
    #[arg(long, value_name = "TEXT", default_value = "\t", hide_default_value = true)]
    delimiter: String,
    /// Property of the consumer; repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// One record per line (table), or one JSON object per record with all its fields (json).
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// Runs `ottla topic consume`.
///
/// # Errors
/// A property is invalid, nothing answers, or a record cannot be read.
pub async fn run(consume: Consume) -> Result<(), Failure> {
    let mut properties = consume.broker.properties()?;
    properties.add_all(&consume.config)?;
    properties.add_all(&consume.property)?;
    properties.or_set("key.separator", &consume.delimiter);
    let flags = [
        ("print.key", consume.print_key),
        ("print.timestamp", consume.timestamp),
        ("print.headers", consume.print_headers),
        ("print.partition", consume.print_offset),
        ("print.offset", consume.print_offset),
    ];
    for (name, _) in flags.iter().filter(|(_, is_set)| *is_set) {
        properties.or_set(name, "true");
    }
    let show = Show { as_json: consume.output == Output::Json, ..Show::from(&mut properties)? };
    let connection_config = properties.connection_config("ottla")?;
    let group = consume.group.clone().or_else(|| properties.take("group.id"));
    let group = group.map(|group| properties.member(&group)).transpose()?;
    if group.is_none() {
        // Without a group there is nothing to commit to and no coordinator for heartbeats.
        let _ = properties.member("")?;
    }
    let mut fetch = properties.fetch()?;
    properties.warn_of_rest();
    if consume.from_beginning {
        fetch.reset = OffsetReset::Earliest;
    }
    let mut at = Begin::Policy;
    if let Some(text) = &consume.offset {
        let (begin, reset) = consumer::begin(text)?;
        at = begin;
        fetch.reset = reset.unwrap_or(fetch.reset);
    }
    if screen::is_typed() {
        screen::note("Starting the consumer. Press Ctrl-C to exit.");
    }
    let task = ConsumeTask {
        bootstrap: consume.broker.bootstrap_server.clone(),
        connection_config,
        fetch,
        topics: consume.topics,
        partition: consume.partition,
        begin: at,
        group,
        max_messages: consume.max_messages,
        timeout: consume.timeout_ms.map(Duration::from_millis),
        until_end: consume.exit_at_end,
        show,
        skip_errors: false,
    };
    consumer::run(task).await.map(|_| ())
}
