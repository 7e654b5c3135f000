//! `ottla group list | describe | reset | delete`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::common::{Broker, Output};
use crate::cli::failure::Failure;
use crate::cli::group::reset::{self, Scope, Target};
use crate::cli::group::{lag, print, when};
use crate::cli::screen;
use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::group_admin::{self, GROUP_ID_NOT_FOUND, GroupDescription};
use crate::clock::{Clock, SystemClock};
use crate::storage::disk::{OsDisk, read_all};

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List groups.
    List(List),
    /// Show a group's offsets, lag and members.
    Describe(Describe),
    /// Reset the offsets of a group, which must have no members.
    Reset(Reset),
    /// Delete groups and their offsets; the groups must have no members.
    Delete(Delete),
}

/// The flags of `ottla group list`.
#[derive(Debug, Args)]
pub struct List {
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla group describe`.
#[derive(Debug, Args)]
pub struct Describe {
    /// Name of the group.
    group: String,
    /// Show the members instead of the offsets.
    #[arg(long, conflicts_with = "state")]
    members: bool,
    /// Show the state instead of the offsets.
    #[arg(long)]
    state: bool,
    /// With --members: show the partitions of each member.
    #[arg(long, requires = "members")]
    verbose: bool,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// Where to, exactly one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct To {
    /// Reset to the earliest offset.
    #[arg(long)]
    to_earliest: bool,
    /// Reset to the latest offset.
    #[arg(long)]
    to_latest: bool,
    /// Keep the committed offsets (shows them).
    #[arg(long)]
    to_current: bool,
    /// Reset to this offset, or to the nearest one in the log.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    to_offset: Option<i64>,
    /// Shift by N records, forward, or back if negative.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    /// Reset to the first record at or after this time (UTC unless a zone is given).
    #[arg(long, value_name = "YYYY-MM-DDThh:mm:ss.sss")]
    to_datetime: Option<String>,
    /// Reset to the first record at or after this duration before now.
    #[arg(long, value_name = "PnDTnHnMnS")]
    by_duration: Option<String>,
    /// Reset to the offsets in a file of TOPIC,PARTITION,OFFSET lines.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

/// The flags of `ottla group reset`.
#[derive(Debug, Args)]
pub struct Reset {
    /// Name of the group.
    group: String,
    /// Topic, or TOPIC:0,1 for some of its partitions; repeatable [default: all topics with
    /// committed offsets]
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Reset all topics with committed offsets.
    #[arg(long, conflicts_with = "topic")]
    all_topics: bool,
    #[command(flatten)]
    to: To,
    /// Show the new offsets without committing them.
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    /// Commit the new offsets (the default).
    #[arg(long)]
    execute: bool,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla group delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Names of the groups.
    #[arg(required = true)]
    groups: Vec<String>,
    /// Accepted and ignored: there is no confirmation prompt.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    broker: Broker,
}

/// Runs a command of `ottla group`.
///
/// # Errors
/// Those of the command.
pub async fn run(command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List(list) => run_list(list).await,
        GroupCommand::Describe(describe) => run_describe(describe).await,
        GroupCommand::Reset(reset) => run_reset(reset).await,
        GroupCommand::Delete(delete) => run_delete(delete).await,
    }
}

async fn run_list(list: List) -> Result<(), Failure> {
    let mut cluster = list.broker.connect().await?;
    let groups = group_admin::list(&mut cluster).await?;
    if list.output == Output::Json {
        let one = |g: &group_admin::GroupListing| {
            json!({
                "group": g.group,
                "state": g.state,
                "type": g.kind,
                "protocol_type": g.protocol_type,
            })
        };
        return screen::json(&groups.iter().map(one).collect::<Value>());
    }
    let rows: Vec<_> =
        groups.into_iter().map(|g| vec![g.group, g.state, g.kind, g.protocol_type]).collect();
    screen::table(&["GROUP", "STATE", "TYPE", "PROTOCOL"], &rows)
}

/// Returns the group, which must exist.
async fn existing(cluster: &mut Cluster, name: &str) -> Result<GroupDescription, Failure> {
    group_admin::describe(cluster, name).await.map_err(|error| not_found(name, error))
}

fn not_found(name: &str, error: ClientError) -> Failure {
    match error.code() {
        Some(GROUP_ID_NOT_FOUND) => {
            Failure::new(format!("group \"{name}\" does not exist; see `ottla group list`"))
        }
        _ => error.into(),
    }
}

async fn run_describe(describe: Describe) -> Result<(), Failure> {
    let mut cluster = describe.broker.connect().await?;
    let group = existing(&mut cluster, &describe.group).await?;
    if describe.output == Output::Json {
        let rows = lag::rows(&mut cluster, &group).await?;
        let member = |m: &group_admin::MemberDescription| {
            let places: Vec<String> = m.assignment.iter().map(ToString::to_string).collect();
            json!({
                "consumer_id": m.id, "group_instance_id": m.instance_id, "host": m.host,
                "client_id": m.client_id, "assignment": places,
            })
        };
        return screen::json(&json!({
            "group": group.group, "state": group.state, "assignor": group.assignor,
            "coordinator": group.coordinator,
            "members": group.members.iter().map(member).collect::<Value>(),
            "offsets": rows.iter().map(lag::LagRow::as_json).collect::<Value>(),
        }));
    }
    let lines = if describe.state {
        let coordinator = cluster.address_of(group.coordinator)?;
        print::state(&group, &coordinator)
    } else if describe.members {
        print::members(&group, describe.verbose)
    } else {
        print::offsets(&lag::rows(&mut cluster, &group).await?)
    };
    if let Some(remark) = print::remark(&group) {
        screen::note(&remark);
    }
    screen::line(&lines.join("\n"))
}

fn target(to: &To) -> Result<Target, Failure> {
    if to.to_earliest {
        return Ok(Target::Earliest);
    }
    if to.to_latest {
        return Ok(Target::Latest);
    }
    if let Some(offset) = to.to_offset {
        return Ok(Target::Offset(offset));
    }
    if let Some(by) = to.shift_by {
        return Ok(Target::Shift(by));
    }
    if let Some(text) = &to.to_datetime {
        return reset::time_of(text);
    }
    if let Some(text) = &to.by_duration {
        let ms = when::duration(text).ok_or_else(|| {
            Failure::usage(format!("{text:?}: invalid duration; expected a value such as P1DT2H"))
        })?;
        return Ok(Target::Time(SystemClock::default().now().wall_ms - ms));
    }
    if let Some(path) = &to.from_file {
        let bytes = read_all(&OsDisk, path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        return reset::given(&String::from_utf8_lossy(&bytes));
    }
    Ok(Target::Current)
}

async fn run_reset(flags: Reset) -> Result<(), Failure> {
    let target = target(&flags.to)?;
    let topics: Vec<_> =
        flags.topic.iter().map(|text| reset::scope_of(text)).collect::<Result<_, _>>()?;
    let scope = if topics.is_empty() { Scope::Committed } else { Scope::Topics(topics) };
    let mut cluster = flags.broker.connect().await?;
    let state = reset::state_of(&mut cluster, &flags.group).await?;
    if !reset::is_inactive(state.as_deref()) {
        return Err(Failure::new(format!(
            "group \"{}\" has members ({}); stop them before resetting",
            flags.group,
            state.unwrap_or_default()
        )));
    }
    let planned = reset::plan(&mut cluster, &flags.group, &scope, &target).await?;
    if planned.is_empty() {
        return Err(Failure::new(format!(
            "group \"{}\" has no committed offsets; use --topic",
            flags.group
        )));
    }
    if !flags.dry_run {
        reset::execute(&mut cluster, &flags.group, &planned).await?;
    }
    if flags.output == Output::Json {
        let one = |(place, offset): (&crate::types::TopicPartition, &i64)| {
            json!({
                "group": flags.group, "topic": place.topic, "partition": place.partition,
                "new_offset": offset,
            })
        };
        return screen::json(&planned.iter().map(one).collect::<Value>());
    }
    screen::line(&reset::table(&flags.group, &planned).join("\n"))
}

async fn run_delete(delete: Delete) -> Result<(), Failure> {
    let mut cluster = delete.broker.connect().await?;
    for group in &delete.groups {
        let deleted = group_admin::delete(&mut cluster, group).await;
        deleted.map_err(|error| not_found(group, error))?;
        screen::line(&format!("Deleted group \"{group}\"."))?;
    }
    Ok(())
}
