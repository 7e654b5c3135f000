//! Altering the configs of brokers, groups and client metrics: first in the metadata log, then in
//! effect. Those of topics are in `topics/changes.rs`.

use std::collections::BTreeMap;

use crate::broker::state::Broker;
use crate::config::dynamic;
use crate::config::error::{BrokerConfigError, ResourceConfigError};
use crate::config::resources::ResourceType;
use crate::log::AppendError;
use crate::metadata::image::{BROKER_RESOURCE, CLIENT_METRICS_RESOURCE, GROUP_RESOURCE, Image};
use crate::metadata::records::{Record, config_records};

/// How many brokers, groups and client metrics subscriptions may have configs.
pub const RESOURCES_MAX: usize = 10_000;
/// The maximum length of a value and of a resource's name, as in Kafka.
pub const VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// A cluster-wide config that every new data directory has (KIP-966).
pub const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Refuses to give one broker its own `min.insync.replicas` or to remove the cluster's (Kafka:
/// `ConfigurationControlManager`).
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

/// Why configs were not altered.
#[derive(Debug, thiserror::Error)]
pub enum ConfigsError {
    /// Invalid for a broker.
    #[error(transparent)]
    Broker(#[from] BrokerConfigError),
    /// Invalid for a group or a client metrics subscription.
    #[error(transparent)]
    Resource(#[from] ResourceConfigError),
    /// A value or the resource's name is too long.
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
    /// The limit on resources with configs is reached.
    #[error("{RESOURCES_MAX} groups and client metrics already have configs; delete some first")]
    TooMany,
    /// The metadata log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Broker {
    /// Alters the configs of a resource other than a topic. `decide` gets the current ones and
    /// returns the new ones. A broker's take effect at once. With `validate_only` nothing changes.
    ///
    /// # Errors
    /// The error of `decide`, or that the resource cannot have these configs.
    pub fn alter_resource<E: From<ConfigsError>>(
        &self,
        kind: i8,
        name: &str,
        validate_only: bool,
        decide: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, E>,
    ) -> Result<(), E> {
        // A topic created meanwhile must not keep the previous defaults.
        let _one_at_a_time = self.topics.hold_changes();
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
                dynamic::check(&has, wanted, name.is_empty())?;
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

    /// Puts the broker configs of the metadata image into effect, for the broker and for every
    /// topic that does not override them.
    pub fn apply_dynamic_configs(&self) {
        let image = self.image();
        self.settings.replace(self.settings.with(&image, self.config.node_id));
        self.topics.apply_defaults();
    }

    /// Logs how many groups have configs that are out of the broker's bounds.
    pub(super) fn log_group_configs(&self) {
        let (image, settings) = (self.image(), self.settings.now());
        let groups = image.configs.iter().filter(|((kind, _), _)| *kind == GROUP_RESOURCE);
        let mut moved = groups.filter_map(|((_, group), configs)| {
            let config = settings.out_of_bounds(configs).into_iter().next()?;
            Some((group, config))
        });
        if let Some((group, config)) = moved.next() {
            tracing::warn!(
                group,
                config,
                groups = moved.count() + 1,
                "configs of groups are out of the broker's bounds; the nearest bound is in effect"
            );
        }
    }
}

/// Why a change was not made: `decide` refused, or a later check did.
enum ChangeError<E> {
    Decided(E),
    Found(ConfigsError),
}

impl<E> From<AppendError> for ChangeError<E> {
    fn from(error: AppendError) -> ChangeError<E> {
        ChangeError::Found(error.into())
    }
}
