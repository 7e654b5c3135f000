//! The whole configuration of one run: immutable, and cheap to share in an `Arc`.

use std::collections::BTreeMap;

use crate::config::describe::{self, ConfigDescription};
use crate::config::error::{BrokerConfigError, ConfigError, ResourceConfigError, TopicConfigError};
use crate::config::first_topics::FirstTopic;
use crate::config::group_config::DynamicGroupConfig;
use crate::config::layers::{ConfigSource, Layer, Layers};
use crate::config::live::LiveConfig;
use crate::config::resolve::{BrokerConfig, TopicConfig};
use crate::config::resources::{self, ResourceType};
use crate::config::value::{Value, has_duplicates};
use crate::config::{consistency, dynamic, environment, kafka_environment, table};

/// A value from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The option, by one of the broker's names.
    pub name: String,
    /// The value.
    pub value: String,
    /// The flag, for messages: `--set`, `--listen`.
    pub origin: String,
}

/// An option that has been set although it has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedSetting {
    /// The name under which it was set.
    pub name: &'static str,
    /// The value; `(hidden)` if it is a secret.
    pub value: String,
    /// Its source.
    pub origin: String,
    /// Why it has no effect: a clause to follow "as".
    pub why: &'static str,
}

/// The whole configuration of one run. By default nothing is set.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    layers: Layers,
    live: LiveConfig,
    first_cluster_id: Option<String>,
    first_topics: Vec<FirstTopic>,
    ignored_env: IgnoredEnv,
}

/// `KAFKA_…` variables without effect, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoredEnv {
    /// Those for what a single node does not have.
    pub meaningless: Vec<String>,
    /// Unknown ones.
    pub unknown: Vec<String>,
}

impl Settings {
    /// Combines the sources in order of precedence: defaults, the file, the environment (`OTTLA_…`
    /// over `KAFKA_…`), the flags. Of two flags for the same name the later one counts.
    ///
    /// # Errors
    ///
    /// Returns the first error, in that order of the sources. Nothing has been changed.
    pub fn load(
        file: Option<Layer>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[Flag],
    ) -> Result<Settings, ConfigError> {
        let mut layers = Layers::default();
        if let Some(file) = file {
            layers = Layers::over(file, layers);
        }
        let environment: Vec<(String, String)> = environment.into_iter().collect();
        let pairs = environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kafkas = kafka_environment::read(pairs)?;
        layers = Layers::over(kafkas.layer, layers);
        layers = Layers::over(environment::layer(environment)?, layers);
        let mut from_flags = Layer::default();
        for flag in flags {
            table::set(&mut from_flags, &flag.name, &flag.value, &flag.origin)?;
        }
        let layers = Layers::over(from_flags, layers);
        let settings = Settings {
            live: LiveConfig::resolve(&layers),
            layers,
            first_cluster_id: kafkas.cluster_id,
            first_topics: kafkas.topics,
            ignored_env: IgnoredEnv { meaningless: kafkas.meaningless, unknown: kafkas.unknown },
        };
        settings.check_consistency()?;
        Ok(settings)
    }

    /// Returns these settings overlaid with what clients have set while the broker runs: as
    /// cluster-wide defaults, and on this broker.
    pub fn with_live(
        &self,
        on_all: &BTreeMap<String, String>,
        on_this: &BTreeMap<String, String>,
    ) -> Settings {
        let on_all = dynamic::layer(on_all, ConfigSource::DynamicDefault);
        let on_this = dynamic::layer(on_this, ConfigSource::DynamicBroker);
        let layers = Layers::over(on_this, Layers::over(on_all, self.layers.clone()));
        Settings { live: LiveConfig::resolve(&layers), layers, ..self.clone() }
    }

    /// Returns the broker's read-only configuration.
    pub fn broker(&self) -> BrokerConfig {
        let first_cluster_id = self.first_cluster_id.clone();
        BrokerConfig { first_cluster_id, ..BrokerConfig::resolve(&self.layers) }
    }

    /// Returns the topics to create at the start.
    pub fn first_topics(&self) -> &[FirstTopic] {
        &self.first_topics
    }

    /// Returns the ignored `KAFKA_…` variables, to be logged.
    pub fn ignored_env(&self) -> &IgnoredEnv {
        &self.ignored_env
    }

