//! `kafka-consumer-groups.sh` (`ConsumerGroupCommand`).

use crate::cli::failure::Failure;
use crate::cli::group::{lag, print, reset};
use crate::cli::screen;
use crate::cli::tools::errors::thrown;
use crate::cli::tools::group_actions::{ActionError, chosen, error_line};
use crate::cli::tools::offsets_reset;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::group_admin::{self, GROUP_ID_NOT_FOUND, GroupDescription};
use crate::client::group_offsets;
use crate::types::TopicPartition;

const FLAGS: &[ToolFlag] = &[
    ("all-groups", Takes::Nothing, "Apply to all consumer groups."),
    (
        "all-topics",
        Takes::Nothing,
        "Consider all topics assigned to a group in the `reset-offsets` process.",
    ),
    (
        "by-duration",
        Takes::Value,
        "Reset offsets to offset by duration from current timestamp. Format: 'PnDTnHnMnS'",
    ),
    (
        "command-config",
        Takes::Value,
        "Property file containing configs to be passed to Admin Client and Consumer.",
    ),
    ("delete", Takes::Nothing, "Delete groups with their offsets."),
    ("delete-offsets", Takes::Nothing, "Delete offsets of consumer group."),
    ("describe", Takes::Nothing, "Describe consumer group and list offset lag."),
    ("dry-run", Takes::Nothing, "Only show results without executing changes on Consumer Groups."),
    ("execute", Takes::Nothing, "Execute operation."),
    ("export", Takes::Nothing, "Export operation execution to a CSV file."),
    ("from-file", Takes::Value, "Reset offsets to values defined in CSV file."),
    ("group", Takes::Value, "The consumer group we wish to act on."),
    ("list", Takes::Nothing, "List all consumer groups."),
    ("members", Takes::Nothing, "Describe members of the group."),
    (
        "offsets",
        Takes::Nothing,
        "Describe the group with its offset lag; the default of --describe.",
    ),
    (
        "reset-offsets",
        Takes::Nothing,
        "Reset offsets of consumer group; instances should be inactive.",
    ),
    (
        "shift-by",
        Takes::Value,
        "Reset offsets shifting current offset by 'n', positive or negative.",
    ),
    ("state", Takes::Optional, "Describe or list the state of the group."),
    ("timeout", Takes::Value, "The timeout for some use cases, in ms. (default: 30000)"),
    ("to-current", Takes::Nothing, "Reset offsets to current offset."),
    (
        "to-datetime",
        Takes::Value,
        "Reset offsets to offset from datetime. Format: 'YYYY-MM-DDThh:mm:ss.sss'",
    ),
    ("to-earliest", Takes::Nothing, "Reset offsets to earliest offset."),
    ("to-latest", Takes::Nothing, "Reset offsets to latest offset."),
    ("to-offset", Takes::Value, "Reset offsets to a specific offset."),
    ("topic", Takes::Value, "The topic, or TOPIC:0,1,2; repeatable."),
    ("type", Takes::Optional, "List the types of the groups."),
    ("verbose", Takes::Nothing, "Provide additional information when describing the group."),
];

const ACTIONS: &[&str] = &["list", "describe", "delete", "reset-offsets", "delete-offsets"];

