//! `kafka-configs.sh` (`ConfigCommand`): topics, brokers, groups and client metrics.

use crate::cli::common::pairs;
use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::cli::screen;
use crate::cli::tools::errors::thrown;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::client::cluster::Cluster;
use crate::client::configs::{
    self, AlterConfigOp, BROKER, CLIENT_METRICS, ConfigEntry, GROUP, TOPIC,
};

const FLAGS: &[ToolFlag] = &[
    ("add-config", Takes::Value, "Configs to add: 'k1=v1,k2=[v1,v2,v2],k3=v3'"),
    ("add-config-file", Takes::Value, "Path to a properties file with configs to add."),
    ("all", Takes::Nothing, "List all configs for the given entity."),
    ("alter", Takes::Nothing, "Alter the configuration for the entity."),
    ("broker", Takes::Value, "The broker's ID."),
    ("broker-defaults", Takes::Nothing, "The config defaults for all brokers."),
    ("client-metrics", Takes::Value, "The client metrics config resource name."),
    (
        "command-config",
        Takes::Value,
        "Property file containing configs to be passed to Admin Client.",
    ),
    ("delete-config", Takes::Value, "Config keys to remove 'k1,k2'"),
    ("describe", Takes::Nothing, "List configs for the given entity."),
    ("entity-default", Takes::Nothing, "Default entity name for brokers."),
    ("entity-name", Takes::Value, "Name of entity (topic name/broker id/client metrics/group id)"),
    ("entity-type", Takes::Value, "Type of entity (topics/brokers/client-metrics/groups)"),
    ("group", Takes::Value, "The group's ID."),
    ("topic", Takes::Value, "The topic's name."),
];

/// Kafka's UNKNOWN_TOPIC_OR_PARTITION.
const UNKNOWN_TOPIC: i16 = 3;

/// The resource: Kafka's name of its type, its number, and its name.
struct ConfigResource {
    kind: &'static str,
    number: i8,
    name: Option<String>,
}

/// Runs the tool.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "This tool helps to manipulate and describe entity config for a topic, client, \
        user, broker, ip, client-metrics or group";
    let options = Options::read(about, FLAGS, args)?;
    if options.has("alter") == options.has("describe") {
        return Err(options.wrong("Command must include exactly one action: --describe, --alter"));
    }
    let entity = entity(&options)?;
    if options.has("alter") && entity.name.is_none() {
        return Err(Failure::new(format!(
            "An entity name must be specified with --alter of {}",
            entity.kind
        )));
    }
    options.required("bootstrap-server")?;
    let mut cluster = options.admin().await?;
    match options.has("alter") {
        true => alter(&mut cluster, &options, &entity, args).await,
        false => describe(&mut cluster, &options, &entity).await,
    }
}

fn entity(options: &Options) -> Result<ConfigResource, Failure> {
    let short = [
        ("topic", "topics", TOPIC),
        ("broker", "brokers", BROKER),
        ("client-metrics", "client-metrics", CLIENT_METRICS),
        ("group", "groups", GROUP),
    ];
    for (flag, kind, number) in short {
        if let Some(name) = options.value(flag) {
            return Ok(ConfigResource { kind, number, name: Some(name.to_owned()) });
        }
    }
    if options.has("broker-defaults") {
        return Ok(ConfigResource { kind: "brokers", number: BROKER, name: Some(String::new()) });
    }
    let Some(wanted) = options.value("entity-type") else {
        return Err(options.wrong("At least one entity must be specified"));
    };
    let Some((_, kind, number)) = short.iter().find(|(_, kind, _)| *kind == wanted) else {
        return Err(Failure::new(format!(
            "Invalid entity type {wanted}, the entity type must be one of topics, brokers, \
             client-metrics, groups here"
        )));
    };
    let name = options.value("entity-name").map(str::to_owned);
    let name = if options.has("entity-default") { Some(String::new()) } else { name };
    Ok(ConfigResource { kind, number: *number, name })
}

impl ConfigResource {
    /// Returns the type in the singular: `topic`, `broker`, …
    fn singular(&self) -> &str {
        match self.kind {
            "client-metrics" => "client-metric",
            kind => kind.strip_suffix('s').unwrap_or(kind),
        }
    }
}

