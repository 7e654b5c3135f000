//! Configs of brokers, groups and client metrics change: first in the metadata log, then they
//! act. Those of topics are in `topic_changes.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::state::Broker;
use crate::config::dynamic;
use crate::config::error::{BrokerConfigError, ResourceConfigError};
use crate::config::resources::ResourceType;
use crate::log::AppendError;
use crate::metadata::image::{BROKER_RESOURCE, CLIENT_METRICS_RESOURCE, Image, Topic};
use crate::metadata::records::{ConfigRecord, Record};
use crate::topics::registry::LiveTopic;

/// How many brokers, groups and client metrics subscriptions may have configs.
pub const RESOURCES_MAX: usize = 10_000;
/// The longest value, and the longest name of a resource, as in Kafka.
pub const VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// A config that a new data directory has for the whole cluster (KIP-966).
pub const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Refuses what would undo that the whole cluster has one `min.insync.replicas`: a value of one
/// broker's own, or none (Kafka: `ConfigurationControlManager`).
fn check_min_insync_replicas(
    broker: &str,
    has: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> Result<(), ConfigsError> {
    let (before, after) = (has.get(MIN_INSYNC_REPLICAS), wanted.get(MIN_INSYNC_REPLICAS));
    match (broker.is_empty(), before, after) {
        (true, Some(_), None) => Err(ConfigsError::MinInsyncReplicasStays),
        (false, before, Some(_)) if before != after => Err(ConfigsError::MinInsyncReplicasOfOne),
        _ => Ok(()),
    }
}

/// Why configs were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigsError {
    /// The broker cannot have them.
    #[error(transparent)]
    Broker(#[from] BrokerConfigError),
    /// The group or the subscription cannot have them.
    #[error(transparent)]
    Resource(#[from] ResourceConfigError),
    /// A value, or the resource's name, is too long.
    #[error(
        "The configuration value cannot be added because it exceeds the maximum value size of \
         {VALUE_BYTES_MAX} bytes."
    )]
    TooLong,
    /// The cluster's `min.insync.replicas` would be removed.
    #[error("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")]
    MinInsyncReplicasStays,
    /// One broker would have a `min.insync.replicas` of its own.
    #[error("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")]
    MinInsyncReplicasOfOne,
    /// There are so many already.
    #[error("{RESOURCES_MAX} groups and client metrics have configs already; delete some first")]
    TooMany,
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Broker {
    /// Change the configs of a resource other than a topic; `decide` is given those that it has
    /// and gives those that it is to have. A broker's act at once. With `validate_only` nothing
    /// changes.
    ///
    /// # Errors
    /// What `decide` says, or that the resource cannot have them.
    pub fn alter_resource<E: From<ConfigsError>>(
        &self,
        kind: i8,
        name: &str,
        validate_only: bool,
        decide: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, E>,
    ) -> Result<(), E> {
        // A topic that is created now must not be left with what was the default before.
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        let changing = self.metadata.change(self.clock.now(), |image| {
            let has = image.configs_of(kind, name);
            let wanted = decide(&has).map_err(ChangeError::Decided)?;
            let records = config_records(kind, name, Some(&has), &wanted);
            self.check(image, kind, name, &wanted, &records).map_err(ChangeError::Found)?;
            Ok((if validate_only { Vec::new() } else { records }, ()))
        });
        changing.map_err(|stopped| match stopped {
            ChangeError::Decided(error) => error,
            ChangeError::Found(error) => E::from(error),
        })?;
        if kind == BROKER_RESOURCE && !validate_only {
            self.apply_dynamic_configs();
        }
        Ok(())
    }

    fn check(
        &self,
        image: &Image,
        kind: i8,
        name: &str,
        wanted: &BTreeMap<String, String>,
        records: &[Record],
    ) -> Result<(), ConfigsError> {
        if name.len().max(wanted.values().map(String::len).max().unwrap_or(0)) > VALUE_BYTES_MAX {
            return Err(ConfigsError::TooLong);
        }
        let has = image.configs_of(kind, name);
        match kind {
            BROKER_RESOURCE => {
                check_min_insync_replicas(name, &has, wanted)?;
                dynamic::check(&has, wanted)?;
                let mut after = image.clone();
                records.iter().for_each(|record| after.apply(record));
                let settings = self.settings.with(&after, self.config.node_id);
                settings.check_consistency().map_err(BrokerConfigError::AtStart)?;
                settings.check_change(&self.settings.now())?;
            }
            CLIENT_METRICS_RESOURCE => {
                self.settings.now().check_resource(ResourceType::ClientMetrics, wanted)?;
            }
            _ => self.settings.now().check_resource(ResourceType::Group, wanted)?,
        }
        let is_new = has.is_empty() && !wanted.is_empty();
        if is_new && image.configs.len() >= RESOURCES_MAX {
            return Err(ConfigsError::TooMany);
        }
        Ok(())
    }

    /// Let the broker's configs act that are known durably: on the broker, and on every topic
    /// that does not say otherwise.
    pub fn apply_dynamic_configs(&self) {
        let image = self.image();
        self.settings.replace(self.settings.with(&image, self.config.node_id));
        for topic in image.topics.values() {
            if let Some(live) = self.registry.named(&topic.name) {
                self.configure(topic, &live);
            }
        }
    }

    /// Let a live topic run by its configs of now.
    pub fn configure(&self, topic: &Topic, live: &LiveTopic) {
        let config = Arc::new(self.settings.now().topic(&topic.configs));
        for partition in live.partitions.iter().filter(|one| *one.config() != *config) {
            partition.set_config(config.clone());
            if config.cleanup.compact {
                partition.pending_work().request_compaction(partition);
            }
        }
    }
}

/// Why a change was not made: whoever decides on it did not want to, or something else was found.
enum ChangeError<E> {
    Decided(E),
    Found(ConfigsError),
}

impl<E> From<AppendError> for ChangeError<E> {
    fn from(error: AppendError) -> ChangeError<E> {
        ChangeError::Found(error.into())
    }
}

/// The records that make the configs which a resource has into those which are wanted.
pub fn config_records(
    kind: i8,
    resource: &str,
    has: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
) -> Vec<Record> {
    let record = |name: &str, value: Option<&String>| {
        Record::Config(ConfigRecord {
            resource_type: kind,
            resource_name: resource.to_owned(),
            name: name.to_owned(),
            value: value.cloned(),
        })
    };
    let value_of = |name: &String| has.and_then(|has| has.get(name));
    let set = wanted.iter().filter(|(name, value)| value_of(name) != Some(*value));
    let set = set.map(|(name, value)| record(name, Some(value)));
    let gone = has.into_iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
    set.chain(gone.map(|(name, _)| record(name, None))).collect()
}
