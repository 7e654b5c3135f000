//! The options of groups (KIP-848, KIP-932, KIP-1071) and of client metrics subscriptions
//! (KIP-714).
//!
//! Names, types, limits and defaults are those of Kafka 4.4 (`GroupConfig`,
//! `ClientMetricsConfigs`). Most of a group's options have defaults in the broker's options, so
//! their rows are with those.

use std::collections::BTreeMap;

use crate::config::describe::{ConfigDescription, ConfigSynonym, broker_synonyms, unless_hidden};
use crate::config::entry::Row;
use crate::config::error::{ConfigError, ResourceConfigError};
use crate::config::layers::{self, ConfigSource, Layers};
use crate::config::unused::consumer_group::GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE;
use crate::config::unused::resources::{
    ERRORS_DEADLETTERQUEUE_COPY_RECORD_ENABLE, ERRORS_DEADLETTERQUEUE_TOPIC_NAME, INTERVAL_MS,
    MATCH, METRICS, SHARE_AUTO_OFFSET_RESET, SHARE_ISOLATION_LEVEL, SHARE_RENEW_ACKNOWLEDGE_ENABLE,
    STREAMS_ASSIGNOR_NAME,
};
use crate::config::unused::{share_group, streams_group};
use crate::config::value::{List, Value, has_duplicates};
use crate::config::{consumer_group, formats, table};

/// A resource with options of its own besides topics and the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A group.
    Group,
    /// A client metrics subscription.
    ClientMetrics,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct ResourceOption {
    /// Its name.
    pub name: &'static str,
    /// Type, rule and documentation; and the default, unless the broker has another.
    pub row: &'static dyn Row,
    /// The broker option with its minimum.
    least: Option<&'static dyn Row>,
    /// The broker option with its maximum.
    greatest: Option<&'static dyn Row>,
}

const fn option(name: &'static str, row: &'static dyn Row) -> ResourceOption {
    ResourceOption { name, row, least: None, greatest: None }
}

impl ResourceOption {
    const fn between(
        mut self,
        least: &'static dyn Row,
        greatest: &'static dyn Row,
    ) -> ResourceOption {
        self.least = Some(least);
        self.greatest = Some(greatest);
        self
    }

    const fn at_least(mut self, least: &'static dyn Row) -> ResourceOption {
        self.least = Some(least);
        self
    }

    const fn at_most(mut self, greatest: &'static dyn Row) -> ResourceOption {
        self.greatest = Some(greatest);
        self
    }

    /// Returns the number in effect for a resource with these configs: its own, or else the
    /// broker's. One that is out of the broker's bounds is replaced with the nearest bound
    /// (`GroupConfig.evaluate`): the bounds may have changed since it was set.
    pub fn number(&self, configs: &BTreeMap<String, String>, layers: &Layers) -> i64 {
        let own = configs.get(self.name).and_then(|value| i64::read(value));
        let number = own.unwrap_or_else(|| of_broker(self.row, layers));
        let (least, greatest) = self.bounds(layers);
        number.max(least.unwrap_or(i64::MIN)).min(greatest.unwrap_or(i64::MAX))
    }

    /// Returns the broker's minimum and maximum.
    fn bounds(&self, layers: &Layers) -> (Option<i64>, Option<i64>) {
        let bound = |row: Option<&'static dyn Row>| row.map(|row| of_broker(row, layers));
        (bound(self.least), bound(self.greatest))
    }

    /// Checks a number against the broker's minimum and maximum.
    fn check_bounds(&self, value: &str, layers: &Layers) -> Result<(), ResourceConfigError> {
        let Some(number) = i64::read(value) else { return Ok(()) };
        let name = self.name;
        let (least, greatest) = self.bounds(layers);
        if least.is_none_or(|least| number >= least) && greatest.is_none_or(|most| number <= most) {
            return Ok(());
        }
        Err(match (least, greatest) {
            (Some(least), Some(greatest)) => {
                ResourceConfigError::OutOfRange { name, least, greatest }
            }
            (Some(least), None) => ResourceConfigError::TooSmall { name, least },
            (None, greatest) => {
                ResourceConfigError::TooLarge { name, greatest: greatest.unwrap_or_default() }
            }
        })
    }
}

const RACK_TAGS: &str = "streams.rack.aware.assignment.tags";