    /// Returns the current values of the options that can change.
    pub fn live(&self) -> &LiveConfig {
        &self.live
    }

    /// Returns the configuration of a topic with these overrides.
    pub fn topic(&self, overrides: &BTreeMap<String, String>) -> TopicConfig {
        TopicConfig::resolve(overrides, &self.layers)
    }

    /// Returns the configuration of a group with these configs.
    pub fn group(&self, configs: &BTreeMap<String, String>) -> DynamicGroupConfig {
        DynamicGroupConfig::resolve(configs, &self.layers)
    }

    /// Checks whether a topic may have this override.
    ///
    /// # Errors
    ///
    /// Returns an error if the topic option does not exist, does not allow the value, or the value
    /// requires remote storage.
    pub fn check_topic(&self, name: &str, value: &str) -> Result<(), TopicConfigError> {
        let Some(row) = table::topic_option(name) else {
            let hint = table::hint_for_topic(name);
            return Err(TopicConfigError::Unknown { name: name.to_owned(), hint });
        };
        if row.validates(value, 1) {
            return match (name, bool::read(value)) {
                ("remote.storage.enable", Some(true)) => Err(TopicConfigError::NoRemoteStore),
                _ => Ok(()),
            };
        }
        Err(TopicConfigError::Invalid {
            name: name.to_owned(),
            value: if row.is_sensitive() { "(hidden)" } else { value }.to_owned(),
            allowed: row.allowed(1),
        })
    }

    /// Checks whether a topic may have all of these overrides at once.
    ///
    /// # Errors
    ///
    /// Returns the first error of [`Settings::check_topic`], or an error if two of them contradict
    /// each other (`LogConfig.validateValues`).
    pub fn check_overrides(
        &self,
        overrides: &BTreeMap<String, String>,
    ) -> Result<(), TopicConfigError> {
        // Kafka checks all names before any value.
        let unknown = overrides.iter().find(|(name, _)| table::topic_option(name).is_none());
        for (name, value) in unknown.into_iter().chain(overrides) {
            self.check_topic(name, value)?;
        }
        let config = self.topic(overrides);
        if config.min_compaction_lag_ms > config.max_compaction_lag_ms {
            return Err(TopicConfigError::Conflict {
                lesser: "min.compaction.lag.ms",
                lesser_value: config.min_compaction_lag_ms,
                greater: "max.compaction.lag.ms",
                greater_value: config.max_compaction_lag_ms,
            });
        }
        Ok(())
    }

    /// Returns every option of a topic with these overrides, by name.
    pub fn describe_topic(&self, overrides: &BTreeMap<String, String>) -> Vec<ConfigDescription> {
        describe::topic(overrides, &self.layers)
    }

    /// Returns every option of the broker under every one of its names, by name.
    pub fn describe_broker(&self) -> Vec<ConfigDescription> {
        describe::broker(&self.layers)
    }

    /// Returns what clients have set as cluster-wide defaults, by name.
    pub fn describe_broker_defaults(&self) -> Vec<ConfigDescription> {
        describe::broker_defaults(&self.layers)
    }

    /// Checks whether a group or a client metrics subscription may have these configs.
    ///
    /// # Errors
    ///
    /// Returns the first error.
    pub fn check_resource(
        &self,
        owner: ResourceType,
        configs: &BTreeMap<String, String>,
    ) -> Result<(), ResourceConfigError> {
        resources::check(owner, configs, &self.layers)
    }

