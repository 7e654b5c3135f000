//! `ottla transaction list | describe | abort`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::common::{Broker, Output};
use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::client::error::ClientError;
use crate::client::transaction_admin::{
    self, TRANSACTIONAL_ID_NOT_FOUND, TransactionDescription, TransactionFilter,
};
use crate::clock::{Clock, SystemClock};
use crate::types::TopicPartition;

/// What can be done with transactions.
#[derive(Debug, Subcommand)]
pub enum TransactionCommand {
    /// List transactional ids with the state of their transactions.
    List(List),
    /// Show the transaction of a transactional id.
    Describe(Describe),
    /// Abort a transaction: that of a transactional id, or one that hangs in a partition.
    Abort(Abort),
}

/// The flags of `ottla transaction list`.
#[derive(Debug, Args)]
pub struct List {
    /// List only those in this state, such as Ongoing; repeatable.
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// List only those whose transaction has been open for longer than this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32))]
    longer_than: Option<u32>,
    /// List only those that match this pattern as a whole (RE2).
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla transaction describe`.
#[derive(Debug, Args)]
pub struct Describe {
    /// The transactional id.
    id: String,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla transaction abort`.
#[derive(Debug, Args)]
pub struct Abort {
    /// The transactional id. Its producer is fenced, as by another one with the same id.
    #[arg(required_unless_present = "topic")]
    id: Option<String>,
    /// A topic with a transaction that its coordinator does not know.
    #[arg(long, requires = "partition", requires = "start_offset", conflicts_with = "id")]
    topic: Option<String>,
    /// The partition.
    #[arg(long, requires = "topic")]
    partition: Option<i32>,
    /// The offset at which the transaction begins in the partition.
    #[arg(long, value_name = "OFFSET", requires = "topic")]
    start_offset: Option<i64>,
    #[command(flatten)]
    broker: Broker,
}

/// Runs a command of `ottla transaction`.
///
/// # Errors
/// Those of the command.
pub async fn run(command: TransactionCommand) -> Result<(), Failure> {
    match command {
        TransactionCommand::List(list) => run_list(list).await,
        TransactionCommand::Describe(describe) => run_describe(describe).await,
        TransactionCommand::Abort(abort) => run_abort(abort).await,
    }
}

async fn run_list(list: List) -> Result<(), Failure> {
    let mut cluster = list.broker.connect().await?;
    let filter = TransactionFilter {
        states: list.state,
        open_longer_ms: list.longer_than.map(|seconds| i64::from(seconds) * 1000),
        pattern: list.pattern,
    };
    let all = transaction_admin::list(&mut cluster, &filter).await?;
    if list.output == Output::Json {
        let one = |listed: &transaction_admin::TransactionListing| {
            json!({
                "transactional_id": listed.id,
                "coordinator": listed.coordinator,
                "producer_id": listed.producer_id,
                "state": listed.state,
            })
        };
        return screen::json(&all.iter().map(one).collect::<Value>());
    }
    let rows: Vec<_> = all
        .into_iter()
        .map(|listed| vec![listed.id, listed.producer_id.to_string(), listed.state])
        .collect();
    screen::table(&["TRANSACTIONAL-ID", "PRODUCER-ID", "STATE"], &rows)
}

fn not_found(id: &str, error: ClientError) -> Failure {
    match error.code() {
        Some(TRANSACTIONAL_ID_NOT_FOUND) => Failure::new(format!(
            "transactional id \"{id}\" does not exist; see `ottla transaction list`"
        )),
        _ => error.into(),
    }
}

/// Returns how long the transaction has been open, ms, if it is.
fn open_ms(described: &TransactionDescription) -> Option<i64> {
    let is_open = matches!(&*described.state, "Ongoing" | "PrepareCommit" | "PrepareAbort");
    let now_ms = SystemClock::default().now().wall_ms;
    (is_open && described.start_ms >= 0).then(|| now_ms.saturating_sub(described.start_ms).max(0))
}

async fn run_describe(describe: Describe) -> Result<(), Failure> {
    let mut cluster = describe.broker.connect().await?;
    let described = transaction_admin::describe(&mut cluster, &describe.id).await;
    let described = described.map_err(|error| not_found(&describe.id, error))?;
    let places: Vec<String> = described.partitions.iter().map(ToString::to_string).collect();
    let open_ms = open_ms(&described);
    if describe.output == Output::Json {
        return screen::json(&json!({
            "transactional_id": describe.id, "state": described.state,
            "coordinator": described.coordinator, "producer_id": described.producer_id,
            "producer_epoch": described.epoch, "timeout_ms": described.timeout_ms,
            "start_ms": described.start_ms, "open_ms": open_ms, "partitions": places,
        }));
    }
    let row = vec![
        describe.id,
        described.state,
        described.producer_id.to_string(),
        described.epoch.to_string(),
        format!("{} s", described.timeout_ms / 1000),
        open_ms.map_or_else(|| "-".to_owned(), |ms| format!("{} s", ms / 1000)),
        if places.is_empty() { "-".to_owned() } else { places.join(",") },
    ];
    screen::table(
        &["TRANSACTIONAL-ID", "STATE", "PRODUCER-ID", "EPOCH", "TIMEOUT", "OPEN-FOR", "PARTITIONS"],
        &[row],
    )
}

async fn run_abort(abort: Abort) -> Result<(), Failure> {
    let mut cluster = abort.broker.connect().await?;
    if let (Some(topic), Some(partition), Some(start)) =
        (abort.topic, abort.partition, abort.start_offset)
    {
        let place = TopicPartition::new(topic, partition);
        transaction_admin::abort_at(&mut cluster, &place, start).await?;
        return screen::line(&format!("Aborted the transaction in {place} since offset {start}."));
    }
    let id = abort.id.unwrap_or_default();
    let fenced = transaction_admin::fence(&mut cluster, &id).await;
    fenced.map_err(|error| not_found(&id, error))?;
    screen::line(&format!("Fenced the producer of \"{id}\"; its transaction is aborted."))
}