/// `consumer.assignment.interval.ms` of a group.
pub const CONSUMER_ASSIGNMENT_INTERVAL_MS: ResourceOption = option(
    "consumer.assignment.interval.ms",
    &consumer_group::GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
)
.between(
    &consumer_group::GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
    &consumer_group::GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS,
);

/// `consumer.heartbeat.interval.ms` of a group.
pub const CONSUMER_HEARTBEAT_INTERVAL_MS: ResourceOption =
    option("consumer.heartbeat.interval.ms", &consumer_group::GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS)
        .between(
            &consumer_group::GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
            &consumer_group::GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS,
        );

/// `consumer.session.timeout.ms` of a group.
pub const CONSUMER_SESSION_TIMEOUT_MS: ResourceOption =
    option("consumer.session.timeout.ms", &consumer_group::GROUP_CONSUMER_SESSION_TIMEOUT_MS)
        .between(
            &consumer_group::GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
            &consumer_group::GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS,
        );

/// The options of groups, by name.
pub static OF_GROUPS: &[ResourceOption] = &[
    CONSUMER_ASSIGNMENT_INTERVAL_MS,
    option("consumer.assignor.offload.enable", &GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE),
    CONSUMER_HEARTBEAT_INTERVAL_MS,
    CONSUMER_SESSION_TIMEOUT_MS,
    option("errors.deadletterqueue.copy.record.enable", &ERRORS_DEADLETTERQUEUE_COPY_RECORD_ENABLE),
    option("errors.deadletterqueue.topic.name", &ERRORS_DEADLETTERQUEUE_TOPIC_NAME),
    option("share.assignment.interval.ms", &share_group::GROUP_SHARE_ASSIGNMENT_INTERVAL_MS)
        .between(
            &share_group::GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS,
            &share_group::GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS,
        ),
    option("share.assignor.offload.enable", &share_group::GROUP_SHARE_ASSIGNOR_OFFLOAD_ENABLE),
    option("share.auto.offset.reset", &SHARE_AUTO_OFFSET_RESET),
    option("share.delivery.count.limit", &share_group::GROUP_SHARE_DELIVERY_COUNT_LIMIT).between(
        &share_group::GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
        &share_group::GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT,
    ),
    option("share.heartbeat.interval.ms", &share_group::GROUP_SHARE_HEARTBEAT_INTERVAL_MS).between(
        &share_group::GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
        &share_group::GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS,
    ),
    option("share.isolation.level", &SHARE_ISOLATION_LEVEL),
    option(
        "share.partition.max.record.locks",
        &share_group::GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS,
    )
    .between(
        &share_group::GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
        &share_group::GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS,
    ),
    option("share.record.lock.duration.ms", &share_group::GROUP_SHARE_RECORD_LOCK_DURATION_MS)
        .between(
            &share_group::GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
            &share_group::GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS,
        ),
    option("share.renew.acknowledge.enable", &SHARE_RENEW_ACKNOWLEDGE_ENABLE),
    option("share.session.timeout.ms", &share_group::GROUP_SHARE_SESSION_TIMEOUT_MS).between(
        &share_group::GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
        &share_group::GROUP_SHARE_MAX_SESSION_TIMEOUT_MS,
    ),
    option(
        "streams.acceptable.recovery.lag",
        &streams_group::GROUP_STREAMS_ACCEPTABLE_RECOVERY_LAG,
    ),
    option("streams.assignment.interval.ms", &streams_group::GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS)
        .between(
            &streams_group::GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS,
            &streams_group::GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS,
        ),
    option("streams.assignor.name", &STREAMS_ASSIGNOR_NAME),
    option(
        "streams.assignor.offload.enable",
        &streams_group::GROUP_STREAMS_ASSIGNOR_OFFLOAD_ENABLE,
    ),
    option("streams.heartbeat.interval.ms", &streams_group::GROUP_STREAMS_HEARTBEAT_INTERVAL_MS)
        .between(
            &streams_group::GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
            &streams_group::GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS,
        ),
    option(
        "streams.initial.rebalance.delay.ms",
        &streams_group::GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS,
    ),
    option("streams.num.standby.replicas", &streams_group::GROUP_STREAMS_NUM_STANDBY_REPLICAS)
        .at_most(&streams_group::GROUP_STREAMS_MAX_STANDBY_REPLICAS),
    option("streams.num.warmup.replicas", &streams_group::GROUP_STREAMS_NUM_WARMUP_REPLICAS)
        .at_most(&streams_group::GROUP_STREAMS_MAX_WARMUP_REPLICAS),
    option(RACK_TAGS, &streams_group::GROUP_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS),
    option("streams.session.timeout.ms", &streams_group::GROUP_STREAMS_SESSION_TIMEOUT_MS).between(
        &streams_group::GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
        &streams_group::GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS,
    ),
    option(
        "streams.task.offset.interval.ms",
        &streams_group::GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS,
    )
    .at_least(&streams_group::GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS),
];

