//! Describing and altering the configs of topics, brokers and groups.

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
};

use crate::client::cluster::Cluster;
use crate::client::connection::text;
use crate::client::error::ClientError;

/// Kafka's number for topics (`ConfigResource.Type`).
pub const TOPIC: i8 = 2;
/// Kafka's number for brokers.
pub const BROKER: i8 = 4;
/// Kafka's number for client metrics subscriptions.
pub const CLIENT_METRICS: i8 = 16;
/// Kafka's number for groups.
pub const GROUP: i8 = 32;

/// One config of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is unset or sensitive.
    pub value: Option<String>,
    /// True if it cannot be altered while the broker runs.
    pub read_only: bool,
    /// True if its value is never returned.
    pub sensitive: bool,
    /// The source of its value, by Kafka's number (`DescribeConfigsResponse.ConfigSource`).
    pub source: i8,
    /// All values it has, in the order of precedence: source, name, value.
    pub synonyms: Vec<(i8, String, Option<String>)>,
}

impl ConfigEntry {
    /// Returns Kafka's name of the source.
    pub fn source_name(&self) -> &'static str {
        source_name(self.source)
    }

    /// Returns true if it was set for this very resource.
    pub fn is_set_on(&self, resource_type: i8) -> bool {
        match resource_type {
            TOPIC => self.source == 1,
            BROKER => matches!(self.source, 2 | 3 | 6),
            CLIENT_METRICS => self.source == 7,
            GROUP => self.source == 8,
            _ => false,
        }
    }
}

/// Returns Kafka's name of a source.
pub fn source_name(source: i8) -> &'static str {
    match source {
        1 => "DYNAMIC_TOPIC_CONFIG",
        2 => "DYNAMIC_BROKER_CONFIG",
        3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        4 => "STATIC_BROKER_CONFIG",
        5 => "DEFAULT_CONFIG",
        6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
        7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
        8 => "DYNAMIC_GROUP_CONFIG",
        _ => "UNKNOWN",
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterConfigOp {
    /// The config's name.
    pub name: String,
    /// Its new value; `None` restores the default.
    pub value: Option<String>,
}

/// Returns the configs of a resource, sorted by name.
///
/// # Errors
/// There is no such resource, or the broker does not answer.
pub async fn describe(
    cluster: &mut Cluster,
    resource_type: i8,
    name: &str,
) -> Result<Vec<ConfigEntry>, ClientError> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let answer = match (resource_type, name.parse()) {
        (BROKER, Ok(id)) if cluster.nodes.contains_key(&id) => {
            cluster.node(id).await?.call(4, &request).await?
        }
        _ => cluster.any().await?.call(4, &request).await?,
    };
    let Some(result) = answer.results.first() else { return Ok(Vec::new()) };
    ClientError::check(result.error_code, result.error_message.as_deref(), "")?;
    let mut configs: Vec<ConfigEntry> = result.configs.iter().map(config).collect();
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(configs)
}

fn config(c: &DescribeConfigsResourceResult) -> ConfigEntry {
    let text = |s: &kafka_protocol::protocol::StrBytes| s.to_string();
    let synonyms = c.synonyms.iter();
    ConfigEntry {
        name: c.name.to_string(),
        value: c.value.as_ref().map(text),
        read_only: c.read_only,
        sensitive: c.is_sensitive,
        source: c.config_source,
        synonyms: synonyms
            .map(|s| (s.source, s.name.to_string(), s.value.as_ref().map(text)))
            .collect(),
    }
}

/// Alters some configs of a resource, leaving the others (KIP-339).
///
/// # Errors
/// The broker refuses one of them, in which case none is altered.
pub async fn alter(
    cluster: &mut Cluster,
    resource_type: i8,
    name: &str,
    changes: &[AlterConfigOp],
) -> Result<(), ClientError> {
    let one = |change: &AlterConfigOp| {
        AlterableConfig::default()
            .with_name(text(&change.name))
            // 0 is SET, 1 is DELETE.
            .with_config_operation(i8::from(change.value.is_none()))
            .with_value(change.value.as_deref().map(text))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(text(name))
        .with_configs(changes.iter().map(one).collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = match (resource_type, name.parse()) {
        (BROKER, Ok(id)) if cluster.nodes.contains_key(&id) => {
            cluster.node(id).await?.call(1, &request).await?
        }
        _ => cluster.controller().await?.call(1, &request).await?,
    };
    let result = answer.responses.first();
    result.map_or(Ok(()), |r| ClientError::check(r.error_code, r.error_message.as_deref(), ""))
}

/// Returns the names of all resources of a type that have configs (KIP-1142).
///
/// # Errors
/// The broker does not support it or does not answer.
pub async fn resources(
    cluster: &mut Cluster,
    resource_type: i8,
) -> Result<Vec<String>, ClientError> {
    let request = ListConfigResourcesRequest::default().with_resource_types(vec![resource_type]);
    let answer = cluster.any().await?.call(1, &request).await?;
    ClientError::check(answer.error_code, None, "")?;
    Ok(answer.config_resources.iter().map(|r| r.resource_name.to_string()).collect())
}
