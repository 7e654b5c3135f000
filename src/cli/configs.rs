//! `ottla config`: describes and alters the configs of topics, brokers and groups.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::cli::common::{Broker, Output, pairs};
use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::client::configs::{self, AlterConfigOp, ConfigEntry};

/// What can be done with configs.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show configs and the source of each value.
    Describe(Describe),
    /// Set configs, or reset them to their defaults.
    Alter(Alter),
}

/// Whose configs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResourceKind {
    /// Configs of a topic.
    #[value(alias = "topics")]
    Topic,
    /// Configs of a broker, by its id; without an id, the defaults of all brokers.
    #[value(alias = "brokers")]
    Broker,
    /// Configs of a group.
    #[value(alias = "groups")]
    Group,
}

impl ResourceKind {
    fn number(self) -> i8 {
        match self {
            ResourceKind::Topic => configs::TOPIC,
            ResourceKind::Broker => configs::BROKER,
            ResourceKind::Group => configs::GROUP,
        }
    }
}

/// The flags of `ottla config describe`.
#[derive(Debug, Args)]
pub struct Describe {
    /// Type of the resource.
    kind: ResourceKind,
    /// Name of the resource, or the broker's id.
    name: Option<String>,
    /// Show only configs that were set, not defaults.
    #[arg(long)]
    set_only: bool,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The flags of `ottla config alter`.
#[derive(Debug, Args)]
pub struct Alter {
    /// Type of the resource.
    kind: ResourceKind,
    /// Name of the resource, or the broker's id.
    name: Option<String>,
    /// Configs to set, separated by commas; repeatable.
    #[arg(long = "set", short = 's', value_name = "NAME=VALUE")]
    change: Vec<String>,
    /// Configs to reset to their defaults, separated by commas; repeatable.
    #[arg(long, value_name = "NAME")]
    delete: Vec<String>,
    #[command(flatten)]
    broker: Broker,
}

/// Runs a command of `ottla config`.
///
/// # Errors
/// Nothing answers, or the broker refuses.
pub async fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Describe(describe) => {
            let name = named(describe.kind, describe.name.as_deref())?;
            let mut cluster = describe.broker.connect().await?;
            let kind = describe.kind.number();
            let mut all = configs::describe(&mut cluster, kind, name).await?;
            all.retain(|config| !describe.set_only || config.source != 5);
            show(&all, describe.output)
        }
        ConfigCommand::Alter(alter) => {
            let name = named(alter.kind, alter.name.as_deref())?;
            let mut changes = Vec::new();
            for flag in &alter.change {
                let set = pairs(flag)?.into_iter();
                changes.extend(set.map(|(name, value)| AlterConfigOp { name, value: Some(value) }));
            }
            let removed = alter.delete.iter().flat_map(|names| names.split(','));
            changes.extend(
                removed.map(|name| AlterConfigOp { name: name.trim().to_owned(), value: None }),
            );
            if changes.is_empty() {
                return Err(Failure::usage("nothing to change; use --set or --delete"));
            }
            let mut cluster = alter.broker.connect().await?;
            configs::alter(&mut cluster, alter.kind.number(), name, &changes).await?;
            screen::line(&format!("Changed {} config(s).", changes.len()))
        }
    }
}

fn named(kind: ResourceKind, name: Option<&str>) -> Result<&str, Failure> {
    match (kind, name) {
        (_, Some(name)) => Ok(name),
        // Kafka's name for the defaults of all brokers.
        (ResourceKind::Broker, None) => Ok(""),
        (_, None) => {
            Err(Failure::usage("a name is required; only brokers have defaults without one"))
        }
    }
}

/// Prints configs.
///
/// # Errors
/// Stdout is closed.
pub fn show(all: &[ConfigEntry], output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return screen::json(&as_json(all));
    }
    let row = |c: &ConfigEntry| {
        vec![
            c.name.clone(),
            c.value.clone().unwrap_or_default(),
            (c.source == 5).to_string(),
            c.read_only.to_string(),
            c.sensitive.to_string(),
            c.source_name().to_owned(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    screen::table(&["NAME", "VALUE", "DEFAULT", "READ-ONLY", "SENSITIVE", "SOURCE"], &rows)
}

/// Returns configs as a JSON list.
pub fn as_json(all: &[ConfigEntry]) -> Value {
    let one = |c: &ConfigEntry| {
        json!({
            "name": c.name, "value": c.value, "is_default": c.source == 5,
            "is_read_only": c.read_only, "is_sensitive": c.sensitive, "source": c.source_name(),
        })
    };
    all.iter().map(one).collect()
}