/// The session timeout of each protocol, which must be greater than its heartbeat interval.
const SESSION_AND_HEARTBEAT: &[(&str, &str)] = &[
    ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    ("streams.session.timeout.ms", "streams.heartbeat.interval.ms"),
];

/// The options of client metrics subscriptions, by name.
pub static OF_CLIENT_METRICS: &[ResourceOption] =
    &[option("interval.ms", &INTERVAL_MS), option("match", &MATCH), option("metrics", &METRICS)];

impl ResourceType {
    /// Returns its options, by name.
    pub fn options(self) -> &'static [ResourceOption] {
        match self {
            ResourceType::Group => OF_GROUPS,
            ResourceType::ClientMetrics => OF_CLIENT_METRICS,
        }
    }

    fn source(self) -> ConfigSource {
        match self {
            ResourceType::Group => ConfigSource::Group,
            ResourceType::ClientMetrics => ConfigSource::ClientMetrics,
        }
    }
}

/// Checks whether a resource may have these configs.
///
/// # Errors
///
/// Returns the first error.
pub fn check(
    owner: ResourceType,
    configs: &BTreeMap<String, String>,
    layers: &Layers,
) -> Result<(), ResourceConfigError> {
    let known = |name: &str| owner.options().iter().find(|option| option.name == name);
    // Kafka checks all names before any value.
    if let Some(name) = configs.keys().find(|name| known(name).is_none()) {
        return Err(unknown(owner, name));
    }
    for (option, value) in configs.iter().filter_map(|(name, value)| Some((known(name)?, value))) {
        // The broker's own bounds may differ from those that its value for all groups has.
        let is_bounded = option.least.is_some() && option.greatest.is_some();
        let is_valid = match is_bounded {
            true => option.row.reaches_least(value),
            false => option.row.validates(value, 1),
        };
        if !is_valid {
            return Err(invalid(option, value));
        }
        if option.name == RACK_TAGS && has_duplicates(value) {
            return Err(ResourceConfigError::DuplicatedTags);
        }
        option.check_bounds(value, layers)?;
    }
    if owner == ResourceType::Group { sessions_outlast_heartbeats(configs, layers) } else { Ok(()) }
}

/// Returns the names of a group's configs that are out of the broker's bounds.
pub fn out_of_bounds(configs: &BTreeMap<String, String>, layers: &Layers) -> Vec<&'static str> {
    let is_out = |option: &&ResourceOption| {
        let own = configs.get(option.name).and_then(|value| i64::read(value));
        own.is_some_and(|own| own != option.number(configs, layers))
    };
    OF_GROUPS.iter().filter(is_out).map(|option| option.name).collect()
}

/// Checks whether the broker's defaults for groups are within its bounds (`GroupCoordinatorConfig`,
/// `ShareGroupConfig`).
///
/// # Errors
///
/// Returns an error for a default out of bounds, or bounds that contradict each other.
pub fn check_bounds(layers: &Layers) -> Result<(), ConfigError> {
    let ordered = |less: &'static dyn Row, more: &'static dyn Row, is_strict: bool| {
        let (lesser, greater) = (of_broker(less, layers), of_broker(more, layers));
        if lesser < greater || (lesser == greater && !is_strict) {
            return Ok(());
        }
        // The defaults are in order, so the error names an option that has been set.
        let relation = if is_strict { ["less", "greater"] } else { ["at most", "at least"] };
        let than = if is_strict { " than" } else { "" };
        let name = |row: &'static dyn Row| row.broker().first().map_or("", |name| name.text);
        let found = layers.find(less.broker());
        let allowed = match found {
            Some(_) => format!("{}{than} {}, {greater}", relation[0], name(more)),
            None => format!("{}{than} {}, {lesser}", relation[1], name(less)),
        };
        Err(layers::invalid(found.or(layers.find(more.broker())), allowed))
    };
    for option in OF_GROUPS {
        if let Some((least, greatest)) = option.least.zip(option.greatest) {
            ordered(least, greatest, false)?;
        }
        option.least.map_or(Ok(()), |least| ordered(least, option.row, false))?;
        option.greatest.map_or(Ok(()), |greatest| ordered(option.row, greatest, false))?;
    }
    let row = |name: &str| OF_GROUPS.iter().find(|option| option.name == name).map(|one| one.row);
    for (session, heartbeat) in SESSION_AND_HEARTBEAT {
        if let Some((session, heartbeat)) = row(session).zip(row(heartbeat)) {
            ordered(heartbeat, session, true)?;
        }
    }
    Ok(())
}