/// Runs the tool. Most failures are printed to stdout and end with 0, as in Kafka's.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "This tool helps to list all consumer groups, describe a consumer group, delete \
        consumer group info, or reset consumer group offsets.";
    let options = Options::read(about, FLAGS, args)?;
    if ACTIONS.iter().filter(|action| options.has(action)).count() != 1 {
        return Err(options.wrong(
            "Command must include exactly one action: --list, --describe, --delete, \
             --reset-offsets, --delete-offsets.",
        ));
    }
    options.required("bootstrap-server")?;
    for action in ["describe", "delete", "reset-offsets"] {
        if options.has(action) && !options.has("group") && !options.has("all-groups") {
            return Err(options.wrong(&format!(
                "Option [{action}] takes one of these options: [all-groups], [group]"
            )));
        }
    }
    if options.has("reset-offsets") {
        offsets_reset::check(&options)?;
    }
    let mut cluster = options.admin().await?;
    let done = if options.has("list") {
        list(&mut cluster, &options).await
    } else if options.has("describe") {
        describe(&mut cluster, &options).await
    } else if options.has("delete") {
        delete(&mut cluster, &options).await
    } else if options.has("reset-offsets") {
        offsets_reset::run(&mut cluster, &options).await
    } else {
        delete_offsets(&mut cluster, &options).await
    };
    match done {
        Err(ActionError::Broker(error)) => error_line(&format!(
            "Executing consumer group command failed due to {}",
            thrown(&error)
        )),
        Err(ActionError::Failure(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

async fn list(cluster: &mut Cluster, options: &Options) -> Result<(), ActionError> {
    let mut groups = group_admin::list(cluster).await?;
    groups.retain(|g| {
        g.kind != "share" && (g.protocol_type.is_empty() || g.protocol_type == "consumer")
    });
    let (with_type, with_state) = (options.has("type"), options.has("state"));
    let wanted = |flag: &str, value: &str| {
        options
            .value(flag)
            .is_none_or(|list| list.split(',').any(|w| w.trim().eq_ignore_ascii_case(value)))
    };
    groups.retain(|g| wanted("type", &g.kind) && wanted("state", &g.state));
    if !with_type && !with_state {
        for group in groups {
            screen::line(&group.group)?;
        }
        return Ok(());
    }
    let width = groups.iter().map(|g| g.group.len()).max().unwrap_or(0).max(15) + 10;
    let line = |group: &str, kind: &str, state: &str| {
        let mut line = format!("{group:width$} ");
        if with_type {
            line.push_str(&format!("{kind:<20}"));
        }
        if with_type && with_state {
            line.push(' ');
        }
        if with_state {
            line.push_str(&format!("{state:<20}"));
        }
        line
    };
    screen::line(&line("GROUP", "TYPE", "STATE"))?;
    for g in groups {
        screen::line(&line(&g.group, &capitalized(&g.kind), &g.state))?;
    }
    Ok(())
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

async fn describe(cluster: &mut Cluster, options: &Options) -> Result<(), ActionError> {
    let mut rows = Vec::new();
    for name in chosen(cluster, options).await? {
        let group = described(cluster, &name).await?;
        if let Some(remark) = print::remark(&group) {
            screen::note(&format!("\n{remark}"));
        }
        if options.has("state") {
            let coordinator = cluster.address_of(group.coordinator)?;
            screen::line(&format!("\n{}", print::state(&group, &coordinator).join("\n")))?;
        } else if options.has("members") {
            let lines = print::members(&group, options.has("verbose"));
            screen::line(&format!("\n{}", lines.join("\n")))?;
        } else {
            rows.extend(lag::rows(cluster, &group).await?);
        }
    }
    if !rows.is_empty() {
        screen::line(&format!("\n{}", print::offsets(&rows).join("\n")))?;
    }
    Ok(())
}

async fn described(cluster: &mut Cluster, name: &str) -> Result<GroupDescription, ClientError> {
    group_admin::describe(cluster, name).await.map_err(|error| match error {
        ClientError::Refused(mut refusal) if refusal.code == GROUP_ID_NOT_FOUND => {
            refusal.message = Some(format!("Group {name} not found."));
            ClientError::Refused(refusal)
        }
        other => other,
    })
}

async fn delete(cluster: &mut Cluster, options: &Options) -> Result<(), ActionError> {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for group in chosen(cluster, options).await? {
        match group_admin::delete(cluster, &group).await {
            Ok(()) => done.push(format!("'{group}'")),
            Err(error) if error.code().is_some() => failed
                .push(format!("* Group '{group}' could not be deleted due to: {}", thrown(&error))),
            Err(error) => return Err(error.into()),
        }
    }
    if failed.is_empty() {
        screen::line(&format!(
            "Deletion of requested consumer groups ({}) was successful.",
            done.join(", ")
        ))?;
        return Ok(());
    }
    error_line(&format!("Deletion of some consumer groups failed:\n{}", failed.join("\n")))?;
    if !done.is_empty() {
        screen::line(&format!(
            "\nThese consumer groups were deleted successfully: {}",
            done.join(", ")
        ))?;
    }
    Ok(())
}

async fn delete_offsets(cluster: &mut Cluster, options: &Options) -> Result<(), ActionError> {
    let group = options.required("group")?;
    options.required("topic")?;
    let mut places = Vec::new();
    for text in options.values("topic") {
        let (topic, partitions) = reset::scope_of(text)?;
        let partitions = match partitions {
            Some(partitions) => partitions,
            None => cluster.topic(&topic, false).await?.partitions.into_keys().collect(),
        };
        places.extend(partitions.into_iter().map(|p| TopicPartition::new(&topic, p)));
    }
    let codes = group_offsets::delete(cluster, group, &places).await?;
    if codes.values().all(|code| *code == 0) {
        screen::line(&format!("Request succeeded for deleting offsets from group {group}."))?;
    } else {
        error_line("Encountered some partition-level error, see the follow-up details.")?;
    }
    screen::line(&format!("\n{:<15} {:<10} {:<15}", "TOPIC", "PARTITION", "STATUS"))?;
    for (place, code) in codes {
        let status = match ClientError::check(code, None, "") {
            Ok(()) => "Successful".to_owned(),
            Err(error) => format!("Error: {}", thrown(&error)),
        };
        screen::line(&format!("{:<15} {:<10} {status:<15}", place.topic, place.partition))?;
    }
    Ok(())
}