    /// Returns the names of those of a group's configs that are out of the broker's bounds, which
    /// may have changed since they were set.
    pub fn out_of_bounds(&self, configs: &BTreeMap<String, String>) -> Vec<&'static str> {
        resources::out_of_bounds(configs, &self.layers)
    }

    /// Returns every option of a group or a client metrics subscription with these configs, by
    /// name.
    pub fn describe_resource(
        &self,
        owner: ResourceType,
        configs: &BTreeMap<String, String>,
    ) -> Vec<ConfigDescription> {
        resources::describe(owner, configs, &self.layers)
    }

    /// Returns the options that have been set although they have no effect, for a warning at the
    /// start.
    pub fn unused_settings(&self) -> Vec<UnusedSetting> {
        table::set_rows(&self.layers)
            .filter_map(|(row, name, setting)| {
                let why = row.effect().why_unused()?;
                let value = if row.is_sensitive() { "(hidden)" } else { &setting.value };
                let (value, origin) = (value.to_owned(), setting.origin.clone());
                Some(UnusedSetting { name: name.text, value, origin, why })
            })
            .collect()
    }

    /// Iterates over the lists of the broker that name an item more than once, with their values.
    pub fn lists_with_duplicates(&self) -> impl Iterator<Item = (&'static str, &str)> {
        table::set_rows(&self.layers)
            .filter(|(row, _, setting)| row.has_distinct_items() && has_duplicates(&setting.value))
            .map(|(_, name, setting)| (name.text, setting.value.as_str()))
    }

    /// Checks what no row can check alone.
    ///
    /// # Errors
    ///
    /// Returns an error for values that contradict each other.
    pub fn check_consistency(&self) -> Result<(), ConfigError> {
        consistency::check(&self.layers, &self.live)
    }

    /// Checks whether a broker that runs with `has` may change to these settings.
    ///
    /// # Errors
    ///
    /// Returns an error for what a running broker refuses although it would start with it.
    pub fn check_change(&self, has: &Settings) -> Result<(), BrokerConfigError> {
        consistency::check_change(&has.layers, &self.layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::choices::{Cleanup, Compression, Durability, TimestampType};
    use crate::config::file;
    use crate::config::listeners::Listener;
    use std::path::PathBuf;

    fn flag(name: &str, value: &str) -> Flag {
        Flag { name: name.to_owned(), value: value.to_owned(), origin: "--set".to_owned() }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn load(
        text: &str,
        environment: &[(&str, &str)],
        flags: &[Flag],
    ) -> Result<Settings, ConfigError> {
        let file = file::layer("/etc/ottla.toml", text)?;
        Settings::load(Some(file), pairs(environment), flags)
    }

    fn set(settings: &[(&str, &str)]) -> Settings {
        let flags: Vec<Flag> = settings.iter().map(|(name, value)| flag(name, value)).collect();
        Settings::load(None, [], &flags).expect("good flags")
    }

    fn described(all: Vec<ConfigDescription>, name: &str) -> ConfigDescription {
        all.into_iter().find(|described| described.name == name).expect(name)
    }

    fn places(described: &ConfigDescription) -> Vec<(&str, Option<&str>, i8)> {
        described
            .synonyms
            .iter()
            .map(|synonym| (synonym.name, synonym.value.as_deref(), synonym.source.code()))
            .collect()
    }

    #[test]
    fn with_nothing_set_everything_has_its_default() {
        let settings = Settings::load(None, [], &[]).unwrap();
        assert_eq!(settings.broker(), BrokerConfig::default());
        assert_eq!(settings.topic(&BTreeMap::new()), TopicConfig::default());
        assert_eq!(settings.unused_settings(), []);
    }

    #[test]
    fn flags_go_over_the_environment_over_the_file_over_the_defaults() {
        let file = "num.partitions = 2";
        let environment = [("OTTLA_NUM_PARTITIONS", "3")];
        let flags = [flag("num.partitions", "4"), flag("num.partitions", "5")];
        let partitions = |settings: Settings| settings.broker().num_partitions;
        assert_eq!(partitions(load("", &[], &[]).unwrap()), 1);
        assert_eq!(partitions(load(file, &[], &[]).unwrap()), 2);
        assert_eq!(partitions(load(file, &environment, &[]).unwrap()), 3);
        assert_eq!(partitions(load(file, &environment, &flags[..1]).unwrap()), 4);
        assert_eq!(partitions(load(file, &environment, &flags).unwrap()), 5);
    }

    #[test]
    fn in_one_source_the_first_name_counts_and_a_nearer_source_counts_over_any_name() {
        let none = BTreeMap::new();
        let file = "log.retention.hours = 1\nlog.retention.minutes = 2\n";
        let settings = load(file, &[], &[]).unwrap();
        assert_eq!(settings.topic(&none).retention_ms, 120_000);
        let settings = load(&format!("{file}log.retention.ms = 3"), &[], &[]).unwrap();
        assert_eq!(settings.topic(&none).retention_ms, 3);
        let settings =
            load("log.retention.ms = 3", &[("OTTLA_LOG_RETENTION_HOURS", "2")], &[]).unwrap();
        assert_eq!(settings.topic(&none).retention_ms, 7_200_000);
    }

    #[test]
    fn larger_units_are_turned_into_the_options_own_and_minus_one_stays() {
        let none = BTreeMap::new();
        let retention = |value| set(&[("log.retention.hours", value)]).topic(&none).retention_ms;
        assert_eq!(retention("168"), 604_800_000);
        assert_eq!(retention("-1"), -1);
        assert_eq!(retention("2147483647"), 2_147_483_647 * 3_600_000);
        assert_eq!(set(&[("log.roll.hours", "1")]).topic(&none).segment_ms, 3_600_000);
    }

    #[test]
    fn a_brokers_values_are_resolved() {
        let config = set(&[
            ("broker.id", "7"),
            ("cluster.id", "lab"),
            ("listeners", "PLAINTEXT://0.0.0.0:9092, PLAINTEXT://[::1]:0"),
            ("advertised.listeners", "PLAINTEXT://broker.lan:19092"),
            ("log.dir", "/var/lib/ottla"),
            ("durability", "fsync"),
        ])
        .broker();
        let shown = |listener: &Listener| {
            (listener.at.to_string(), listener.advertised.as_ref().map(ToString::to_string))
        };
        let advertised = Some("broker.lan:19092".to_owned());
        assert_eq!(config.node_id, 7);
        assert_eq!(config.cluster_id.as_deref(), Some("lab"));
        assert_eq!(
            config.listeners.iter().map(shown).collect::<Vec<_>>(),
            [("0.0.0.0:9092".to_owned(), advertised.clone()), ("[::1]:0".to_owned(), advertised),]
        );
        assert_eq!(config.log_dir, Some(PathBuf::from("/var/lib/ottla")));
        assert_eq!(config.durability, Durability::Fsync);
    }

    #[test]
    fn a_topics_own_values_go_over_the_brokers() {
        let settings = set(&[
            ("log.segment.bytes", "2097152"),
            ("message.max.bytes", "1000"),
            ("compression.type", "zstd"),
            ("log.cleanup.policy", "compact"),
            ("log.message.timestamp.type", "LogAppendTime"),
        ]);
        let config = settings.topic(&pairs(&[("max.message.bytes", "2000")]));
        assert_eq!(config.segment_bytes, 2_097_152);
        assert_eq!(config.max_message_bytes, 2000);
        assert_eq!(config.compression, Compression::Zstd);
        assert_eq!(config.cleanup, Cleanup { delete: false, compact: true });
        assert_eq!(config.timestamp_type, TimestampType::LogAppendTime);
        let config = settings.topic(&pairs(&[("cleanup.policy", "compact,delete")]));
        assert_eq!(config.cleanup, Cleanup { delete: true, compact: true });
        assert_eq!(config.max_message_bytes, 1000);
    }

    #[test]
    fn an_override_that_is_no_longer_allowed_counts_as_not_set() {
        let overrides = pairs(&[("segment.bytes", "1"), ("no.such.option", "1")]);
        let settings = set(&[("log.segment.bytes", "2097152")]);
        assert_eq!(settings.topic(&overrides).segment_bytes, 2_097_152);
        let all = settings.describe_topic(&overrides);
        assert_eq!(described(all, "segment.bytes").source, ConfigSource::StaticBroker);
    }

    #[test]
    fn what_is_wrong_on_the_command_line_is_said_in_one_line() {
        let error = |name, value| {
            Settings::load(None, [], &[flag(name, value)]).expect_err(name).to_string()
        };
        assert_eq!(
            error("log.retention.hours", "a week"),
            "log.retention.hours = \"a week\" (--set): \
             must be a whole number from -1 to 2147483647"
        );
        assert_eq!(
            error("log.segment.bytes", "1048575"),
            "log.segment.bytes = \"1048575\" (--set): \
             must be a whole number from 1048576 to 2147483647"
        );
        assert_eq!(
            error("listeners", "localhost"),
            "listeners = \"localhost\" (--set): \
             must be a comma-separated list of PLAINTEXT://host:port"
        );
        assert_eq!(
            error("auto.create.topics.enable", "yes"),
            "auto.create.topics.enable = \"yes\" (--set): must be true or false"
        );
        assert_eq!(
            error("auto.create.topic.enable", "true"),
            "auto.create.topic.enable = \"true\" (--set): there is no such option; \
             did you mean auto.create.topics.enable?"
        );
    }

    #[test]
    fn lists_that_name_an_item_twice_are_named_and_read_without_it() {
        let settings = set(&[("log.cleanup.policy", "delete,delete"), ("metric.reporters", "a")]);
        let lists: Vec<_> = settings.lists_with_duplicates().collect();
        assert_eq!(lists, [("log.cleanup.policy", "delete,delete")]);
        let policy = described(settings.describe_broker(), "log.cleanup.policy");
        assert_eq!(policy.value.as_deref(), Some("delete"));
        assert_eq!(places(&policy)[0], ("log.cleanup.policy", Some("delete,delete"), 4));
    }

    #[test]
    fn places_and_protocols_of_listeners_must_go_together() {
        let load = |listeners: &str, advertised: &str| {
            let flags = [flag("listeners", listeners), flag("advertised.listeners", advertised)];
            Settings::load(None, [], &flags)
        };
        load("a:1,b:2", "x:1,y:2").unwrap();
        assert_eq!(
            load("a:1", "x:1,y:2").unwrap_err().to_string(),
            "advertised.listeners = \"x:1,y:2\" (--set): \
             must be one address, or one for each of the listeners PLAINTEXT"
        );
        assert_eq!(
            load("SSL://localhost:9093", "x:1").unwrap_err().to_string(),
            "listeners = \"SSL://localhost:9093\" (--set): \
             asks for encryption (TLS), which this version does not have: unset it to run a \
             broker that is open to every client, or run Apache Kafka for it"
        );
    }

    #[test]
    fn kafkas_variables_stand_between_the_file_and_ours() {
        let kafkas = [("KAFKA_NUM_PARTITIONS", "3"), ("CLUSTER_ID", "x"), ("KAFKA_OPTS", "-X")];
        let settings = load("num.partitions = 2", &kafkas, &[]).unwrap();
        let config = settings.broker();
        assert_eq!(config.num_partitions, 3);
        assert_eq!((config.cluster_id, config.first_cluster_id.as_deref()), (None, Some("x")));
        assert_eq!(settings.ignored_env().meaningless, ["KAFKA_OPTS"]);
        let both = [kafkas[0], ("OTTLA_NUM_PARTITIONS", "4")];
        assert_eq!(load("", &both, &[]).unwrap().broker().num_partitions, 4);
        let live = settings.with_live(&BTreeMap::new(), &BTreeMap::new());
        assert_eq!(live.broker(), settings.broker());
    }

    #[test]
    fn compaction_lags_that_contradict_each_other_are_refused() {
        let least = flag("log.cleaner.min.compaction.lag.ms", "10");
        let most = flag("log.cleaner.max.compaction.lag.ms", "9");
        let error = Settings::load(None, [], &[least, most.clone()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "log.cleaner.min.compaction.lag.ms = \"10\" (--set): \
             must be at most log.cleaner.max.compaction.lag.ms, 9"
        );
        let settings = Settings::load(None, [], &[most]).unwrap();
        let error = settings.check_overrides(&pairs(&[("min.compaction.lag.ms", "10")]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "Conflicting topic configs: min.compaction.lag.ms (10) is more than \
             max.compaction.lag.ms (9)"
        );
        settings.check_overrides(&pairs(&[("min.compaction.lag.ms", "9")])).unwrap();
    }

    #[test]
    fn a_topics_overrides_are_checked_by_name_and_value() {
        let settings = Settings::default();
        settings.check_topic("retention.ms", "-1").unwrap();
        settings.check_topic("cleanup.policy", "compact,delete").unwrap();
        settings.check_topic("leader.replication.throttled.replicas", "0:1").unwrap();
        let error = |name, value| settings.check_topic(name, value).expect_err(name).to_string();
        assert_eq!(
            error("retention.ms", "-2"),
            "Invalid value \"-2\" for topic config retention.ms: must be a whole number, -1 or more"
        );
        assert_eq!(
            error("compression.gzip.level", "0"),
            "Invalid value \"0\" for topic config compression.gzip.level: \
             must be -1 or a whole number from 1 to 9"
        );
        assert_eq!(
            error("retention.millis", "1"),
            "Unknown topic config name: retention.millis; did you mean retention.ms?"
        );
        assert_eq!(
            error("log.retention.ms", "1"),
            "Unknown topic config name: log.retention.ms; for a topic it is retention.ms"
        );
    }

    #[test]
    fn names_that_kafka_4_removed_are_unknown() {
        for name in [
            "message.format.version",
            "message.timestamp.difference.max.ms",
            "message.downconversion.enable",
        ] {
            let error = Settings::default().check_topic(name, "1").unwrap_err();
            assert!(matches!(error, TopicConfigError::Unknown { .. }), "{name}");
        }
    }

    #[test]
    fn an_option_that_is_set_and_only_reported_is_listed_with_its_origin() {
        let settings = load(
            "num.io.threads = 16\nnum.partitions = 3",
            &[("OTTLA_NUM_IO_THREADS", "32")],
            &[flag("background.threads", "3")],
        )
        .unwrap();
        let unused = settings.unused_settings();
        let shown: Vec<(&str, &str, &str)> =
            unused.iter().map(|one| (one.name, one.value.as_str(), one.origin.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("num.io.threads", "32", "environment OTTLA_NUM_IO_THREADS"),
                ("background.threads", "3", "--set"),
            ]
        );
    }

    #[test]
    fn a_described_topic_names_the_places_a_value_could_come_from_the_nearest_first() {
        let settings = load(
            "log.retention.ms = 1\nlog.retention.hours = 2",
            &[],
            &[flag("log.retention.minutes", "3")],
        )
        .unwrap();
        let all = settings.describe_topic(&pairs(&[("retention.ms", "4")]));
        let retention = described(all, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("4"));
        assert_eq!(retention.source, ConfigSource::Topic);
        assert_eq!(
            places(&retention),
            [
                ("retention.ms", Some("4"), 1),
                ("log.retention.ms", Some("1"), 4),
                ("log.retention.hours", Some("2"), 4),
                ("log.retention.hours", Some("168"), 5),
            ]
        );
        // As in Kafka, the first name shows no value that is set in the unit of another, nor the
        // default.
        let all = settings.describe_topic(&pairs(&[("segment.ms", "4")]));
        assert_eq!(places(&described(all, "segment.ms")), [("segment.ms", Some("4"), 1)]);
        let retention = described(settings.describe_topic(&BTreeMap::new()), "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("180000"));
        assert_eq!(retention.source.code(), 4);
        assert!(!retention.read_only && !retention.sensitive);
        assert_eq!(retention.kind.code(), 5);
    }

    #[test]
    fn a_described_topic_has_every_topic_option_once_in_order() {
        let all = Settings::default().describe_topic(&BTreeMap::new());
        assert_eq!(all.len(), 37);
        assert!(all.is_sorted_by(|a, b| a.name < b.name));
        assert!(all.iter().all(|one| one.source == ConfigSource::Default && one.value.is_some()));
        let size = described(all, "max.message.bytes");
        assert_eq!(places(&size), [("message.max.bytes", Some("1048588"), 5)]);
    }

    #[test]
    fn a_described_broker_tells_each_name_in_its_own_unit() {
        let all = |settings: &[(&str, &str)]| set(settings).describe_broker();
        let milliseconds = described(all(&[]), "log.retention.ms");
        assert_eq!((milliseconds.value.as_deref(), milliseconds.source.code()), (None, 5));
        let hours = described(all(&[]), "log.retention.hours");
        assert_eq!((hours.value.as_deref(), hours.kind.code()), (Some("168"), 3));
        let set = [("log.retention.ms", "5")];
        let milliseconds = described(all(&set), "log.retention.ms");
        assert_eq!((milliseconds.value.as_deref(), milliseconds.source.code()), (Some("5"), 4));
        assert_eq!(described(all(&set), "log.retention.hours").value.as_deref(), Some("168"));
    }

    #[test]
    fn a_described_broker_tells_the_same_under_names_of_the_same_unit() {
        for settings in [&[("broker.id", "7")], &[("node.id", "7")]] {
            for name in ["broker.id", "node.id"] {
                let id = described(set(settings).describe_broker(), name);
                assert_eq!((id.value.as_deref(), id.source.code()), (Some("7"), 4));
                assert!(id.read_only);
            }
        }
        assert_eq!(
            described(Settings::default().describe_broker(), "node.id").value.as_deref(),
            Some("1")
        );
    }
}