fn sessions_outlast_heartbeats(
    configs: &BTreeMap<String, String>,
    layers: &Layers,
) -> Result<(), ResourceConfigError> {
    let number = |name: &str| {
        let own = configs.get(name).and_then(|value| i64::read(value));
        let option = OF_GROUPS.iter().find(|option| option.name == name);
        own.or(option.map(|option| of_broker(option.row, layers)))
    };
    for (session, heartbeat) in SESSION_AND_HEARTBEAT {
        let is_set = configs.contains_key(*session) || configs.contains_key(*heartbeat);
        if is_set && number(session) <= number(heartbeat) {
            return Err(ResourceConfigError::NotGreater { name: session, other: heartbeat });
        }
    }
    Ok(())
}

fn unknown(owner: ResourceType, name: &str) -> ResourceConfigError {
    match owner {
        ResourceType::Group => {
            let known = owner.options().iter().map(|option| option.name);
            let (name, hint) = (name.to_owned(), table::nearest(name, known));
            ResourceConfigError::UnknownOfGroup { name, hint }
        }
        ResourceType::ClientMetrics => ResourceConfigError::UnknownOfClientMetrics(name.to_owned()),
    }
}

fn invalid(option: &ResourceOption, value: &str) -> ResourceConfigError {
    match option.name {
        "interval.ms" if i32::read(value).is_some() => {
            ResourceConfigError::Interval(value.trim().to_owned())
        }
        "match" => {
            let items = List::read(value).unwrap_or_default();
            let wrong = items.into_iter().find(|item| !formats::is_client_pattern(item));
            ResourceConfigError::Pattern(wrong.unwrap_or_default())
        }
        "streams.assignor.name" => ResourceConfigError::Assignor(value.trim().to_owned()),
        "errors.deadletterqueue.topic.name" => ResourceConfigError::InternalTopic,
        name => ResourceConfigError::Invalid {
            name,
            value: value.to_owned(),
            allowed: option.row.allowed(1),
        },
    }
}

/// Returns every option of a resource with these configs, by name.
pub fn describe(
    owner: ResourceType,
    configs: &BTreeMap<String, String>,
    layers: &Layers,
) -> Vec<ConfigDescription> {
    let describe = |option: &'static ResourceOption| {
        let (name, row) = (option.name, option.row);
        let default =
            ConfigSynonym { name, value: Some(row.default_text()), source: ConfigSource::Default };
        let mut synonyms = match (owner, row.broker()) {
            // Kafka shows the source of a subscription's value only if the value is its own.
            (ResourceType::ClientMetrics, _) => Vec::new(),
            (ResourceType::Group, []) => vec![default],
            (ResourceType::Group, _) => broker_synonyms(row, layers),
        };
        if let Some(own) = configs.get(name).filter(|own| row.validates(own, 1)) {
            let (value, source) = (Some(row.tidied(own)), owner.source());
            synonyms.insert(0, ConfigSynonym { name, value, source });
        }
        let first = synonyms.first();
        let description = ConfigDescription {
            name,
            value: first.map_or(Some(row.default_text()), |synonym| synonym.value.clone()),
            source: first.map_or(ConfigSource::Default, |synonym| synonym.source),
            read_only: false,
            sensitive: false,
            kind: row.kind(),
            synonyms,
            doc: row.doc(),
        };
        (row, description)
    };
    owner.options().iter().map(describe).filter_map(unless_hidden).collect()
}

/// Returns the broker's default for groups.
fn text_of_broker(row: &dyn Row, layers: &Layers) -> String {
    match layers.find(row.broker()) {
        Some((name, setting)) => row.in_own_unit(&setting.value, name.factor),
        None => row.default_text(),
    }
}

