//! The broker configs that clients set while it runs (KIP-226): checks, and conversion to layers.

use std::collections::BTreeMap;

use crate::config::error::{BrokerConfigError, ConfigError};
use crate::config::layers::{ConfigSource, Layer};
use crate::config::table;
use crate::config::value::has_duplicates;

/// The origin of a value that a client has set, for messages.
const ORIGIN: &str = "set while the broker runs";

/// The options that brokers have each for themselves (`DynamicBrokerConfig.PER_BROKER_CONFIGS`).
const OF_ONE_BROKER: &[&str] = &["cordoned.log.dirs"];

/// Checks whether the configs of a broker, or of all of them, may change from one set to another
/// while it runs. Unchanged ones are not checked.
///
/// # Errors
///
/// Returns an error for an option that does not exist or is read-only, a value that is not allowed,
/// or one that requires a feature that this version does not have.
pub fn check(
    has: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
    are_of_all: bool,
) -> Result<(), BrokerConfigError> {
    let changed = || wanted.iter().filter(|(name, value)| has.get(*name) != Some(*value));
    let is_fixed = |name: &str| {
        table::broker_option(name).is_some_and(|(row, name)| !row.changes_live_as(name))
    };
    let fixed: Vec<&str> =
        changed().map(|(name, _)| name.as_str()).filter(|name| is_fixed(name)).collect();
    if !fixed.is_empty() {
        return Err(BrokerConfigError::Fixed(fixed.join(", ")));
    }
    let of_one = changed().map(|(name, _)| name.as_str());
    let of_one: Vec<&str> = of_one.filter(|name| OF_ONE_BROKER.contains(name)).collect();
    if are_of_all && !of_one.is_empty() {
        return Err(BrokerConfigError::OfOneBroker(of_one.join(", ")));
    }
    for (name, value) in changed() {
        table::check_supported(name, value, ORIGIN)?;
        let Some((row, _)) = table::broker_option(name) else {
            let hint = table::hint_for_broker(name);
            return Err(BrokerConfigError::Unknown { name: name.clone(), hint });
        };
        if row.has_distinct_items() && has_duplicates(value) {
            return Err(BrokerConfigError::Duplicated(name.clone()));
        }
        if !row.validates(value, 1) {
            return Err(BrokerConfigError::Invalid {
                name: name.clone(),
                value: if row.is_sensitive() { "(hidden)" } else { value }.to_owned(),
                allowed: row.allowed(1),
            });
        }
    }
    Ok(())
}

/// Checks whether a broker may start with these configs, which clients have set in its data
/// directory.
///
/// # Errors
///
/// Returns an error if one of them requires a feature that this version does not have.
pub fn check_kept(configs: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let origin = "set by a client, and stored in the data directory";
    configs.iter().try_for_each(|(name, value)| table::check_supported(name, value, origin))
}

/// Converts stored configs to a layer. A value that [`check`] would refuse (stored by another
/// version, or by Apache Kafka itself) counts as not set.
pub fn layer(configs: &BTreeMap<String, String>, source: ConfigSource) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in configs {
        let Some((row, name)) = table::broker_option(name) else { continue };
        if row.changes_live_as(name) && row.validates(value, name.factor) {
            layer.put(name.text, value, ORIGIN, source);
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::entry::{Change, Effect, Row};
    use crate::config::settings::Settings;

    fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        check(&BTreeMap::new(), &configs(pairs), false).unwrap_err().to_string()
    }

    #[test]
    fn what_changes_at_a_start_only_is_refused_all_of_it_at_once() {
        assert_eq!(
            refusal(&[("node.id", "5"), ("num.partitions", "3"), ("message.max.bytes", "9")]),
            "Cannot update these configs dynamically: [node.id, num.partitions]"
        );
        assert_eq!(
            refusal(&[("log.retention.hours", "5")]),
            "Cannot update these configs dynamically: [log.retention.hours]"
        );
    }

    #[test]
    fn unknown_names_and_wrong_values_are_refused() {
        assert_eq!(
            refusal(&[("message.max.byte", "5")]),
            "Unknown broker config name: message.max.byte; did you mean message.max.bytes?"
        );
        assert_eq!(
            refusal(&[("min.insync.replicas", "0")]),
            "Invalid value 0 for configuration min.insync.replicas: \
             must be a whole number from 1 to 2147483647"
        );
    }

    #[test]
    fn what_stays_as_it_is_is_not_looked_at() {
        let kept = configs(&[("node.id", "5"), ("no.such.option", "1")]);
        check(&kept, &kept, false).unwrap();
        assert!(check(&kept, &configs(&[("node.id", "6")]), false).is_err());
    }

    #[test]
    fn a_list_that_names_an_item_twice_is_refused() {
        assert_eq!(
            refusal(&[("log.cleanup.policy", "delete,delete")]),
            "Configuration 'log.cleanup.policy' values must not be duplicated."
        );
    }

    #[test]
    fn what_brokers_have_each_for_themselves_is_not_set_on_all() {
        let cordoned = configs(&[("cordoned.log.dirs", "*")]);
        check(&BTreeMap::new(), &cordoned, false).unwrap();
        assert_eq!(
            check(&BTreeMap::new(), &cordoned, true).unwrap_err().to_string(),
            "Cannot update these configs at default cluster level, broker id must be specified: \
             [cordoned.log.dirs]"
        );
    }

    #[test]
    fn what_may_not_be_set_is_no_layer() {
        let kept = configs(&[("node.id", "5"), ("no.such.option", "1"), ("max.connections", "0")]);
        let settings = Settings::default().with_live(&kept, &kept);
        assert_eq!(settings.broker(), Settings::default().broker());
        assert_eq!(settings.live(), Settings::default().live());
    }

    /// Returns a value that the option allows and that is not its default.
    fn another(row: &dyn Row) -> &'static str {
        const TRIED: &[&str] = &[
            "true",
            "false",
            "2",
            "0.25",
            "2097152",
            "compact",
            "gzip",
            "LogAppendTime",
            "PLAIN",
            "10.0.0.1:5",
        ];
        let mut allowed = TRIED.iter().filter(|value| row.validates(value, 1));
        allowed.find(|value| **value != row.default_text()).expect("a value to try")
    }

    #[test]
    fn every_option_that_changes_live_acts_when_it_changes_and_no_other_changes() {
        let before = Settings::default();
        let none = BTreeMap::new();
        for (row, name) in table::rows().filter_map(|row| Some((row, row.broker().first()?))) {
            if row.effect() != Effect::Acts {
                continue;
            }
            let mut after = Vec::new();
            if row.change() == Change::Live {
                let set = configs(&[(name.text, another(row))]);
                after.push(before.with_live(&set, &none));
                after.push(before.with_live(&none, &set));
            }
            for after in after {
                let acts = after.live() != before.live()
                    || after.topic(&none) != before.topic(&none)
                    || after.group(&none) != before.group(&none);
                assert!(acts, "{}: nothing follows from its change", name.text);
                assert_eq!(after.broker(), before.broker(), "{}", name.text);
            }
        }
    }
}