async fn alter(
    cluster: &mut Cluster,
    options: &Options,
    entity: &ConfigResource,
    args: &[String],
) -> Result<(), Failure> {
    let mut changes = Vec::new();
    if let Some(path) = options.value("add-config-file") {
        let file = Properties::from_file(path.as_ref())?.into_pairs();
        changes.extend(file.map(|(name, value)| AlterConfigOp { name, value: Some(value) }));
    }
    for text in options.values("add-config") {
        let set = pairs(text)?.into_iter();
        changes.extend(set.map(|(name, value)| AlterConfigOp { name, value: Some(value) }));
    }
    let removed: Vec<&str> =
        options.values("delete-config").iter().flat_map(|t| t.split(',')).map(str::trim).collect();
    let name = entity.name.as_deref().unwrap_or_default();
    let alter = async {
        let set = configs::describe(cluster, entity.number, name).await?;
        let is_set =
            |name: &&&str| set.iter().any(|c| c.name == **name && c.is_set_on(entity.number));
        let missing: Vec<&str> = removed.iter().filter(|n| !is_set(n)).copied().collect();
        if !missing.is_empty() {
            return Ok(Some(format!("Invalid config(s): {}", missing.join(","))));
        }
        changes.extend(
            removed.iter().map(|name| AlterConfigOp { name: (*name).to_owned(), value: None }),
        );
        configs::alter(cluster, entity.number, name, &changes).await.map(|()| None)
    };
    match alter.await {
        Ok(Some(wrong)) => Err(Failure::new(wrong)),
        Ok(None) if name.is_empty() => screen::line(&format!(
            "Completed updating default config for {} in the cluster.",
            entity.kind
        )),
        Ok(None) => {
            screen::line(&format!("Completed updating config for {} {name}.", entity.singular()))
        }
        Err(error) if error.is_unreachable() => Err(error.into()),
        Err(error) => Err(Failure::new(format!(
            "Error while executing config command with args \
             '{}'\njava.util.concurrent.ExecutionException: {}",
            args.join(" "),
            thrown(&error)
        ))),
    }
}

async fn describe(
    cluster: &mut Cluster,
    options: &Options,
    entity: &ConfigResource,
) -> Result<(), Failure> {
    let names = match &entity.name {
        Some(name) => vec![name.clone()],
        None => everyone(cluster, entity).await?,
    };
    for name in names {
        let found = configs::describe(cluster, entity.number, &name).await;
        let mut all = match found {
            Err(error) if error.code() == Some(UNKNOWN_TOPIC) && entity.number == TOPIC => {
                screen::line(&format!(
                    "The topic '{name}' doesn't exist and doesn't have dynamic config."
                ))?;
                continue;
            }
            found => found?,
        };
        let which = match (name.is_empty(), options.has("all")) {
            (true, _) => format!("Default configs for {} in the cluster are:", entity.kind),
            (_, true) => format!("All configs for {} {name} are:", entity.singular()),
            (_, false) => format!("Dynamic configs for {} {name} are:", entity.singular()),
        };
        screen::line(&which)?;
        // A broker's own dynamic configs, not the cluster-wide defaults.
        let own: &[i8] = match (entity.number, name.is_empty()) {
            (BROKER, true) => &[3],
            (BROKER, false) => &[2],
            (TOPIC, _) => &[1],
            (GROUP, _) => &[8],
            _ => &[7],
        };
        all.retain(|config| options.has("all") || own.contains(&config.source));
        for config in &all {
            screen::line(&line(config))?;
        }
    }
    Ok(())
}

/// Returns the names of all entities of a type.
async fn everyone(cluster: &mut Cluster, entity: &ConfigResource) -> Result<Vec<String>, Failure> {
    match entity.number {
        TOPIC => Ok(cluster.all_topics().await?.into_iter().map(|topic| topic.name).collect()),
        BROKER => {
            let ids = cluster.nodes.keys().map(i32::to_string);
            Ok(ids.chain(std::iter::once(String::new())).collect())
        }
        number => Ok(configs::resources(cluster, number).await?),
    }
}

/// Formats one config with its synonyms.
fn line(config: &ConfigEntry) -> String {
    let value = config.value.as_deref().unwrap_or("null");
    let synonyms: Vec<String> = config
        .synonyms
        .iter()
        .map(|(source, name, value)| {
            let value = value.as_deref().unwrap_or("null");
            format!("{}:{name}={value}", configs::source_name(*source))
        })
        .collect();
    format!(
        "  {}={value} sensitive={} synonyms={{{}}}",
        config.name,
        config.sensitive,
        synonyms.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_printed_with_its_source() {
        let config = ConfigEntry {
            name: "retention.ms".to_owned(),
            value: Some("5".to_owned()),
            read_only: false,
            sensitive: false,
            source: 1,
            synonyms: vec![
                (1, "retention.ms".to_owned(), Some("5".to_owned())),
                (5, "log.retention.ms".to_owned(), None),
            ],
        };
        assert_eq!(
            line(&config),
            "  retention.ms=5 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5, \
             DEFAULT_CONFIG:log.retention.ms=null}"
        );
    }
}