fn of_broker(row: &dyn Row, layers: &Layers) -> i64 {
    i64::read(&text_of_broker(row, layers)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{Flag, Settings};

    fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refusal(owner: ResourceType, pairs: &[(&str, &str)]) -> String {
        let refused = Settings::default().check_resource(owner, &configs(pairs));
        refused.expect_err(pairs[0].0).to_string()
    }

    fn on_a_broker_with(name: &str, value: &str) -> Settings {
        let (name, value) = (name.to_owned(), value.to_owned());
        Settings::load(None, [], &[Flag { name, value, origin: "--set".to_owned() }]).unwrap()
    }

    #[test]
    fn options_are_in_order_and_have_good_defaults() {
        for owner in [ResourceType::Group, ResourceType::ClientMetrics] {
            assert!(owner.options().is_sorted_by(|a, b| a.name < b.name));
            for option in owner.options() {
                assert!(option.row.validates(&option.row.default_text(), 1), "{}", option.name);
                let default = configs(&[(option.name, &option.row.default_text())]);
                Settings::default().check_resource(owner, &default).unwrap();
            }
        }
    }

    #[test]
    fn a_groups_options_lie_between_the_brokers_bounds() {
        let session = |ms| [("consumer.session.timeout.ms", ms)];
        Settings::default()
            .check_resource(ResourceType::Group, &configs(&session("60000")))
            .unwrap();
        assert_eq!(
            refusal(ResourceType::Group, &session("60001")),
            "consumer.session.timeout.ms must be in the range 45000 to 60000 inclusive."
        );
        assert_eq!(
            refusal(ResourceType::Group, &session("44999")),
            "consumer.session.timeout.ms must be in the range 45000 to 60000 inclusive."
        );
        let wide = on_a_broker_with("group.consumer.min.session.timeout.ms", "1");
        assert_eq!(
            wide.check_resource(ResourceType::Group, &configs(&session("5000")))
                .unwrap_err()
                .to_string(),
            "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms"
        );
        wide.check_resource(ResourceType::Group, &configs(&session("5001"))).unwrap();
        assert_eq!(
            refusal(ResourceType::Group, &[("streams.num.standby.replicas", "3")]),
            "streams.num.standby.replicas must be less than or equal to 2"
        );
    }

    #[test]
    fn a_group_that_does_not_say_has_the_brokers_value() {
        let settings = on_a_broker_with("group.consumer.session.timeout.ms", "50000");
        let found = |configs: &BTreeMap<String, String>| {
            let all = settings.describe_resource(ResourceType::Group, configs);
            let session = all.into_iter().find(|one| one.name == "consumer.session.timeout.ms");
            let session = session.unwrap();
            (session.value.unwrap(), session.source.code(), session.synonyms.len())
        };
        assert_eq!(found(&BTreeMap::new()), ("50000".to_owned(), 4, 2));
        let own = configs(&[("consumer.session.timeout.ms", "47000")]);
        assert_eq!(found(&own), ("47000".to_owned(), 8, 3));
        let metrics = configs(&[("metrics", "a, b")]);
        let all = settings.describe_resource(ResourceType::ClientMetrics, &metrics);
        let found: Vec<_> =
            all.iter().map(|one| (one.value.as_deref(), one.source.code())).collect();
        assert_eq!(found, [(Some("300000"), 5), (Some(""), 5), (Some("a,b"), 7)]);
    }

    #[test]
    fn wrong_names_and_values_are_said_in_kafkas_words() {
        assert_eq!(
            refusal(ResourceType::Group, &[("consumer.session.timeout", "1")]),
            "Unknown group config name: consumer.session.timeout; \
             did you mean consumer.session.timeout.ms?"
        );
        assert_eq!(
            refusal(ResourceType::ClientMetrics, &[("no.such", "1")]),
            "Unknown client metrics configuration: no.such"
        );
        assert_eq!(
            refusal(ResourceType::ClientMetrics, &[("interval.ms", "99")]),
            "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)"
        );
        assert_eq!(
            refusal(ResourceType::ClientMetrics, &[("match", "client_id=a,foo=b")]),
            "Illegal client matching pattern: foo=b"
        );
        for wrong in ["client_id=[", "client_id", "client_id=", "client_id=a=b", "client_id=*a"] {
            assert!(!formats::is_client_pattern(wrong), "{wrong}");
        }
        for right in ["client_id=a.*", "client_source_port=(?:80|443)[0-9]?", r"client_id=\("] {
            assert!(formats::is_client_pattern(right), "{right}");
        }
    }
}
