//! `kafka-consumer-groups.sh --reset-offsets`.

use crate::cli::failure::Failure;
use crate::cli::group::reset::{self, Scope, Target};
use crate::cli::group::when;
use crate::cli::screen;
use crate::cli::tools::group_actions::{ActionError, chosen, error_line};
use crate::cli::tools::options::Options;
use crate::client::cluster::Cluster;
use crate::clock::{Clock, SystemClock};
use crate::storage::disk::{OsDisk, read_all};

const NO_ACTION: &str = "WARN: No action will be performed as the --execute option is missing. In \
    version 5.0, this command will require either --dry-run or --execute to be specified. You \
    should add the --dry-run option explicitly if you are scripting this command and want to keep \
    the current default behavior without prompting.";

const TARGETS: &[&str] = &[
    "to-offset",
    "to-current",
    "to-datetime",
    "from-file",
    "by-duration",
    "to-earliest",
    "to-latest",
    "shift-by",
];

/// Checks that the flags can be combined.
///
/// # Errors
/// They cannot.
pub fn check(options: &Options) -> Result<(), Failure> {
    if options.has("dry-run") && options.has("execute") {
        return Err(
            options.wrong("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
        );
    }
    if !options.has("dry-run") && !options.has("execute") {
        screen::note(NO_ACTION);
    }
    let targets: Vec<&&str> = TARGETS.iter().filter(|target| options.has(target)).collect();
    let has_scope = ["all-topics", "topic", "from-file"].iter().any(|scope| options.has(scope));
    if !has_scope {
        return Err(
            options.wrong("One of the reset scopes should be defined: --all-topics, --topic.")
        );
    }
    if targets.len() != 1 {
        let all: Vec<String> = TARGETS.iter().map(|target| format!("[{target}]")).collect();
        return Err(options.wrong(&format!(
            "Option '[reset-offsets]' requires one of the following scenarios: [{}]",
            all.join(", ")
        )));
    }
    Ok(())
}

fn target(options: &Options) -> Result<Target, Failure> {
    if let Some(offset) = options.number("to-offset")? {
        return Ok(Target::Offset(offset));
    }
    if let Some(by) = options.number("shift-by")? {
        return Ok(Target::Shift(by));
    }
    if let Some(text) = options.value("to-datetime") {
        return reset::time_of(text);
    }
    if let Some(text) = options.value("by-duration") {
        let ms = when::duration(text).ok_or_else(|| {
            options.wrong(&format!("{text}: invalid duration, expected PnDTnHnMnS"))
        })?;
        return Ok(Target::Time(SystemClock::default().now().wall_ms - ms));
    }
    if let Some(path) = options.value("from-file") {
        let bytes = read_all(&OsDisk, path.as_ref())
            .map_err(|error| Failure::new(format!("cannot read {path}: {error}")))?;
        return reset::given(&String::from_utf8_lossy(&bytes));
    }
    if options.has("to-earliest") {
        return Ok(Target::Earliest);
    }
    Ok(if options.has("to-latest") { Target::Latest } else { Target::Current })
}

/// Prints the plan, and executes it if requested.
///
/// # Errors
/// A flag is invalid, or the broker refuses.
pub async fn run(cluster: &mut Cluster, options: &Options) -> Result<(), ActionError> {
    let target = target(options)?;
    let topics: Vec<_> = options
        .values("topic")
        .iter()
        .map(|text| reset::scope_of(text))
        .collect::<Result<_, _>>()?;
    let scope = if topics.is_empty() { Scope::Committed } else { Scope::Topics(topics) };
    let mut lines = Vec::new();
    for group in chosen(cluster, options).await? {
        let state = reset::state_of(cluster, &group).await?;
        if !reset::is_inactive(state.as_deref()) {
            error_line(&format!(
                "Assignments can only be reset if the group '{group}' is inactive, but the current \
                 state is {}.",
                state.unwrap_or_default()
            ))?;
            continue;
        }
        let planned = reset::plan(cluster, &group, &scope, &target).await?;
        if options.has("execute") && !planned.is_empty() {
            reset::execute(cluster, &group, &planned).await?;
        }
        if options.has("export") {
            let one = |(place, offset): (&crate::types::TopicPartition, &i64)| {
                format!("{},{},{offset}", place.topic, place.partition)
            };
            lines.extend(planned.iter().map(one));
        } else {
            lines.extend(reset::table(&group, &planned).into_iter().skip(1));
        }
    }
    if options.has("export") {
        // The file ends with an empty line, like that of Kafka's tool.
        lines.push(String::new());
        return Ok(screen::line(&lines.join("\n"))?);
    }
    let heading = reset::table("", &Default::default());
    Ok(screen::line(&format!("\n{}", [heading, lines].concat().join("\n")))?)
}
